// SPDX-License-Identifier: GPL-2.0
#include "dmio.h"
#include "roles.h"

static bool is_flags(enum field_kind kind)
{
	size_t i;

	for (i = 0; i < flag_list_count; i++) {
		if (flag_lists[i].kind == kind && kind != KIND_OPF)
			return true;
	}
	return false;
}

static bool has_words(enum field_kind kind)
{
	size_t i;

	for (i = 0; i < vocabulary_count; i++) {
		if (vocabularies[i].kind == kind)
			return true;
	}
	return kind == KIND_OP;
}

static const struct field *named(const struct observer *observer, const char *name)
{
	int i;

	for (i = 0; i < observer->field_count; i++) {
		if (!strcmp(observer->field[i].name, name))
			return &observer->field[i];
	}
	return NULL;
}

void roles_init(struct roles *roles, const struct observer *observer)
{
	int i;

	memset(roles, 0, sizeof(*roles));
	roles->observer = observer;
	roles->time = named(observer, "time");
	roles->op = named(observer, "op");
	roles->comm = named(observer, "comm");
	roles->pid = named(observer, "pid");
	roles->tid = named(observer, "tid");
	roles->dev = named(observer, "dev");
	roles->ino = named(observer, "ino");
	roles->path = named(observer, "path");
	roles->pos = named(observer, "pos");
	roles->len = named(observer, "len");
	roles->bytes = named(observer, "bytes");
	if (!roles->bytes)
		roles->bytes = named(observer, "done");
	roles->ret = named(observer, "ret");
	roles->latency = named(observer, "latency_ns");
	roles->source = named(observer, "source");
	for (i = 0; i < observer->field_count; i++) {
		const struct field *field = &observer->field[i];

		if (has_words(field->kind) && roles->words < ROLE_WORDS)
			roles->word[roles->words++] = field;
		else if (is_flags(field->kind) && roles->flag_fields < ROLE_FLAGS)
			roles->flags[roles->flag_fields++] = field;
		else if (field->kind == KIND_DURATION && field != roles->latency && roles->parts < ROLE_TIMES)
			roles->part[roles->parts++] = field;
	}
}

bool role_value(const struct roles *roles, const struct field *field, const void *record, __u64 *value)
{
	const char *at;

	*value = 0;
	if (!field || *(const __u64 *)record >> (field - roles->observer->field) & 1)
		return false;
	at = (const char *)record + field->offset;
	switch (field->size) {
	case 1: *value = *(const __u8 *)at; return true;
	case 4: *value = field->kind == KIND_RET ? (__u64)*(const __s32 *)at : *(const __u32 *)at; return true;
	case 8: *value = *(const __u64 *)at; return true;
	}
	return false;
}

const char *role_word(const struct field *field, __u64 value)
{
	if (field->kind == KIND_OP)
		return value < OP_COUNT ? ops[value].name : NULL;
	return word_of(field->kind, value);
}

const char *role_op(const struct roles *roles, const void *record)
{
	__u64 value;
	const char *name = role_value(roles, roles->op, record, &value) ? role_word(roles->op, value) : NULL;

	return name ? name : roles->observer->event;
}

/*
 * A null result of a lookup is an error that the source cannot name, one of a DAX fault is told by the fault's result, and one of a
 * followed request says that its end was not seen.
 */
bool role_failed(const struct roles *roles, const void *record)
{
	const struct observer *observer = roles->observer;
	const struct field *other;
	__u64 value;

	if (role_value(roles, roles->ret, record, &value))
		return (__s64)value < 0;
	if (roles->ret) {
		other = named(observer, "result");
		return other ? role_value(roles, other, record, &value) && value & RESULT_FAILED : !observer->step_count;
	}
	other = named(observer, "error_bits");
	return other && role_value(roles, other, record, &value) && value;
}

__u64 role_bytes(const struct roles *roles, const void *record)
{
	__u64 value;

	return role_value(roles, roles->bytes, record, &value) ? value : 0;
}

void role_times(const struct roles *roles, const void *record, __u64 *begin_ns, __u64 *end_ns)
{
	__u64 time, latency;

	role_value(roles, roles->time, record, &time);
	role_value(roles, roles->latency, record, &latency);
	/* The time of what consists of steps is its begin. */
	*begin_ns = roles->observer->step_count || latency > time ? time : time - latency;
	*end_ns = *begin_ns + latency;
}

int role_phases(const struct roles *roles, const void *record, struct span span[ROLE_TIMES])
{
	const struct observer *observer = roles->observer;
	__u64 at = 0, latency, ns;
	int i, count = 0;

	if (!role_value(roles, roles->latency, record, &latency))
		return 0;
	for (i = 0; i < observer->phase_count && count < ROLE_TIMES; i++) {
		const struct field *field = &observer->field[observer->phase[i]];

		if (!role_value(roles, field, record, &ns))
			break;
		if (ns > latency - at)
			ns = latency - at;
		if (ns)
			span[count++] = (struct span){ field, at, ns };
		at += ns;
	}
	return count;
}
