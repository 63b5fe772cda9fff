// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "dax.h"
#include "dio.h"
#include "dmio.h"
#include "ioends.h"
#include "text.h"
#include "trace.h"

#define DEPTH		8		/* slices in one another, beside phases */
#define OWN_PROCESS	0x40000000u	/* numbers that are no process' or thread's */
#define OWN_THREAD	0x40000000u

/* What a track is of. */
enum track_kind {
	TRACK_THREAD,		/* one thread: what it does or waits for itself, one after the other */
	TRACK_DIO,		/* asynchronous requests of a process: as many as are in flight at a time */
	TRACK_AIO,
	TRACK_FOLLOW,
	TRACK_DMIO,
	TRACK_IOEND,		/* of a device */
};

static const char *const track_names[] = {
	[TRACK_DIO] = "dio, asynchronous", [TRACK_AIO] = "aio", [TRACK_FOLLOW] = "requests", [TRACK_DMIO] = "dm-io",
		[TRACK_IOEND] = "ioends",
};

/* An event of the first pass. */
struct slice {
	__u64 begin, end;
	__u64 cut[ROLE_TIMES];	/* where its phases begin and end */
	__u64 ino, pos, len;
	struct task_comm comm;
	__u32 pid, tid, dev;
	__u32 number;		/* in the order of the recording */
	__u32 lane;
	__u8 cuts, kind, observer;
	bool instant;		/* its length is not known, or nothing */
};

struct lane {
	__u32 process, thread;	/* their numbers in the trace */
	__u32 copy;		/* the how manieth of its group */
	__u8 kind;
	__u8 depth;
	const struct slice *open[DEPTH];
	const struct slice *named;	/* who it is of */
};

/* The lanes of one thread, or of what one process or device has in flight. */
struct group {
	__u64 id;
	__u8 kind;
	__u32 *lane;
	__u32 lanes;
	const struct slice *queued;	/* of a thread: the asynchronous request that it began last */
	__u32 next;			/* group of the same bucket, + 1 */
};

#define BUCKETS 4096

struct trace {
	__u64 limit, noted, left_out;
	struct slice *slice;
	size_t room;
	__u32 *lane_of;		/* by number */
	struct lane *lane;
	__u32 lanes, lane_room;
	struct group *group;
	__u32 groups, group_room;
	__u32 bucket[BUCKETS];
	struct roles roles[16];	/* in the order of observers[] */
	bool has_lookups;
	__u64 origin;
	__u64 put;
	bool first;
};

struct trace *trace_new(__u64 limit)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	size_t i;

	if (!trace)
		return NULL;
	trace->limit = limit < ~0u ? limit : ~0u;
	for (i = 0; i < observer_count && i < sizeof(trace->roles) / sizeof(trace->roles[0]); i++)
		roles_init(&trace->roles[i], observers[i]);
	return trace;
}

void trace_free(struct trace *trace)
{
	__u32 i;

	if (!trace)
		return;
	for (i = 0; i < trace->groups; i++)
		free(trace->group[i].lane);
	free(trace->group);
	free(trace->lane);
	free(trace->lane_of);
	free(trace->slice);
	free(trace);
}

__u64 trace_left_out(const struct trace *trace)
{
	return trace->left_out;
}

static size_t rank_of(const struct observer *observer)
{
	size_t i;

	for (i = 0; i < observer_count && observers[i] != observer; i++)
		;
	return i;
}

static enum track_kind kind_of(const struct roles *roles, const void *record)
{
	const struct observer *observer = roles->observer;

	if (observer == &ioends_observer)
		return TRACK_IOEND;
	if (observer == &aio_observer)
		return TRACK_AIO;
	if (observer == &dmio_observer)
		return TRACK_DMIO;
	if (observer == &follow_observer)
		return TRACK_FOLLOW;
	if (observer == &dio_observer && ((const struct dio_event *)record)->wait == WAIT_ASYNC)
		return TRACK_DIO;
	return TRACK_THREAD;
}

