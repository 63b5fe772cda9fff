/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An observer as data: the event that it shows, where the event can come from, and what its histograms can be of. Loader, planner,
 * formatter, help, man page, completion and docs/events.md are made of this. Each observer's table is in a file of its name.
 */
#ifndef IOMAPSCOPE_OBSERVERS_H
#define IOMAPSCOPE_OBSERVERS_H

#include "observe.h"
#include "schema.h"

/* What a source needs of the kernel, as its BTF tells. */
enum need_kind {
	NEED_EVENT,		/* tracepoint @name with @args arguments */
	NEED_FUNCTION,		/* function @name with @args arguments */
	NEED_MEMBER,		/* @member of struct @name */
	NEED_ENUM,		/* enum @name */
	NEED_ITERATION,		/* an iterator that tells whether its loop goes on */
	NEED_PROGRAM,		/* one of the source's programs that have a condition, and are no extra */
};

struct need {
	enum need_kind kind;
	const char *name;
	const char *member;
	int args;
};

/* One that is loaded for a source; with a @function or an @event only if that exists with so many arguments. */
struct program_desc {
	const char *name;
	const char *function;
	int args;
	bool extra;		/* loaded if it can be, and not one of those for NEED_PROGRAM */
	bool plain;		/* another one is loaded in its place where cfg.plain is set, of its key; if stateless it does not count what is seen */
	bool begins;		/* sees begins, as the first one does */
	bool details;		/* for what only lines show: not loaded for histograms */
	bool metrics;		/* of these, for what metrics tell, too */
	const char *event;
	const char *beside;	/* an event: only where it exists, too */
	unsigned int layers;	/* bits: the observer's layers that it sees something of */
	unsigned int rules;	/* RULE_BIT() of those that need it, unless it is extra; without them it is not loaded */
};

#define PROGRAMS_MAX 96

/*
 * An event that came in the release, 6.6, from which on the trampolines of x86 take more than six arguments (473e3150e30a, "bpf, x86:
 * allow function arguments up to 12 for TRACING"), of which a kernel's BTF tells nothing.
 */
#define TRAMPOLINE_OF_SEVEN "iomap_dio_rw_begin"

struct source_desc {
	const char *name;
	const char *limits;			/* what it cannot tell, or NULL */
	const struct need *needs;
	size_t need_count;
	struct program_desc program[PROGRAMS_MAX];	/* the one that sees the begin first */
	bool kprobes;				/* needs functions only to put kprobes on them */
	bool stateless;				/* one program that sees all at once: each of its runs is one event */
};

/* A step, if an event consists of several: what it is, and what the numbers in its record are. */
#define STEP_VALUES_MAX 6

struct step_desc {
	const char *name;
	const char *doc;
	unsigned int layer;
	unsigned int shows;
	struct field value[STEP_VALUES_MAX];	/* as many as have a name */
};

struct observer {
	const char *command;
	const char *event;			/* the field of this name */
	const struct field *field;
	int field_count;
	size_t record_size;
	const struct source_desc *source;	/* the best first */
	int source_count;
	const enum hist_by *key;		/* in the order of --by's choices; the first is the default */
	int key_count;
	enum option_id by_option, source_option;
	const char *policy;			/* the map of a struct_ops that is attached with the programs; this takes CAP_SYS_ADMIN */
	const char *get;			/* what to say where the kernel has no source for it; NULL: that probe tells more */
	const char *module;			/* of the kernel, if what it watches may be in one: its BTF counts, too */
	bool needs_module;			/* all of it is in that, not only some of what it can do without */
	const char *state_map;			/* where begins wait for their ends; not needed by a stateless source */
	bool counts_flights;			/* it is a hash, with an entry for each that is in flight: --in-flight is its room */
	const struct name_desc *counter;	/* what struct hist.counter[] counts for it */
	int counter_count;
	struct {
		const char *name, *doc;
		int part, whole;		/* counters */
	} ratio;				/* if it has counters */
	const int *phase;			/* fields that are durations, each from where the one before ends, from the begin on */
	int phase_count;
	int inside;				/* field that is a duration within the first phase, in part also later; 0: none */
	/* The rest only where an event consists of steps. */
	const struct field *step_field;
	int step_field_count;
	const struct step_desc *step;
	int step_count;
	const struct name_desc *layer;
	int layer_count;
};

#define SOURCES_MAX 6

extern const struct observer lookups_observer, ioends_observer, dio_observer, dax_observer, aio_observer, dmio_observer, follow_observer;

/* What only metrics are made of: no command shows it. Not one of observers[]. */
extern const struct observer steps_observer;

/* What inject has had done: it does not watch what happens anyway. Not one of observers[]. */
extern const struct observer inject_observer;

/* What check has found: no events that happen anyway. Not one of observers[]. */
extern const struct observer check_observer;

/* The rows of top: formatted and explained like an event, but not observed, as it has no sources. Not one of observers[]. */
extern const struct observer top_table;

/* For those that handle them by themselves. */
extern const struct field follow_step_fields[];
extern const struct step_desc follow_steps[];

extern const struct observer *const observers[];
extern const size_t observer_count;

/* "kiocb begin", and as "opcode, fd, user_data" the numbers that it has; both are the next call's, too. */
const char *step_title(const struct observer *observer, int step);
const char *step_values(const struct observer *observer, int step);

/* The observer of a command, or the table of its rows; NULL if it has none. */
const struct observer *observer_of(const struct command_desc *command);

/* Whether its event has a field of this kind: what the kind's words mean is then said in its help. */
bool observer_shows(const struct observer *observer, enum field_kind kind);

/* Whether its command takes --op: its events are of several operations. */
bool observer_filters_op(const struct observer *observer);

/* NULL beyond the sources, or if there is nothing that it cannot tell. */
const char *source_name(const struct observer *observer, unsigned int source);
const char *source_limits(const struct observer *observer, unsigned int source);

#endif
