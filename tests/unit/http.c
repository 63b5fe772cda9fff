// SPDX-License-Identifier: GPL-2.0
/* The memory of answers, where several are on their way at a time: the server itself, with scrapes that are made up. */
#define listen_parse tested_listen_parse
#define listen_open tested_listen_open
#define listen_url tested_listen_url
#define http_new tested_http_new
#define http_free tested_http_free
#define exporter_scrape made_up_scrape
#define exporter_service made_up_service
#include "../../tools/export/http.c"

#include "tap.h"

#define LINE 64

static struct exporter_service service;
static size_t wanted, room_at_first;		/* of the next answer; of the memory that it was given */
static struct event_base *base;
static struct sockaddr_in address;

int made_up_scrape(struct exporter *exporter, enum exposition exposition, struct text *text)
{
	char line[LINE];

	(void)exporter;
	(void)exposition;
	room_at_first = text->room;
	memset(line, 'x', sizeof(line));
	line[LINE - 1] = '\n';
	while (text->used < wanted)
		text_add(text, line, LINE);
	return text->failed ? -ENOMEM : 0;
}

struct exporter_service *made_up_service(struct exporter *exporter)
{
	(void)exporter;
	return &service;
}

static void turn(int times)
{
	while (times--) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(100);
	}
}

/* Asks, and does not read yet. */
static int ask(size_t bytes)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

	wanted = bytes;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, request, sizeof(request) - 1) < 0)
		perror("connect");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	turn(100);
	return fd;
}

/* Reads all of an answer; its status, 0 if it did not come. */
static int answered(int fd, size_t bytes)
{
	static char part[1 << 16];
	size_t got = 0;
	int idle, status = 0;

	for (idle = 0; got < bytes && idle < 20000; idle++) {
		ssize_t n = read(fd, part, sizeof(part) - 1);

		event_base_loop(base, EVLOOP_NONBLOCK);
		if (n <= 0)
			continue;
		part[n] = 0;
		if (!got)
			sscanf(part, "HTTP/1.1 %d", &status);
		got += n;
		idle = 0;
	}
	turn(50);
	return got < bytes ? 0 : status;
}

int main(void)
{
	struct listen_address at;
	socklen_t len = sizeof(address);
	struct err err = {};
	struct http *http;
	int fd, slow, other, third;

	if (listen_parse(&at, "127.0.0.1:0", &err))
		return 1;
	fd = listen_open(&at, &err);
	getsockname(fd, (struct sockaddr *)&address, &len);
	base = event_base_new();
	http = http_new(base, fd, NULL, &err);
	ok(http, "it listens");

	/* The memory that is kept is that of the answer which is over first, whichever was made last. */
	slow = ask(8000000);
	other = ask(17000000);
	is_int(answered(slow, 8000000), 200, "a small answer is over before a larger one");
	is_int(answered(other, 17000000), 200, "and the larger one");
	third = ask(16900000);
	is_int(room_at_first, 8 << 20, "the next one is made in the memory of the first");
	is_int(answered(third, 16900000), 200, "and is whole");
	close(slow);
	close(other);
	close(third);
	turn(50);

	slow = ask(HTTP_BYTES - LINE);
	other = ask(LINE);
	is_int(answered(other, 20), 503, "what would be more memory at a time than there may be is refused");
	is_int(service.scrape_errors, 1, "and counted");
	close(slow);
	close(other);
	turn(50);
	is_int(http->bytes, 0, "who goes away gives back what was to be sent");
	ok(http->kept.room <= HTTP_KEPT_BYTES, "no large memory is kept");
	other = ask(LINE);
	is_int(answered(other, LINE), 200, "and it goes on");
	close(other);
	http_free(http);
	event_base_free(base);
	return done_testing();
}
