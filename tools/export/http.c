// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "export/http.h"

#define BACKLOG		512
#define PAUSE_MS	100	/* of the listener, when there is no descriptor for one more connection */

struct connection {
	struct http *http;
	struct evhttp_connection *evhttp;
	struct bufferevent *bufferevent;	/* until its connection is known */
	struct event *deadline;
	bool answering;
	struct connection *next;
};

struct http {
	struct event_base *base;
	struct evhttp *evhttp;
	struct evconnlistener *listener;
	struct exporter *exporter;
	struct exporter_service *service;
	struct connection *connections;
	struct event *resume;
	int spare;		/* a descriptor to give up when there are no more */
	unsigned int answers;
	struct text kept;	/* the memory of an answer that is over, for the next one */
	size_t bytes;		/* of the answers on their way */
	size_t last_bytes;	/* of the last one that was made */
	bool errors_told;
};

static const char landing[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>iomapscope</title></head>\n"
	"<body><h1>iomapscope " VERSION "</h1>\n<p><a href=\"/metrics\">Metrics</a></p>\n<p><a href=\"/-/healthy\">Health</a></p>\n"
	"</body></html>\n";

int listen_parse(struct listen_address *to, const char *text, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to->address;
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	unsigned long port;
	size_t len;
	bool bracketed;

	memset(to, 0, sizeof(*to));
	len = colon ? colon - text : 0;
	port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 65536;
	bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (!len || len >= sizeof(host) || port > 65535 || *end)
		return err_set(err, STATUS_USAGE, "--listen: '%s' is not an address with a port; write it like 127.0.0.1:9842 or [::1]:9842", text);
	snprintf(host, sizeof(host), "%.*s", (int)len - 2 * bracketed, text + bracketed);
	if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		to->len = sizeof(*v6);
		to->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
		return 0;
	}
	if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		to->len = sizeof(*v4);
		to->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
		return 0;
	}
	return err_set(err, STATUS_USAGE, "--listen: '%s' is not an address with a port; write it like 127.0.0.1:9842 or [::1]:9842", text);
}

