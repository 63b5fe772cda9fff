// SPDX-License-Identifier: GPL-2.0
/* iomapscope probe: what can be observed here, and what not, and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "caps.h"
#include "command.h"
#include "filesystems.h"
#include "kallsyms.h"
#include "lookups.h"
#include "mounts.h"
#include "output.h"
#include "plan.h"

enum fs_group {
#define GROUP_ENUM(id, name, what) GROUP_##id,
	FS_GROUPS(GROUP_ENUM)
#undef GROUP_ENUM
	GROUP_COUNT,
};

static const struct {
	const char *id, *name;
} groups[GROUP_COUNT] = {
#define GROUP_DESC(id_, name_, what) { #id_, name_ },
	FS_GROUPS(GROUP_DESC)
};

enum fs_entry { N, Y, D };

static const struct fs_desc {
	const char *type;
	unsigned char group[GROUP_COUNT];
	const char *note;
} filesystems[] = {
#define FS_DESC(type_, a, b, c, d, e, f, g, h, i, note_) { type_, { a, b, c, d, e, f, g, h, i }, note_ },
	FILESYSTEMS(FS_DESC)
};

#define OBSERVERS_MAX 16
#define LOOKUPS 0			/* the first of observers[] */
#define IOENDS 1			/* the second */

struct probe {
	struct utsname host;
	struct plan plan[OBSERVERS_MAX];	/* in the order of observers[] */
	const char *caps_missing;
	bool btf_ok;
	char btf_error[sizeof(((struct err *)0)->text)];
	enum callers_state callers;
	unsigned int caller_count;
	int chosen[OBSERVERS_MAX];	/* source, -1: none */
	struct mounts mounts;
	struct out *out;
};

static const struct fs_desc *fs_find(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++) {
		if (!strcmp(filesystems[i].type, type))
			return &filesystems[i];
	}
	return NULL;
}

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	for (at = options; *at; at += strcspn(at, ","), at += *at == ',') {
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ',' || at[len] == '='))
			return true;
	}
	return false;
}

static bool mounted_by_dax(const struct mount *mount)
{
	return (has_option(mount->options, "dax") || has_option(mount->super_options, "dax")) &&
	       !strstr(mount->super_options, "dax=never") && !strstr(mount->options, "dax=never");
}

/* Whether this group can be seen on the mount, and if not, why. */
static bool visible(const struct probe *probe, const struct fs_desc *fs, const struct mount *mount, int group, const char **why)
{
	switch (fs->group[group]) {
	case Y:
		if (group != GROUP_writeback || probe->chosen[IOENDS] >= 0)
			return true;
		*why = "no source of ioends";
		return false;
	case D:
		if (mounted_by_dax(mount))
			return true;
		*why = "not mounted with dax";
		return false;
	}
	*why = "does not enter iomap";
	return false;
}

static const char *callers_words(const struct probe *probe)
{
	switch (probe->callers) {
	case CALLERS_FOUND:
		return "known from the callers in /proc/kallsyms";
	case CALLERS_HIDDEN:
		return "only those that the flags tell: the addresses in /proc/kallsyms are hidden (CAP_SYSLOG, kernel.kptr_restrict)";
	case CALLERS_NONE:
		return "only those that the flags tell: /proc/kallsyms names no caller of iomap";
	}
	return "";
}

static bool first_of_superblock(const struct mounts *mounts, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++) {
		if (mounts->mount[j].dev == mounts->mount[i].dev)
			return false;
	}
	return true;
}

static bool newer_than_table(const struct probe *probe)
{
	int major = 0, minor = 0, table_major, table_minor;

	if (sscanf(probe->host.release, "%d.%d", &major, &minor) != 2 ||
	    sscanf(FS_TABLE_KERNEL, "%d.%d", &table_major, &table_minor) != 2)
		return true;
	return major > table_major || (major == table_major && minor > table_minor);
}