int trace_note(struct trace *trace, const struct observer *observer, const void *record)
{
	size_t rank = rank_of(observer);
	const struct roles *roles = &trace->roles[rank];
	struct span span[ROLE_TIMES];
	struct slice *s;
	__u64 value;
	int i, count;

	if (rank >= observer_count || trace->noted >= trace->limit) {
		trace->left_out++;
		return 0;
	}
	if (trace->noted == trace->room) {
		size_t room = trace->room ? 2 * trace->room : 4096;

		s = reallocarray(trace->slice, room, sizeof(*s));
		if (!s)
			return -ENOMEM;
		trace->slice = s;
		trace->room = room;
	}
	s = &trace->slice[trace->noted];
	memset(s, 0, sizeof(*s));
	s->number = trace->noted++;
	s->observer = rank;
	s->kind = kind_of(roles, record);
	role_times(roles, record, &s->begin, &s->end);
	s->instant = s->begin == s->end;
	s->pid = role_value(roles, roles->pid, record, &value) ? value : 0;
	s->tid = role_value(roles, roles->tid, record, &value) ? value : 0;
	s->dev = role_value(roles, roles->dev, record, &value) ? value : 0;
	s->ino = role_value(roles, roles->ino, record, &value) ? value : 0;
	s->pos = role_value(roles, roles->pos, record, &value) ? value : 0;
	s->len = role_value(roles, roles->len, record, &value) ? value : 0;
	if (roles->comm)
		memcpy(&s->comm, (const char *)record + roles->comm->offset, sizeof(s->comm));
	count = role_phases(roles, record, span);
	for (i = 0; i < count; i++)
		s->cut[s->cuts++] = s->begin + span[i].offset_ns + span[i].ns;
	trace->has_lookups |= observer == &lookups_observer;
	return 0;
}

