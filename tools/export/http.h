/* SPDX-License-Identifier: GPL-2.0 */
/* The exporter's HTTP server, of libevent: bounded in everything, and never blocked by a client. */
#ifndef IOMAPSCOPE_EXPORT_HTTP_H
#define IOMAPSCOPE_EXPORT_HTTP_H

#include <sys/socket.h>

#include "err.h"
#include "export/exporter.h"

struct event_base;
struct http;

#define HTTP_CONNECTIONS	64	/* open at a time */
#define HTTP_ANSWERS		8	/* on their way at a time: each is a copy of its own */
#define HTTP_BYTES		(256u << 20)	/* of them together, but for one that is alone */
#define HTTP_KEPT_BYTES		(64u << 20)	/* no more of an answer's memory is kept for the next one */
#define HTTP_HEADERS		8192	/* bytes */
#define HTTP_BODY		4096
#define HTTP_REQUEST_S		15	/* for a whole request, from the connection's begin or the last answer's end */
#define HTTP_ANSWER_S		60	/* for an answer */
#define HTTP_KEPT_S		120	/* without another request */

struct listen_address {
	struct sockaddr_storage address;
	socklen_t len;
	bool loopback;
};

/* "127.0.0.1:9842", "[::1]:9842"; port 0: any. Returns 0, or -1 with @err of STATUS_USAGE. */
int listen_parse(struct listen_address *to, const char *text, struct err *err);

/* A socket that listens there, or -1 with @err. */
int listen_open(const struct listen_address *at, struct err *err);
/* "http://127.0.0.1:9842/metrics" of a socket. */
void listen_url(int fd, char *url, size_t size);

/* Takes @fd over. NULL with @err. */
struct http *http_new(struct event_base *base, int fd, struct exporter *exporter, struct err *err);
void http_free(struct http *http);

#endif