void listen_url(int fd, char *url, size_t size)
{
	struct sockaddr_storage address = {};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "?";

	getsockname(fd, (struct sockaddr *)&address, &len);
	if (address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(url, size, "http://[%s]:%u/metrics", host, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(url, size, "http://%s:%u/metrics", host, ntohs(v4->sin_port));
	}
}

int listen_open(const struct listen_address *at, struct err *err)
{
	int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return err_set(err, STATUS_FAILED, "cannot listen: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at->address, at->len) || listen(fd, BACKLOG)) {
		err_set(err, STATUS_FAILED, "cannot listen there: %s; see --listen", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static void set_deadline(struct connection *c, unsigned int seconds)
{
	const struct timeval after = { .tv_sec = seconds };

	evtimer_add(c->deadline, &after);
}

static void forget_connection(struct connection *c)
{
	struct connection **at = &c->http->connections;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->http->service->connections--;
	event_free(c->deadline);
	free(c);
}

static void on_closed(struct evhttp_connection *evhttp, void *ctx)
{
	struct connection *c = ctx;

	(void)evhttp;
	if (c->answering)
		c->http->answers--;
	forget_connection(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct connection *c = ctx;

	(void)fd;
	(void)what;
	/* Calls on_closed(). */
	evhttp_connection_free(c->evhttp);
}

/*
 * What libevent makes of the bufferevent that it was given just now: it does not tell of a connection before its first request, so the
 * one that has it is found by the argument of its callbacks.
 */
static void on_made(evutil_socket_t fd, short what, void *ctx)
{
	struct connection *c = ctx;
	bufferevent_event_cb event = NULL;
	void *evhttp = NULL;
	bool refuse;

	(void)fd;
	(void)what;
	bufferevent_getcb(c->bufferevent, NULL, NULL, &event, &evhttp);
	bufferevent_decref(c->bufferevent);
	c->bufferevent = NULL;
	if (!event || !evhttp) {	/* it is gone already */
		forget_connection(c);
		return;
	}
	c->evhttp = evhttp;
	evhttp_connection_set_closecb(c->evhttp, on_closed, c);
	event_free(c->deadline);
	c->deadline = evtimer_new(c->http->base, on_deadline, c);
	refuse = c->http->service->connections > HTTP_CONNECTIONS || !c->deadline;
	if (refuse) {
		c->http->service->refused++;
		evhttp_connection_free(c->evhttp);
		return;
	}
	set_deadline(c, HTTP_REQUEST_S);
}

/* For a connection that has been accepted. */
static struct bufferevent *make_bufferevent(struct event_base *base, void *ctx)
{
	struct bufferevent *made = bufferevent_socket_new(base, -1, 0);
	struct connection *c = made ? calloc(1, sizeof(*c)) : NULL;
	struct http *http = ctx;

	if (!c)
		return made;
	c->http = http;
	c->bufferevent = made;
	c->deadline = event_new(base, -1, 0, on_made, c);
	if (!c->deadline) {
		free(c);
		return made;
	}
	bufferevent_incref(made);
	c->next = http->connections;
	http->connections = c;
	http->service->connections++;
	event_active(c->deadline, EV_TIMEOUT, 0);
	return made;
}

static struct connection *connection_of(struct http *http, struct evhttp_request *request)
{
	struct evhttp_connection *evhttp = evhttp_request_get_connection(request);
	struct connection *c;

	for (c = http->connections; c && c->evhttp != evhttp; c = c->next)
		;
	return c;
}

static void on_answered(struct evhttp_request *request, void *ctx)
{
	struct http *http = ctx;
	struct connection *c = connection_of(http, request);

	if (!c || !c->answering)
		return;
	c->answering = false;
	http->answers--;
	set_deadline(c, HTTP_KEPT_S);
}

/* An answer that libevent sends, and gives back. */
struct answer {
	struct http *http;
	struct text text;
};

/* The memory of an answer is the next one's: it is many pages, which the kernel need not clear each time. */
static void keep_memory(struct http *http, struct text *text)
{
	if (http->kept.data || text->room > HTTP_KEPT_BYTES) {
		text_free(text);
		return;
	}
	http->kept = (struct text) { .data = text->data, .room = text->room };
}

static void on_sent(const void *data, size_t len, void *ctx)
{
	struct answer *answer = ctx;

	(void)data;
	answer->http->bytes -= len;
	keep_memory(answer->http, &answer->text);
	free(answer);
}

static void send_text(struct evhttp_request *request, int status, const char *reason, const char *type, const void *data,
		      size_t len, struct answer *answer)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	char length[24];

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	snprintf(length, sizeof(length), "%zu", len);
	evhttp_add_header(headers, "Content-Length", length);
	if (body && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
		/* What nobody asks back may be gone before it is sent. */
		if (!answer)
			evbuffer_add(body, data, len);
		else if (evbuffer_add_reference(body, data, len, on_sent, answer))
			on_sent(data, len, answer);
	} else if (answer) {
		on_sent(data, len, answer);
	}
	evhttp_send_reply(request, status, reason, body);
	if (body)
		evbuffer_free(body);
}

static void send_words(struct evhttp_request *request, int status, const char *reason, const char *words)
{
	send_text(request, status, reason, "text/plain; charset=utf-8", words, strlen(words), NULL);
}

static void send_metrics(struct http *http, struct evhttp_request *request, struct connection *c)
{
	enum exposition exposition = expose_choose(evhttp_find_header(evhttp_request_get_input_headers(request), "Accept"));
	/* While another answer is on its way, its memory is not there. */
	struct answer *answer;
	int ret;

	if (http->answers >= HTTP_ANSWERS || (http->bytes && http->bytes + http->last_bytes > HTTP_BYTES)) {
		http->service->scrape_errors++;
		evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", "1");
		send_words(request, 503, "Service Unavailable", "too many scrapes at the same time\n");
		return;
	}
	answer = calloc(1, sizeof(*answer));
	if (answer) {
		answer->http = http;
		answer->text = http->kept;
		memset(&http->kept, 0, sizeof(http->kept));
	}
	ret = answer ? exporter_scrape(http->exporter, exposition, &answer->text) : -ENOMEM;
	if (ret) {
		char words[160];

		snprintf(words, sizeof(words), "cannot read the kernel's results: %s\n", strerror(-ret));
		if (!http->errors_told)
			fprintf(stderr, "iomapscope: export: %s", words);
		http->errors_told = true;
		if (answer)
			text_free(&answer->text);
		free(answer);
		send_words(request, 500, "Internal Server Error", words);
		return;
	}
	http->errors_told = false;
	if (c) {
		c->answering = true;
		http->answers++;
	}
	http->last_bytes = answer->text.used;
	http->bytes += answer->text.used;
	send_text(request, 200, "OK", exposition == EXPOSE_OPENMETRICS ? EXPOSE_OPENMETRICS_TYPE : EXPOSE_TEXT_TYPE, answer->text.data,
		  answer->text.used, answer);
}

static void on_request(struct evhttp_request *request, void *ctx)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type method = evhttp_request_get_command(request);
	struct http *http = ctx;
	struct connection *c = connection_of(http, request);

	if (c)
		set_deadline(c, HTTP_ANSWER_S);
	evhttp_request_set_on_complete_cb(request, on_answered, http);
	if (!path || !*path)
		path = "/";
	if (strcmp(path, "/") && strcmp(path, "/metrics") && strcmp(path, "/-/healthy")) {
		send_words(request, 404, "Not Found", "there are /metrics and /-/healthy\n");
	} else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
		send_words(request, 405, "Method Not Allowed", "only GET and HEAD\n");
	} else if (!strcmp(path, "/metrics")) {
		send_metrics(http, request, c);
	} else if (!strcmp(path, "/-/healthy")) {
		send_words(request, 200, "OK", "ok\n");
	} else {
		send_text(request, 200, "OK", "text/html; charset=utf-8", landing, sizeof(landing) - 1, NULL);
	}
}

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
	struct http *http = ctx;

	(void)fd;
	(void)what;
	evconnlistener_enable(http->listener);
}

/* The listener's context is evhttp's own, and there is one server in a process. */
static struct http *serving;

/* Without a descriptor to accept it with, who knocks would be told of again and again. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	const struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	struct http *http = serving;
	int fd;

	(void)ctx;

	if (http->spare >= 0) {
		close(http->spare);
		fd = accept(evconnlistener_get_fd(listener), NULL, NULL);
		if (fd >= 0) {
			close(fd);
			http->service->refused++;
		}
		http->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && http->spare >= 0)
			return;
	}
	evconnlistener_disable(listener);
	evtimer_add(http->resume, &pause);
}

struct http *http_new(struct event_base *base, int fd, struct exporter *exporter, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		close(fd);
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	http->base = base;
	http->exporter = exporter;
	http->service = exporter_service(exporter);
	http->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	http->evhttp = evhttp_new(base);
	http->resume = evtimer_new(base, on_resume, http);
	http->listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!http->listener)
		close(fd);
	if (!http->evhttp || !http->resume || !http->listener) {
		err_set(err, STATUS_FAILED, "no memory");
		http_free(http);
		return NULL;
	}
	evhttp_set_bevcb(http->evhttp, make_bufferevent, http);
	evhttp_set_gencb(http->evhttp, on_request, http);
	evhttp_set_max_headers_size(http->evhttp, HTTP_HEADERS);
	evhttp_set_max_body_size(http->evhttp, HTTP_BODY);
	/* The deadlines are ours: its own begin anew with each byte. */
	evhttp_set_timeout(http->evhttp, HTTP_KEPT_S + HTTP_ANSWER_S);
	/* All that there are: the answer says which are allowed. */
	evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
				   EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	if (!evhttp_bind_listener(http->evhttp, http->listener)) {
		err_set(err, STATUS_FAILED, "no memory");
		http_free(http);
		return NULL;
	}
	serving = http;
	evconnlistener_set_error_cb(http->listener, on_accept_error);
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	/* Closes the connections, which are told of it, and the listener. */
	if (http->evhttp)
		evhttp_free(http->evhttp);
	while (http->connections) {
		struct connection *c = http->connections;

		if (c->bufferevent)
			bufferevent_decref(c->bufferevent);
		forget_connection(c);
	}
	if (http->resume)
		event_free(http->resume);
	if (http->spare >= 0)
		close(http->spare);
	text_free(&http->kept);
	free(http);
}