static int by_begin(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static struct group *group_at(struct trace *trace, __u8 kind, __u64 id)
{
	__u32 *bucket = &trace->bucket[(id * 0x9e3779b97f4a7c15ULL >> 48 ^ kind) % BUCKETS], i;
	struct group *group;

	for (i = *bucket; i; i = trace->group[i - 1].next) {
		group = &trace->group[i - 1];
		if (group->kind == kind && group->id == id)
			return group;
	}
	if (trace->groups == trace->group_room) {
		__u32 room = trace->group_room ? 2 * trace->group_room : 64;

		group = reallocarray(trace->group, room, sizeof(*group));
		if (!group)
			return NULL;
		trace->group = group;
		trace->group_room = room;
	}
	group = &trace->group[trace->groups++];
	memset(group, 0, sizeof(*group));
	group->kind = kind;
	group->id = id;
	group->next = *bucket;
	*bucket = trace->groups;
	return group;
}

/*
 * Whether it begins behind all of the lane, or lies within what is open there and within one of its phases. What begins at the same
 * time as the one around it could be taken for the outer one, and is not put there.
 */
static bool fits(struct lane *lane, const struct slice *s)
{
	const struct slice *top;
	int i;

	while (lane->depth && lane->open[lane->depth - 1]->end <= s->begin)
		lane->depth--;
	if (!lane->depth)
		return true;
	top = lane->open[lane->depth - 1];
	if (lane->depth == DEPTH || s->kind != TRACK_THREAD || s->begin <= top->begin || s->end > top->end)
		return false;
	for (i = 0; i < top->cuts; i++) {
		if (s->begin == top->cut[i] || (s->begin < top->cut[i] && s->end > top->cut[i]))
			return false;
	}
	return true;
}

static void put_on(struct trace *trace, __u32 number, struct slice *s)
{
	struct lane *lane = &trace->lane[number];

	s->lane = number;
	if (!s->instant)
		lane->open[lane->depth++] = s;
}

static int new_lane(struct trace *trace, struct group *group, const struct slice *s)
{
	struct lane *lane;
	__u32 *list;

	if (trace->lanes == trace->lane_room) {
		__u32 room = trace->lane_room ? 2 * trace->lane_room : 64;

		lane = reallocarray(trace->lane, room, sizeof(*lane));
		if (!lane)
			return -ENOMEM;
		trace->lane = lane;
		trace->lane_room = room;
	}
	list = reallocarray(group->lane, group->lanes + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	group->lane = list;
	lane = &trace->lane[trace->lanes];
	memset(lane, 0, sizeof(*lane));
	lane->kind = s->kind;
	lane->copy = group->lanes;
	lane->named = s;
	lane->process = s->kind == TRACK_IOEND ? OWN_PROCESS + s->dev : s->pid;
	lane->thread = s->kind == TRACK_THREAD && !group->lanes ? s->tid : OWN_THREAD + trace->lanes;
	list[group->lanes++] = trace->lanes++;
	return 0;
}

/*
 * A lookup belongs to the asynchronous request that its thread has begun last, if it is for a part of its range: the thread goes on
 * to the next one only once all of them are made.
 */
static bool within_queued(struct trace *trace, const struct slice *q, const struct slice *s)
{
	return q && !s->instant && q->dev == s->dev && q->ino == s->ino && s->pos - q->pos < q->len && s->begin > q->begin &&
		s->end <= q->end &&
	       fits(&trace->lane[q->lane], s);
}

static int place(struct trace *trace, struct slice *s)
{
	__u64 id = s->kind == TRACK_THREAD ? (__u64)s->pid << 32 | s->tid : s->kind == TRACK_IOEND ? s->dev : s->pid;
	struct group *group = group_at(trace, s->kind, id), *thread;
	__u32 i;

	if (!group)
		return -ENOMEM;
	if (s->kind == TRACK_THREAD && within_queued(trace, group->queued, s)) {
		put_on(trace, group->queued->lane, s);
		return 0;
	}
	for (i = 0; i < group->lanes; i++) {
		if (s->instant || fits(&trace->lane[group->lane[i]], s))
			break;
	}
	if (i == group->lanes && new_lane(trace, group, s))
		return -ENOMEM;
	put_on(trace, group->lane[i], s);
	if (s->kind == TRACK_DIO) {
		thread = group_at(trace, TRACK_THREAD, (__u64)s->pid << 32 | s->tid);
		if (!thread)
			return -ENOMEM;
		thread->queued = s;
	}
	return 0;
}

int trace_place(struct trace *trace)
{
	size_t i;
	int ret;

	/* Not to move while lanes point at them. */
	if (trace->noted)
		qsort(trace->slice, trace->noted, sizeof(*trace->slice), by_begin);
	trace->lane_of = calloc(trace->noted + 1, sizeof(*trace->lane_of));
	if (!trace->lane_of)
		return -ENOMEM;
	for (i = 0; i < trace->noted; i++) {
		ret = place(trace, &trace->slice[i]);
		if (ret)
			return ret;
		trace->lane_of[trace->slice[i].number] = trace->slice[i].lane;
	}
	trace->origin = trace->noted ? trace->slice[0].begin : 0;
	return 0;
}

/* Microseconds, exact to the nanosecond. */
static char *put_us(char *p, __u64 ns)
{
	p = put_dec(p, ns / 1000);
	*p++ = '.';
	*p++ = '0' + ns / 100 % 10;
	*p++ = '0' + ns / 10 % 10;
	*p++ = '0' + ns % 10;
	return p;
}

static char *put_next(struct trace *trace, char *p)
{
	p = put_str(p, trace->first ? "\n{" : ",\n{");
	trace->first = false;
	return p;
}

static char *put_number(char *p, const char *name, __u64 value)
{
	return put_dec(put_str(p, name), value);
}

/* Name of a process or thread, or its place among the others. */
static void put_meta(struct trace *trace, struct out *out, const char *what, const struct lane *lane, const char *name, __u32 order)
{
	char *p = put_next(trace, out_begin(out));

	p = put_str(put_str(put_str(p, "\"ph\":\"M\",\"name\":\""), what), "\"");
	p = put_number(p, ",\"pid\":", lane->process);
	p = put_number(p, ",\"tid\":", lane->thread);
	p = put_str(p, ",\"args\":{");
	if (name)
		p = put_json(put_str(p, "\"name\":"), name, 128);
	else
		p = put_number(p, "\"sort_index\":", order);
	out_part(out, put_str(p, "}}"));
}

static void put_names(struct trace *trace, struct out *out)
{
	static const __u32 order[] = { [TRACK_THREAD] = 0, [TRACK_DIO] = 1, [TRACK_AIO] = 2, [TRACK_FOLLOW] = 3, [TRACK_DMIO] = 4,
				      [TRACK_IOEND] = 5 };
	char name[128], *p;
	__u32 i, n;

	for (i = 0; i < trace->lanes; i++) {
		const struct lane *lane = &trace->lane[i];
		const char *comm = lane->named->comm.s;

		for (n = 0; n < i && trace->lane[n].process != lane->process; n++)
			;
		if (n == i) {
			if (lane->kind == TRACK_IOEND)
				*put_dev(put_str(name, "writeback "), lane->named->dev) = 0;
			else
				snprintf(name, sizeof(name), "%.*s", (int)sizeof(struct task_comm), comm);
			put_meta(trace, out, "process_name", lane, name, 0);
			put_meta(trace, out, "process_sort_index", lane, NULL, lane->kind == TRACK_IOEND ? 1 : 0);
		}
		if (lane->kind == TRACK_THREAD)
			p = name + snprintf(name, sizeof(name), "%.*s %u", (int)sizeof(struct task_comm), comm, lane->named->tid);
		else
			p = put_str(name, track_names[lane->kind]);
		if (lane->kind != TRACK_THREAD || lane->copy)
			p = put_dec(put_str(p, lane->kind == TRACK_THREAD ? " beside " : " "),
				    lane->copy + (lane->kind != TRACK_THREAD));
		*p = 0;
		put_meta(trace, out, "thread_name", lane, name, 0);
		put_meta(trace, out, "thread_sort_index", lane, NULL,
			 order[lane->kind] << 16 | (lane->copy < 0xffff ? lane->copy : 0xffff));
	}
}

/* @members: names and texts of what is known of the recording, a NULL behind the last. */
void trace_begin(struct trace *trace, struct out *out, const char *const *members, __s64 wall_offset_ns)
{
	char *p = put_str(out_begin(out), "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"written_by\":\"iomapscope " VERSION "\"");

	for (; members && members[0]; members += 2) {
		p = put_str(put_str(put_str(p, ",\""), members[0]), "\":");
		p = members[1] ? put_json(p, members[1], 4096) : put_str(p, "null");
	}
	p = put_str(put_sdec(put_str(p, ",\"begin_monotonic_ns\":\""), trace->origin), "\"");
	p = put_str(put_sdec(put_str(p, ",\"begin_unix_ns\":\""), (__s64)trace->origin + wall_offset_ns), "\"");
	p = put_str(put_dec(put_str(p, ",\"events\":\""), trace->noted), "\"");
	p = put_str(put_dec(put_str(p, ",\"events_left_out\":\""), trace->left_out), "\"");
	out_part(out, put_str(p, "},\"traceEvents\":["));
	trace->first = true;
	trace->put = 0;
	put_names(trace, out);
}

static char *put_slice(struct trace *trace, char *p, const struct lane *lane, const char *name, const char *category, __u64 begin,
		       __u64 ns)
{
	p = put_next(trace, p);
	p = put_str(p, ns ? "\"ph\":\"X\",\"name\":" : "\"ph\":\"i\",\"s\":\"t\",\"name\":");
	p = put_json(p, name, 128);
	p = put_str(put_str(put_str(p, ",\"cat\":\""), category), "\"");
	p = put_number(p, ",\"pid\":", lane->process);
	p = put_number(p, ",\"tid\":", lane->thread);
	p = put_us(put_str(p, ",\"ts\":"), begin - trace->origin);
	if (ns)
		p = put_us(put_str(p, ",\"dur\":"), ns);
	return p;
}

/* setup_ns is setup where a slice has its length. */
static const char *phase_name(const struct field *field)
{
	static char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(field->name) - strlen("_ns")), field->name);
	return name;
}