static void print_observer(struct probe *probe, size_t i)
{
	const struct observer *observer = observers[i];
	struct out *out = probe->out;
	int source;

	out_printf(out, "\n%-11s %s\n", observer->command, probe->chosen[i] < 0 ? "cannot be observed" :
		   probe->caps_missing ? "could be observed with the privilege" : "can be observed");
	for (source = 0; probe->btf_ok && source < observer->source_count; source++) {
		const char *name = source_name(observer, source), *limits = source_limits(observer, source);
		bool chosen = source == probe->chosen[i];
		char layers[160];

		if (!probe->plan[i].source[source].usable)
			out_printf(out, "  - %-18s %s\n", name, probe->plan[i].source[source].why_not);
		else if (plan_layers_missing(&probe->plan[i], source, layers, sizeof(layers)))
			out_printf(out, "  %c %-18s %s; layers not seen here: %s%s%s\n", chosen ? '*' : '+', name, chosen ? "chosen" : "available",
				   layers, limits ? "; cannot tell: " : "", limits ? limits : "");
		else
			out_printf(out, "  %c %-18s %s%s%s\n", chosen ? '*' : '+', name, chosen ? "chosen" : "available",
				   limits ? "; cannot tell: " : "; tells everything", limits ? limits : "");
	}
}

/* Several lines go by out_printf(), one at a time: each stays below LINE_ROOM. */
static void print_text(struct probe *probe)
{
	struct out *out = probe->out;
	size_t i, others = 0;
	int group;

	out_printf(out, "kernel      %s %s\n", probe->host.release, probe->host.machine);
	if (probe->caps_missing)
		out_printf(out, "privilege   missing: %s\n", probe->caps_missing);
	else
		out_printf(out, "privilege   enough to load and attach programs\n");
	out_printf(out, "BTF         %s\n", probe->btf_ok ? "ok" : probe->btf_error);
	for (i = 0; i < observer_count; i++)
		print_observer(probe, i);
	if (probe->chosen[LOOKUPS] > SOURCE_LOOKUP)
		out_printf(out, "operations  %s\n", callers_words(probe));
	if (probe->btf_ok && !probe->plan[LOOKUPS].cookie)
		out_printf(out, "cookie      this kernel's mappings have none\n");
	if (probe->plan[LOOKUPS].unknown_ops[0])
		out_printf(out, "operations  of this kernel that are shown as unknown: %s\n", probe->plan[LOOKUPS].unknown_ops);
	if (probe->plan[LOOKUPS].own_iterators)
		out_printf(out, "iterators   a file system may walk mappings without iomap_iter() on this kernel; such lookups are "
			   "not seen\n");

	out_printf(out, "\nWhat enters iomap, and so can be seen, on each mounted file system (checked against Linux %s%s):\n",
		   FS_TABLE_KERNEL, newer_than_table(probe) ? ", this kernel is newer and may differ" : "");
	for (i = 0; i < probe->mounts.count; i++) {
		const struct mount *mount = &probe->mounts.mount[i];
		const struct fs_desc *fs = fs_find(mount->type);
		char dev[24], point[LINE_ROOM / 2], yes[256] = "", no[512] = "";

		if (!first_of_superblock(&probe->mounts, i))
			continue;
		if (!fs) {
			others++;
			continue;
		}
		*put_dev(dev, mount->dev) = 0;
		/* A path may be as long as the system allows; the column shows what fits. */
		*put_text(point, mount->point, LINE_ROOM / 16) = 0;
		out_printf(out, "%-8s %-8s %s\n", dev, mount->type, point);
		for (group = 0; group < GROUP_COUNT; group++) {
			const char *why = NULL;
			char *list = visible(probe, fs, mount, group, &why) ? yes : no;
			size_t used = strlen(list), room = (list == yes ? sizeof(yes) : sizeof(no)) - used;

			snprintf(list + used, room, "%s%s%s%s%s", used ? ", " : "", groups[group].name, why ? " (" : "",
				 why ? why : "", why ? ")" : "");
		}
		out_printf(out, "    seen:     %s\n", *yes ? yes : "nothing");
		if (*no)
			out_printf(out, "    not seen: %s\n", no);
		if (*fs->note)
			out_printf(out, "    %s\n", fs->note);
	}
	out_printf(out, "Block devices used as files: %s.\n", FS_BLOCK_DEVICE);
	if (others)
		out_printf(out, "%zu other mounted file systems are not known to use iomap.\n", others);
}

