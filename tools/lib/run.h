/* SPDX-License-Identifier: GPL-2.0 */
/* An observer at work: load, attach, read the ring or the histograms, account. The same for every observer. */
#ifndef IOMAPSCOPE_RUN_H
#define IOMAPSCOPE_RUN_H

#include "account.h"
#include "args.h"
#include "err.h"
#include "observers.h"
#include "plan.h"

struct account;
struct format;
struct observation;
struct out;

/* The programs of an observer, and what it alone has to do. */
struct observe_code {
	const struct observer *observer;
	const void *elf;
	size_t elf_size;
	/* Before the programs of @source are loaded: sets the observer's own variables. May be NULL. */
	void (*configure)(struct observation *o, int source);
	/* Instead of printing a line for each record. The next after the last of them, and what the observer has left out by itself. */
	void (*record)(struct observation *o, const void *data, size_t size);
	void (*end)(struct observation *o);
	void (*account)(struct observation *o, struct account *account);
	/* Of the programs of the source: whether this one is to be loaded. NULL: all are. */
	bool (*wants)(const struct program_desc *program);
	/* Asked now and then: whether it ends by itself. May be NULL. */
	bool (*over)(struct observation *o);
};

/* A whole run of the command: returns an exit status, with @err filled unless it is STATUS_OK. */
int observe_main(const struct observe_code *code, const struct args *args, struct err *err);

/* For configure(). */
const struct plan *observe_plan(const struct observation *o);
const struct observe_config *observe_config(const struct observation *o);
const struct args *observe_args(const struct observation *o);
/* A variable of the programs, NULL if there is none of this name. */
void *observe_variable(struct observation *o, const char *name);
/* For record() and end(). Whether a filter leaves out the request that @record began: only where it comes from a recording. */
bool observe_left_out(struct observation *o, const void *record);
struct format *observe_format(struct observation *o);
struct out *observe_out(struct observation *o);
/* The initial value of a map, which is a struct_ops' members; NULL if there is none of this name. */
void *observe_initial(struct observation *o, const char *map);
/* How often the kernel has left out programs that one of these rules needs. */
__u64 observe_skipped(const struct observation *o, unsigned int rules);
/* A sentence for -v. */
void observe_tell(const struct observation *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Instead of all that: takes what the ring has. */
typedef void (*observe_sink)(void *ctx, struct observation *o, const void *data, size_t size);

/* What record() does, or a line of what the ring has. */
void observe_print(struct observation *o, const void *data, size_t size);

/*
 * Attached, and a stream: @sink takes its records, each time that observe_consume() is called, which is when observe_fd() has something to
 * read, or now and then. observe_format() names what they name; @out is where observe_print() prints, and may be NULL. Of what is put together
 * of several records all of them come, whatever --min-latency and --errors say.
 */
struct observation *observe_stream(const struct observe_code *code, const struct args *args, struct btf *btf, struct out *out,
				   observe_sink sink, void *ctx, struct err *err);
int observe_fd(const struct observation *o);
int observe_consume(struct observation *o);	/* how many, at most some thousand; or -errno */

/*
 * Several observations side by side, for top. Each adds up in the kernel, under struct top_key, by rounds: observe_next_round() ends one and
 * returns its number, after which its results are collected.
 */
struct top_sum {
	struct hist hist;	/* since the key is there; its max_ns as well */
	__u64 bytes;
	__u64 max_ns;		/* of the round; 0 also if it has nothing */
};

/*
 * Attached, with room for @keys in its table; or NULL with @err, of STATUS_KERNEL if this kernel has no source for it.
 * @btf: what plan_btf() has read.
 */
struct observation *observe_open(const struct observe_code *code, const struct args *args, struct btf *btf, unsigned int keys,
				 struct err *err);
/* The path of a file of which it has seen something; NULL if it is not known. Lives until the next call. */
const char *observe_path(struct observation *o, __u32 dev, __u64 ino);
const char *observe_source(const struct observation *o);
unsigned int observe_next_round(struct observation *o);
/* Calls @each with each key and what is under it, until it returns an error. 0 or -errno. */
int observe_collect(struct observation *o, unsigned int round, int (*each)(void *ctx, const struct top_key *key, const struct top_sum *sum),
		    void *ctx);
/* Takes a key out of the table, with all that was added up to then. 0 or -errno. */
int observe_take(struct observation *o, unsigned int round, const struct top_key *key, struct top_sum *sum);
int observe_losses(struct observation *o, __u64 *lost);		/* so far */
void observe_detach(struct observation *o);
/* Once detached: what became of everything, where @counted was found in the table, or all that the sink was given. NULL with @err. */
const struct account *observe_account(struct observation *o, __u64 counted, struct err *err);
void observe_close(struct observation *o);

/* The same for export: each adds up under struct metric_key, in maps that are read elsewhere. */
struct metrics_room {
	unsigned int keys;
	unsigned int cgroups;				/* that are told apart, 0: none */
	int cgroups_map;				/* of another observer, which shares it, -1: a new one */
	unsigned int first, facets, programs;		/* for what has no room in them, see struct observe_config */
};

struct observation *observe_open_metrics(const struct observe_code *code, const struct args *args, struct btf *btf,
					 const struct metrics_room *room, struct err *err);
int observe_cpus(const struct observation *o);
int observe_source_number(const struct observation *o);
/* The descriptor of a map, below 0 if there is none of this name. */
int observe_map(const struct observation *o, const char *name);
/* What became of everything so far, but for what is in flight; emitted is what the programs have counted. 0 or -errno. */
int observe_counters(struct observation *o, struct account *account);

#endif
