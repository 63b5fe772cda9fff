// SPDX-License-Identifier: GPL-2.0
/* iomapscope export: all observers side by side, and their sums for whoever scrapes. */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "caps.h"
#include "codes.h"
#include "command.h"
#include "export/http.h"
#include "export/textfile.h"

#define ADDRESS_DEFAULT	"127.0.0.1:9842"
#define KEYS_DEFAULT	4096
#define KEYS_MAX	65536
#define CGROUPS_DEFAULT	64
#define CGROUPS_MAX	1024
#define SECOND		1000000000ULL
#define INTERVAL_DEFAULT (15 * SECOND)

struct running {
	const struct args *args;
	struct exporter *exporter;
	struct event_base *base;
	struct event *stop[3];
	struct http *http;
	struct event *write;
	struct text text;
	int failed;			/* errno of the last writing, that has been told */
};

static const int stops[] = { SIGINT, SIGTERM, SIGHUP };

static void on_stop(evutil_socket_t signal, short what, void *ctx)
{
	(void)signal;
	(void)what;
	event_base_loopbreak(ctx);
}

/* Tells whoever has started us, if it wants to know. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (*path == '@')		/* of the abstract name space */
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

static void write_file(struct running *r)
{
	const char *directory = r->args->text[OPT_TEXTFILE];
	int ret;

	r->text.used = 0;
	r->text.failed = false;
	ret = exporter_scrape(r->exporter, EXPOSE_FILE, &r->text);
	if (!ret) {
		ret = textfile_write(directory, &r->text);
		if (ret)
			exporter_service(r->exporter)->scrape_errors++;
	}
	/* Once for each reason, and when it is over. */
	if (ret && -ret != r->failed)
		fprintf(stderr, "iomapscope: export: cannot write %s/" TEXTFILE_NAME ": %s; it is tried again\n", directory, strerror(-ret));
	else if (!ret && r->failed)
		fprintf(stderr, "iomapscope: export: %s/" TEXTFILE_NAME " is written again\n", directory);
	r->failed = -ret;
}

static void on_write(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	write_file(ctx);
}

static int check_args(const struct args *args, struct err *err)
{
	if (args->given[OPT_INTERVAL_EXPORT] && !args->given[OPT_TEXTFILE])
		return err_set(err, STATUS_USAGE, "--interval needs --textfile");
	if (args->given[OPT_INTERVAL_EXPORT] &&
	    (args->number[OPT_INTERVAL_EXPORT] < SECOND || args->number[OPT_INTERVAL_EXPORT] > 3600 * SECOND))
		return err_set(err, STATUS_USAGE, "--interval: %s is not between 1s and 1h", args->text[OPT_INTERVAL_EXPORT]);
	if (args->given[OPT_KEYS_EXPORT] && args->number[OPT_KEYS_EXPORT] > KEYS_MAX)
		return err_set(err, STATUS_USAGE, "--keys: %s is above %u", args->text[OPT_KEYS_EXPORT], KEYS_MAX);
	if (args->number[OPT_BY_CGROUP] > CGROUPS_MAX)
		return err_set(err, STATUS_USAGE, "--by-cgroup: %s is above %u", args->text[OPT_BY_CGROUP], CGROUPS_MAX);
	if (args->given[OPT_IN_FLIGHT] && args->number[OPT_IN_FLIGHT] > 1u << 20)
		return err_set(err, STATUS_USAGE, "--in-flight: %s is above %u", args->text[OPT_IN_FLIGHT], 1u << 20);
	if (args->given[OPT_TEXTFILE] && access(args->text[OPT_TEXTFILE], W_OK | X_OK))
		return err_set(err, STATUS_USAGE, "--textfile %s: %s; give a directory to write to", args->text[OPT_TEXTFILE], strerror(errno));
	return 0;
}

/* Gives up all capabilities, and checks what can only be told without them. */
static int drop_caps(const struct args *args, struct err *err)
{
	const char *directory = args->text[OPT_TEXTFILE];
	int ret = caps_drop(false);

	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	if (args->given[OPT_TEXTFILE] && access(directory, R_OK | W_OK | X_OK))
		return err_set(err, STATUS_USAGE, "--textfile %s: %s, as the file is written without capabilities: let user %u write there "
			       "(setfacl -m u:%u:rwx), or run as the owner with CAP_BPF and CAP_PERFMON", directory, strerror(errno), getuid(), getuid());
	return 0;
}