static void put_phases(struct trace *trace, struct out *out, const struct roles *roles, const struct lane *lane, const void *record,
		       __u64 begin)
{
	const struct observer *observer = roles->observer;
	struct span span[ROLE_TIMES];
	int i, count = role_phases(roles, record, span);
	__u64 ns, at;

	for (i = 0; i < count; i++)
		out_part(out, put_str(put_slice(trace, out_begin(out), lane, phase_name(span[i].field), "phase",
						begin + span[i].offset_ns, span[i].ns), "}"));
	/*
	 * Its length is known, not its place: at the end of the first phase, as the first bio needs it. Where lookups were recorded,
	 * they are there themselves.
	 */
	if (!observer->inside || trace->has_lookups || !count || span[0].offset_ns ||
	    observer->phase[0] != span[0].field - observer->field ||
	    !role_value(roles, &observer->field[observer->inside], record, &ns) || !ns)
		return;
	if (ns > span[0].ns)
		ns = span[0].ns;
	at = begin + span[0].ns - ns;
	out_part(out, put_str(put_slice(trace, out_begin(out), lane, phase_name(&observer->field[observer->inside]), "phase", at,
					ns),
			      ",\"args\":{\"place\":\"not recorded, only how long\"}}"));
}

static void put_steps(struct trace *trace, struct out *out, struct format *format, const struct lane *lane,
		      const struct timeline_request *q)
{
	struct step_event event;
	size_t i;
	int n;

	for (i = 0; i < q->count; i++) {
		const struct step_desc *desc = &follow_steps[q->step[i].step];
		const char *separator = "";
		char *p = out_begin(out);

		timeline_step(q, i, &event);
		p = put_slice(trace, p, lane, step_title(&follow_observer, q->step[i].step), "step", q->step[i].time, 0);
		p = put_str(p, ",\"args\":{");
		for (n = 0; n < SF_COUNT; n++) {
			if (event.nulls >> n & 1)
				continue;
			p = put_str(put_str(put_str(put_str(p, separator), "\""), follow_step_fields[n].name), "\":");
			p = format_field(format, p, &follow_step_fields[n], &event);
			separator = ",";
		}
		for (n = 0; n < STEP_VALUES && desc->value[n].name; n++) {
			if (event.nulls & VALUE_BIT(n))
				continue;
			p = put_str(put_str(put_str(p, ",\""), desc->value[n].name), "\":");
			p = format_field(format, p, &desc->value[n], &event.value[n]);
		}
		out_part(out, put_str(p, "}}"));
	}
}

