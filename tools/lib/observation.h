/* SPDX-License-Identifier: GPL-2.0 */
/* An observation from the inside: what the files behind run.h share. Nobody else includes this. */
#ifndef IOMAPSCOPE_OBSERVATION_H
#define IOMAPSCOPE_OBSERVATION_H

#include <bpf/libbpf.h>

#include "account.h"
#include "args.h"
#include "batch.h"
#include "err.h"
#include "format.h"
#include "histogram.h"
#include "observe.h"
#include "output.h"
#include "plan.h"
#include "recording.h"
#include "replay.h"
#include "run.h"

struct observation {
	const struct observe_code *code;
	const struct observer *observer;
	const struct source_desc *source;	/* of this attempt, then the one attached */
	const struct args *args;
	struct bpf_object *object;
	struct bpf_program *program[PROGRAMS_MAX];	/* of the source, NULL where one does not apply */
	struct bpf_link *link[PROGRAMS_MAX];
	struct bpf_link *policy;	/* of the observer's struct_ops, if it has one */
	struct bpf_map *plain;		/* where the plain programs add up, NULL: they do not run */
	struct bpf_map *stats, *hists;
	struct observe_state *state;
	struct ring_buffer *ring;
	struct plan plan;
	struct observe_config config;
	int cgroup;			/* what the filter lets through, or -1 */
	struct format format;
	struct out *out;
	struct account account;
	int cpus;
	bool verbose;
	__u64 start_ns;
	bool json;
	/* One of several, for top: */
	unsigned int top_keys;			/* room of its table, 0: not for top */
	struct batch tops;			/* of struct top_key and struct top_value */
	/* Or for export: */
	struct metrics_room metrics;		/* .keys is 0: not for export */
	/* One of several, for record: */
	observe_sink sink;			/* takes the records instead of all below; NULL: none does */
	void *sink_ctx;
	/* The records come from a recording: */
	struct recording *recording;
	struct replay *replay;
	__u64 left_out;				/* by filters, and --count */
	__u64 refused;				/* no room for their histogram */
	bool damaged;
};

/* observation.c: made, attached and detached */
/* What the arguments say, for the programs. */
void observation_configure(struct observation *o);
/* The best source that works, or the one that was asked for. */
int observation_attach(struct observation *o, struct err *err);
/* No program runs any more when this returns. */
void observation_detach(struct observation *o);
/* Everything that comes before a program is loaded. @kernel: the kernel's BTF, NULL: to be read. 0 or -1 with @err, as the next one. */
int observation_make_ready(struct observation *o, struct btf *kernel, struct err *err);
/* Nothing is loaded yet. NULL with @err. */
struct observation *observation_new(const struct observe_code *code, const struct args *args, struct err *err);

/* counters.c: what its programs have counted */
/* Sum of a program's counters, and of the histograms beside them, over the CPUs. 0 or -errno, as the next three. */
int observation_read_stats(struct observation *o, __u32 program, struct observe_stats *sum);
/* All histograms. */
int observation_collect(struct observation *o, struct hist_set *set);
/* Adds what the programs have counted, and how often they were left out. @in_kernel: what they have emitted. */
int observation_add_counters(struct observation *o, struct account *a, __u64 *in_kernel, __u64 *begins_skipped);
/* What became of everything, once detached. */
int observation_account(struct observation *o);

/* run.c: how it is shown */
/* Of the map of paths, for paths_new(). */
int observation_read_path(void *ctx, const struct path_key *key, struct path_value *value);
/* What names the stacks, once the programs are attached. */
void observation_name_stacks(struct observation *o);
void observation_print_interval(struct observation *o, struct hist_set *set, __u64 end_ns, __u64 span_ns);
void observation_print_header(struct observation *o);
/* The last line. 0 or -1 with @err, which is the status. */
int observation_conclude(struct observation *o, struct err *err);
/* How to print. 0 or -1 with @err. */
int observation_open_output(struct observation *o, enum flag_era era, struct err *err);

/* replaying.c: of a recording */
/* The whole run, where the records come from a recording. 0 or -1 with @err. */
int observation_replay(struct observation *o, struct err *err);

#endif