static void set_up(struct exporter_setup *setup, const struct args *args)
{
	setup->args = args;
	setup->code[GROUP_LOOKUPS] = lookups_code();
	setup->code[GROUP_STEPS] = steps_code();
	setup->code[GROUP_IOENDS] = ioends_code();
	setup->code[GROUP_DIO] = dio_code();
	setup->code[GROUP_DAX] = dax_code();
	setup->code[GROUP_AIO] = aio_code();
	setup->code[GROUP_DMIO] = dmio_code();
	setup->groups = args->given[OPT_OBSERVERS] ? args->number[OPT_OBSERVERS] : (1u << GROUP_COUNT) - 1;
	setup->keys = args->given[OPT_KEYS_EXPORT] ? args->number[OPT_KEYS_EXPORT] : KEYS_DEFAULT;
	if (args->given[OPT_BY_CGROUP])
		setup->cgroups = args->number[OPT_BY_CGROUP] ? args->number[OPT_BY_CGROUP] : CGROUPS_DEFAULT;
}

static int make_events(struct running *r, int fd, struct err *err)
{
	__u64 interval = r->args->given[OPT_INTERVAL_EXPORT] ? r->args->number[OPT_INTERVAL_EXPORT] : INTERVAL_DEFAULT;
	const struct timeval every = { interval / SECOND, interval % SECOND / 1000 };
	size_t i;

	r->base = event_base_new();
	if (!r->base)
		return err_set(err, STATUS_FAILED, "no memory");
	for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		r->stop[i] = evsignal_new(r->base, stops[i], on_stop, r->base);
		if (!r->stop[i] || event_add(r->stop[i], NULL))
			return err_set(err, STATUS_FAILED, "no memory");
	}
	if (fd >= 0) {
		r->http = http_new(r->base, fd, r->exporter, err);
		if (!r->http)
			return -1;
	}
	if (r->args->given[OPT_TEXTFILE]) {
		r->write = event_new(r->base, -1, EV_PERSIST, on_write, r);
		if (!r->write || event_add(r->write, &every))
			return err_set(err, STATUS_FAILED, "no memory");
	}
	return 0;
}

static int run(struct running *r, struct err *err)
{
	const struct args *args = r->args;
	struct exporter_setup setup = {};
	struct listen_address at = {};
	const char *missing;
	char url[96];
	int fd = -1;

	if (check_args(args, err))
		return -1;
	if (args->given[OPT_LISTEN] || !args->given[OPT_TEXTFILE]) {
		if (listen_parse(&at, args->given[OPT_LISTEN] ? args->text[OPT_LISTEN] : ADDRESS_DEFAULT, err))
			return -1;
	}
	missing = caps_missing();
	if (missing)
		return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
	/* Before the kernel's programs are loaded: whether it can be is soon known. */
	if (at.len) {
		fd = listen_open(&at, err);
		if (fd < 0)
			return -1;
	}
	set_up(&setup, args);
	r->exporter = exporter_open(&setup, err);
	if (!r->exporter) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (make_events(r, fd, err))
		return -1;
	/* The kernel's BTF has been read and is not needed any more. */
	malloc_trim(0);
	if (drop_caps(args, err))
		return -1;
	if (fd >= 0) {
		listen_url(fd, url, sizeof(url));
		fprintf(stderr, "iomapscope: export: %s\n", url);
		if (!at.loopback)
			fprintf(stderr, "iomapscope: export: anybody who reaches this address can read the metrics: a reverse proxy can ask for a "
				"password, see docs/exporter.md\n");
	}
	if (args->given[OPT_TEXTFILE])
		write_file(r);
	notify("READY=1");
	if (event_base_dispatch(r->base) < 0)
		return err_set(err, STATUS_FAILED, "cannot wait for events: %s", strerror(errno));
	notify("STOPPING=1");
	exporter_detach(r->exporter);
	return 0;
}

int export_main(const struct args *args, struct err *err)
{
	struct running r = { .args = args };
	size_t i;
	int ret = run(&r, err);

	http_free(r.http);
	if (r.write)
		event_free(r.write);
	for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		if (r.stop[i])
			event_free(r.stop[i]);
	}
	if (r.base)
		event_base_free(r.base);
	text_free(&r.text);
	exporter_close(r.exporter);
	return ret ? err->status : STATUS_OK;
}