void trace_put(struct trace *trace, struct out *out, struct format *format, const void *record, const struct timeline_request *q)
{
	size_t rank = rank_of(format->observer);
	const struct roles *roles = &trace->roles[rank];
	const char *op = role_op(roles, record), *event = format->observer->event;
	const struct lane *lane;
	__u64 begin, end;
	char name[64], *p;

	if (rank >= observer_count || trace->put >= trace->noted)
		return;
	lane = &trace->lane[trace->lane_of[trace->put++]];
	role_times(roles, record, &begin, &end);
	if (strncmp(op, event, strlen(event)))
		snprintf(name, sizeof(name), "%s %s", event, op);
	else
		snprintf(name, sizeof(name), "%s", op);
	p = put_slice(trace, out_begin(out), lane, name, format->observer->command, begin, end - begin);
	out_part(out, put_str(p, ",\"args\":"));
	/* Without the newline. */
	p = format_event(format, out_begin(out), record) - 1;
	out_end(out, put_str(p, "}"), true);
	put_phases(trace, out, roles, lane, record, begin);
	if (q)
		put_steps(trace, out, format, lane, q);
}

void trace_end(struct trace *trace, struct out *out)
{
	(void)trace;
	out_end(out, put_str(out_begin(out), "\n]}\n"), false);
}