static void print_source_json(struct probe *probe, size_t i, int source)
{
	const struct observer *observer = observers[i];
	bool usable = probe->plan[i].source[source].usable;
	char layers[160], *p = out_begin(probe->out);

	p = put_str(p, "{\"event\":\"source\",\"command\":\"probe\",\"observation\":");
	p = put_json(p, observer->command, 64);
	p = put_str(p, ",\"source\":");
	p = put_json(p, source_name(observer, source), 64);
	p = put_str(p, ",\"usable\":");
	p = put_str(p, usable ? "true" : "false");
	p = put_str(p, ",\"chosen\":");
	p = put_str(p, source == probe->chosen[i] ? "true" : "false");
	p = put_str(p, ",\"why_not\":");
	p = usable ? put_str(p, "null") :
		     put_json(p, probe->plan[i].source[source].why_not, sizeof(probe->plan[i].source[source].why_not));
	p = put_str(p, ",\"cannot_tell\":");
	p = source_limits(observer, source) ? put_json(p, source_limits(observer, source), 1024) : put_str(p, "null");
	if (observer->layer_count) {
		plan_layers_missing(&probe->plan[i], source, layers, sizeof(layers));
		p = put_str(p, ",\"layers_missing\":");
		p = put_json(p, layers, sizeof(layers));
	}
	p = put_str(p, "}\n");
	out_end(probe->out, p, false);
}

/* One object a line: the kernel, each source, each file system. */
static void print_json(struct probe *probe)
{
	struct out *out = probe->out;
	size_t i;
	int source, group, chosen = probe->chosen[LOOKUPS];
	char *p = out_begin(out);

	p = put_str(p, "{\"event\":\"kernel\",\"command\":\"probe\",\"release\":");
	p = put_json(p, probe->host.release, sizeof(probe->host.release));
	p = put_str(p, ",\"machine\":");
	p = put_json(p, probe->host.machine, sizeof(probe->host.machine));
	p = put_str(p, ",\"btf\":");
	p = put_str(p, probe->btf_ok ? "true" : "false");
	p = put_str(p, ",\"privilege_missing\":");
	p = probe->caps_missing ? put_json(p, probe->caps_missing, 64) : put_str(p, "null");
	for (i = 0; i < observer_count; i++) {
		p = put_str(p, ",\"");
		p = put_str(p, observers[i]->command);
		p = put_str(p, "\":");
		p = put_str(p, probe->chosen[i] >= 0 && !probe->caps_missing ? "true" : "false");
	}
	p = put_str(p, ",\"source\":");
	p = chosen >= 0 ? put_json(p, source_name(observers[LOOKUPS], chosen), 64) : put_str(p, "null");
	p = put_str(p, ",\"operations\":");
	p = chosen > SOURCE_LOOKUP ? put_json(p, callers_words(probe), 256) :
	    chosen == SOURCE_LOOKUP ? put_str(p, "\"all\"") : put_str(p, "null");
	p = put_str(p, ",\"unknown_operations\":");
	p = put_json(p, probe->plan[LOOKUPS].unknown_ops, sizeof(probe->plan[LOOKUPS].unknown_ops));
	p = put_str(p, "}\n");
	out_end(out, p, false);

	for (i = 0; probe->btf_ok && i < observer_count; i++) {
		for (source = 0; source < observers[i]->source_count; source++)
			print_source_json(probe, i, source);
	}

	for (i = 0; i < probe->mounts.count; i++) {
		const struct mount *mount = &probe->mounts.mount[i];
		const struct fs_desc *fs = fs_find(mount->type);

		if (!first_of_superblock(&probe->mounts, i))
			continue;
		p = out_begin(out);
		p = put_str(p, "{\"event\":\"filesystem\",\"command\":\"probe\",\"dev\":\"");
		p = put_dev(p, mount->dev);
		p = put_str(p, "\",\"type\":");
		p = put_json(p, mount->type, 64);
		p = put_str(p, ",\"mount_point\":");
		p = put_json(p, mount->point, LINE_ROOM / 16);
		p = put_str(p, ",\"iomap\":");
		p = put_str(p, fs ? "true" : "false");
		p = put_str(p, ",\"seen\":[");
		for (group = 0; fs && group < GROUP_COUNT; group++) {
			const char *why;

			if (!visible(probe, fs, mount, group, &why))
				continue;
			if (p[-1] != '[')
				*p++ = ',';
			p = put_json(p, groups[group].id, 64);
		}
		p = put_str(p, "],\"not_seen\":{");
		for (group = 0; fs && group < GROUP_COUNT; group++) {
			const char *why;

			if (visible(probe, fs, mount, group, &why))
				continue;
			if (p[-1] != '{')
				*p++ = ',';
			p = put_json(p, groups[group].id, 64);
			*p++ = ':';
			p = put_json(p, why, 64);
		}
		p = put_str(p, "},\"checked_against\":\"" FS_TABLE_KERNEL "\",\"note\":");
		p = put_json(p, fs ? fs->note : "", 256);
		p = put_str(p, "}\n");
		out_end(out, p, false);
	}
}

