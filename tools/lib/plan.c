// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "plan.h"

#define BTF_OF_KERNEL "/sys/kernel/btf/vmlinux"

int plan_btf(struct btf **btf, struct err *err)
{
	const char *path = getenv("IOMAPSCOPE_BTF");

	if (!path || !*path)
		path = BTF_OF_KERNEL;
	*btf = btf__parse(path, NULL);
	if (*btf)
		return 0;
	if (errno == ENOENT)
		return err_set(err, STATUS_KERNEL, "no kernel BTF at %s; it needs a kernel built with CONFIG_DEBUG_INFO_BTF=y", path);
	return err_set(err, STATUS_KERNEL, "cannot read kernel BTF from %s: %s", path, strerror(errno));
}

struct btf *plan_module_btf(const struct observer *observer, struct btf *kernel)
{
	const char *path = getenv("IOMAPSCOPE_BTF"), *slash;
	char beside[PATH_MAX];

	if (!observer->module)
		return NULL;
	if (!path || !*path)
		path = BTF_OF_KERNEL;
	slash = strrchr(path, '/');
	snprintf(beside, sizeof(beside), "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, observer->module);
	return btf__parse_split(beside, kernel);
}

static const struct btf_type *skip_modifiers(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

/* Number of arguments of a tracepoint, without the hidden first; -1 if it is not there. */
static int event_args(const struct btf *btf, const char *event)
{
	const struct btf_type *type;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", event);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	if (!type || !btf_is_ptr(type))
		return -1;
	type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -1;
	return (int)btf_vlen(type) - 1;
}

static int function_args(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	const struct btf_type *type;

	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	return type && btf_is_func_proto(type) ? (int)btf_vlen(type) : -1;
}

/* Members of anonymous structs and unions inside count as members. */
static bool type_has_member(const struct btf *btf, const struct btf_type *type, const char *member)
{
	const struct btf_member *m = btf_members(type);
	int i;

	for (i = 0; i < btf_vlen(type); i++, m++) {
		const char *name = btf__name_by_offset(btf, m->name_off);

		if (name && *name) {
			if (!strcmp(name, member))
				return true;
		} else {
			const struct btf_type *inner = skip_modifiers(btf, m->type);

			if (inner && btf_is_composite(inner) && type_has_member(btf, inner, member))
				return true;
		}
	}
	return false;
}

static bool has_member(const struct btf *btf, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);

	return id >= 0 && type_has_member(btf, btf__type_by_id(btf, id), member);
}

static void reject(struct plan *plan, int source, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void reject(struct plan *plan, int source, const char *format, ...)
{
	va_list args;

	/* The first reason is the one to tell. */
	if (!plan->source[source].usable)
		return;
	plan->source[source].usable = false;
	va_start(args, format);
	vsnprintf(plan->source[source].why_not, sizeof(plan->source[source].why_not), format, args);
	va_end(args);
}

/* Why else it may not be there. */
static const char *or_module(const struct plan *plan, char *text, size_t size)
{
	*text = 0;
	if (plan->observer->needs_module)
		snprintf(text, size, ", or its module %s is not loaded", plan->observer->module);
	return text;
}

static void need_args(struct plan *plan, int source, const char *what, const char *name, int args, int found)
{
	char place[64];

	if (found < 0)
		reject(plan, source, "the kernel has no %s %s%s", what, name, or_module(plan, place, sizeof(place)));
	else if (found != args)
		reject(plan, source, "the %s %s has %d arguments, this version knows it with %d", what, name, found, args);
}

/* An iterator that tells, by one rule or the other, whether its loop goes on. */
static bool iteration_known(const struct btf *btf)
{
	return has_member(btf, "iomap_iter", "processed") ||
	       (has_member(btf, "iomap_iter", "status") && has_member(btf, "iomap_iter", "iter_start_pos"));
}

static void check(struct plan *plan, const struct btf *btf, int source, const struct need *need)
{
	char place[64];

	switch (need->kind) {
	case NEED_EVENT:
		need_args(plan, source, "event", need->name, need->args, event_args(btf, need->name));
		break;
	case NEED_FUNCTION:
		need_args(plan, source, "function", need->name, need->args, function_args(btf, need->name));
		break;
	case NEED_MEMBER:
		if (!has_member(btf, need->name, need->member))
			reject(plan, source, "struct %s has no member %s", need->name, need->member);
		break;
	case NEED_ENUM:
		if (btf__find_by_name_kind(btf, need->name, BTF_KIND_ENUM) < 0)
			reject(plan, source, "the kernel has no enum %s", need->name);
		break;
	case NEED_ITERATION:
		if (!iteration_known(btf))
			reject(plan, source, "struct iomap_iter has neither processed nor status and iter_start_pos, so the end "
			       "of a loop cannot be told from a lookup");
		break;
	case NEED_PROGRAM:
		if (!plan->source[source].conditional)
			reject(plan, source, "the kernel has no function %s in a form that this version knows%s", need->name,
			       or_module(plan, place, sizeof(place)));
		break;
	}
}

/* IOMAP_OP_DIO_READ of the kernel is our dio_read, whatever the numbers. */
static void map_ops(struct plan *plan, const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "iomap_op", BTF_KIND_ENUM), i, op;
	const struct btf_type *type;
	const struct btf_enum *value;

	if (id < 0)
		return;
	type = btf__type_by_id(btf, id);
	value = btf_enum(type);
	for (i = 0; i < btf_vlen(type); i++, value++) {
		const char *name = btf__name_by_offset(btf, value->name_off);
		size_t used = strlen(plan->unknown_ops);

		if (strncmp(name, "IOMAP_OP_", 9))
			continue;
		for (op = 0; op < OP_COUNT && strcmp(ops[op].id, name + 9); op++)
			;
		if (op < OP_COUNT && (__u32)value->val < OP_SLOTS)
			plan->op_map[value->val] = op;
		else
			snprintf(plan->unknown_ops + used, sizeof(plan->unknown_ops) - used, "%s%s", used ? ", " : "", name);
	}
}

void plan_make(struct plan *plan, const struct observer *observer, const struct btf *btf)
{
	bool status;
	int source;
	size_t i;

	memset(plan, 0, sizeof(*plan));
	plan->observer = observer;
	map_ops(plan, btf);
	for (source = 0; source < observer->source_count; source++) {
		const struct source_desc *desc = &observer->source[source];

		plan->source[source].usable = true;
		for (i = 0; i < PROGRAMS_MAX && desc->program[i].name; i++) {
			const struct program_desc *program = &desc->program[i];

			if (program->function && function_args(btf, program->function) != program->args)
				continue;
			if (program->event && event_args(btf, program->event) != program->args)
				continue;
			if (program->beside && event_args(btf, program->beside) < 0)
				continue;
			plan->source[source].program[i] = true;
			plan->source[source].layers |= program->layers;
			plan->source[source].conditional |= (program->function || program->event) && !program->extra;
		}
		for (i = 0; i < desc->need_count; i++)
			check(plan, btf, source, &desc->needs[i]);
	}

	/* The marks of the eras: see the list of flags in schema/ops.h. */
	status = has_member(btf, "iomap_iter", "status") && has_member(btf, "iomap_iter", "iter_start_pos");
	plan->era = status ? ERA_615 : has_member(btf, "iomap", "page_ops") ? ERA_62 : ERA_614;
	plan->writes_alone = plan->era != ERA_62;
	plan->cookie = has_member(btf, "iomap", "validity_cookie");
	/* 7.x: struct iomap_ops has iomap_next in place of iomap_begin; who calls that himself passes no event of ours. */
	plan->own_iterators = has_member(btf, "iomap_ops", "iomap_next");
}

void plan_try(struct plan *plan, const struct btf *btf)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FEXIT);
	int source, fd;
	size_t i;

	for (source = 0; source < plan->observer->source_count; source++) {
		const struct source_desc *desc = &plan->observer->source[source];

		for (i = 0; i < desc->need_count && desc->needs[i].kind != NEED_FUNCTION; i++)
			;
		if (desc->kprobes && access("/sys/bus/event_source/devices/kprobe", F_OK))
			reject(plan, source, "the kernel has no kprobes");
		if (!plan->source[source].usable || desc->kprobes || i == desc->need_count)
			continue;
		options.attach_btf_id = btf__find_by_name_kind(btf, desc->needs[i].name, BTF_KIND_FUNC);
		fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "try", "GPL", nothing, 2, &options);
		if (fd < 0)
			reject(plan, source, "the kernel refuses to load fexit programs: %s", strerror(-fd));
		else
			close(fd);
	}
}

bool plan_loads(const struct plan *plan, int source, const char *program)
{
	const struct source_desc *desc = &plan->observer->source[source];
	int i;

	for (i = 0; i < PROGRAMS_MAX && desc->program[i].name; i++) {
		if (plan->source[source].program[i] && !strcmp(desc->program[i].name, program))
			return true;
	}
	return false;
}

bool plan_layers_missing(const struct plan *plan, int source, char *names, size_t size)
{
	size_t used = 0;
	int i;

	names[0] = 0;
	for (i = 0; i < plan->observer->layer_count && used < size; i++) {
		if (!(plan->source[source].layers >> i & 1))
			used += snprintf(names + used, size - used, "%s%s", used ? ", " : "", plan->observer->layer[i].name);
	}
	return used;
}

int plan_choose(const struct plan *plan, int from)
{
	int source;

	for (source = from; source < plan->observer->source_count; source++) {
		if (plan->source[source].usable)
			return source;
	}
	return -1;
}