int probe_main(const struct args *args, struct err *err)
{
	struct caller_range ranges[RANGE_MAX];
	struct probe probe = {};
	struct btf *btf;
	int ret, status = STATUS_OK;
	size_t i;

	/* libbpf is only asked; what it finds is told in our words. */
	libbpf_set_print(NULL);
	uname(&probe.host);
	probe.caps_missing = caps_missing();
	for (i = 0; i < observer_count; i++)
		probe.chosen[i] = -1;
	if (plan_btf(&btf, err)) {
		memcpy(probe.btf_error, err->text, sizeof(probe.btf_error));
	} else {
		probe.btf_ok = true;
		for (i = 0; i < observer_count; i++) {
			struct btf *module = plan_module_btf(observers[i], btf);

			plan_make(&probe.plan[i], observers[i], module ? module : btf);
			btf__free(module);
			if (!probe.caps_missing)
				plan_try(&probe.plan[i], btf);
			probe.chosen[i] = plan_choose(&probe.plan[i], 0);
		}
		btf__free(btf);
		probe.callers = callers_read(ranges, RANGE_MAX, &probe.caller_count);
	}
	ret = mounts_read(&probe.mounts);
	if (ret) {
		err_set(err, STATUS_FAILED, "cannot read the mount table: %s", strerror(-ret));
		return err->status;
	}
	probe.out = out_new(STDOUT_FILENO, 1 << 16, NULL);
	if (!probe.out) {
		mounts_free(&probe.mounts);
		err_set(err, STATUS_FAILED, "no memory");
		return err->status;
	}
	if (args->given[OPT_PROBE_OUTPUT] && args->number[OPT_PROBE_OUTPUT] == 1)
		print_json(&probe);
	else
		print_text(&probe);
	out_flush(probe.out);
	if (out_error(probe.out)) {
		err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(out_error(probe.out)));
		status = err->status;
	} else if (!probe.btf_ok) {
		status = err->status;		/* and its sentence */
	} else if (probe.chosen[LOOKUPS] < 0) {
		err_set(err, STATUS_KERNEL, "this kernel has no source for lookups");
		status = err->status;
	} else if (probe.caps_missing) {
		err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", probe.caps_missing);
		status = err->status;
	}
	out_free(probe.out);
	mounts_free(&probe.mounts);
	return status;
}
