/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every option of every command, once. Parser, help, man pages and completion come from it.
 *
 * OPTION(id, short, long, argument, kind, choices, group, doc)
 *   short    character, or 0
 *   argument name shown for the argument, or NULL for none
 *   kind     how the argument is read: see enum option_kind in schema.h
 *   choices  "a|b|c" of a CHOICE, or NULL
 * A command lists the ids that it takes in commands.h.
 */
#ifndef IOMAPSCOPE_OPTIONS_H
#define IOMAPSCOPE_OPTIONS_H

#include "bench_fields.h"
#include "rules.h"

/* INJECT_STEPS of inject_fields.h, in their order; tests/unit/schema.c holds them together. */
#define INJECT_STEPS_CHOICES \
	"lookup|mapped|step|revalidate|copy|release|writeback_map|ioend_submit|ioend_end|dio_begin|dio_bio|dio_end|dax_fault"

/* "seek|fiemap|..." */
#define WORKLOAD_FIRST(id, doc) #id
#define WORKLOAD_NEXT(id, doc) "|" #id

#define OPTIONS(OPTION) \
	OPTION(OUTPUT, 'o', "output", "FORMAT", CHOICE, "table|json|csv", "Output", \
	       "how to print: a table, JSON (one object a line) or CSV; table by default") \
	OPTION(PROBE_OUTPUT, 'o', "output", "FORMAT", CHOICE, "table|json", "Output", \
	       "how to print: text, or JSON (one object a line); text by default") \
	OPTION(BENCH_OUTPUT, 'o', "output", "FORMAT", CHOICE, "table|json", "Output", \
	       "how to print: a table, or JSON (one object a line); table by default") \
	OPTION(REPORT_OUTPUT, 'o', "output", "FORMAT", CHOICE, "html|perfetto|ndjson|clickhouse", "Output", \
	       "what to make of the recording: a page, a trace for Perfetto's or Chrome's viewer, one JSON object a line, or the tables of " \
	       "ClickHouse that take these; html by default") \
	OPTION(TO, 0, "to", "FILE", STRING, NULL, "Output", \
	       "write to this file instead of standard output") \
	OPTION(LIST, 0, "list", NULL, NONE, NULL, "Output", \
	       "print the workloads, a name and what one operation is on each line, and exit") \
	OPTION(WORKLOAD, 0, "workload", "LIST", WORDS, WORKLOADS(WORKLOAD_FIRST, WORKLOAD_NEXT), "Measurement", \
	       "these only, separated by commas: names of those below") \
	OPTION(DAX, 0, "dax", "DIRECTORY", STRING, NULL, "Measurement", \
	       "where the workloads dax_... run: on a file system that is mounted with dax=always; without it they are left out") \
	OPTION(MIRROR, 0, "mirror", "DIRECTORY", STRING, NULL, "Measurement", \
	       "where the workloads mirror_... run: on a file system that is on a mirror of the device mapper; without it they are left out") \
	OPTION(UNIT, 0, "unit", "UNIT", CHOICE, "time|instructions", "Measurement", \
	       "what is counted; instructions only in a guest whose clock does, see below; time by default") \
	OPTION(ROUNDS, 0, "rounds", "N", NUMBER, NULL, "Measurement", \
	       "measure so many rounds, or pairs of rounds, 1000 at most; 20 by default") \
	OPTION(AGAINST, 0, "against", "COMMAND", STRING, NULL, "Measurement", \
	       "measure each workload while sh -c COMMAND runs as well (B), in turns with without it (A), and compare the two") \
	OPTION(SETTLE, 0, "settle", "TIME", TIME, NULL, "Measurement", \
	       "how long COMMAND is given to settle after each start; 500ms by default") \
	OPTION(FIO, 0, "fio", "FILE", STRING, NULL, "Measurement", \
	       "run the jobs of this job file of fio as one more workload, alone unless --workload names others") \
	OPTION(READ, 'r', "read", "FILE", STRING, NULL, "Input", \
	       "read what iomapscope record has written, - for standard input, instead of observing: the same lines, histograms and summary, " \
	       "without any privilege; -d, -f and --cgroup are compared with the names that were recorded") \
	OPTION(OBSERVE, 'e', "observe", "LIST", WORDS, "lookups|ioends|dio|dax|aio|dmio|follow", "Recording", \
	       "record these observers, separated by commas; by default all that this kernel has a source for, but follow") \
	OPTION(FORCE, 0, "force", NULL, NONE, NULL, "Recording", \
	       "overwrite FILE, and remove FILE.1 and so on, if they are there") \
	OPTION(ROTATE_SIZE, 0, "rotate-size", "SIZE", SIZE, NULL, "Recording", \
	       "go on in the next file once one has this size, of 64k at least") \
	OPTION(ROTATE_TIME, 0, "rotate-time", "TIME", TIME, NULL, "Recording", \
	       "go on in the next file after this time, of 1s at least") \
	OPTION(KEEP, 0, "keep", "N", NUMBER, NULL, "Recording", \
	       "keep the newest N files, and remove those before them; all by default") \
	OPTION(PRINT, 0, "print", NULL, NONE, NULL, "Output", \
	       "print the lines, too, that the observers would") \
	OPTION(COUNT_RECORD, 'n', "count", "N", NUMBER, NULL, "Bounds", \
	       "stop after N were recorded; what comes later counts as filtered") \
	OPTION(CLOCK, 0, "clock", "CLOCK", CHOICE, "wall|mono", "Output", \
	       "show times by this clock: the wall clock, or seconds of CLOCK_MONOTONIC, as ftrace and perf do if told to; wall by default") \
	OPTION(COLOR, 0, "color", "WHEN", CHOICE, "auto|always|never", "Output", \
	       "in the table: show errors in red, and a latency of 10ms or more in yellow; auto, the default, does so on a terminal, unless " \
	       "NO_COLOR is set") \
	OPTION(HIST, 0, "hist", NULL, NONE, NULL, "Output", \
	       "print log2 histograms of the latency, with counts, errors, total, average and maximum, aggregated in the kernel, " \
	       "instead of a line each") \
	OPTION(BY, 0, "by", "KEY", CHOICE, "op|type|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; op by default") \
	OPTION(BY_IOENDS, 0, "by", "KEY", CHOICE, "type|reason|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; type by default") \
	OPTION(BY_DIO, 0, "by", "KEY", CHOICE, "op|wait|route|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; op by default") \
	OPTION(PERCENTILES, 0, "percentiles", "LIST", PERCENTILES, NULL, "Output", \
	       "with --hist: these percentiles of the latency, separated by commas, 50,90,99,99.9 by default; each lies in the right bucket, " \
	       "whose upper bound is twice the lower one, and is interpolated between them") \
	OPTION(STACKS, 0, "stacks", "[WHICH]", CHOICE, "both|kernel|user", "Output", \
	       "show the kernel's and the process' functions that led to each line; in the table on lines of their own") \
	OPTION(BATCH, 'b', "batch", NULL, NONE, NULL, "Output", \
	       "print the rows of each interval one below the other, without a screen; -o implies it") \
	OPTION(BY_TOP, 0, "by", "WHAT", CHOICE, "files|processes|devices|cgroups", "Output", \
	       "what rows are of, to begin with; files by default") \
	OPTION(SORT, 0, "sort", "COLUMN", CHOICE, "lookups|ioends|dio|faults|bytes|p50|p99|max|name", "Output", \
	       "sort by this column, to begin with; lookups by default") \
	OPTION(LATENCY, 0, "latency", "OF", CHOICE, "lookups|ioends|dio|faults", "Output", \
	       "what P50, P99 and MAX are of, to begin with; lookups by default") \
	OPTION(INTERVAL_TOP, 0, "interval", "TIME", TIME, NULL, "Output", \
	       "from one look to the next, between 100ms and 1h; 1s by default") \
	OPTION(BY_DAX, 0, "by", "KEY", CHOICE, "op|fallback|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; op by default") \
	OPTION(BY_AIO, 0, "by", "KEY", CHOICE, "op|route|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; op by default") \
	OPTION(BY_DMIO, 0, "by", "KEY", CHOICE, "op|memory|wait|dev|comm", "Output", \
	       "with --hist: one histogram a KEY; op by default; dev is the device of the first region") \
	OPTION(BY_INJECT, 0, "by", "KEY", CHOICE, "step|op|dev|ino|comm", "Output", \
	       "with --hist: one histogram a KEY; step by default") \
	OPTION(INTERVAL, 0, "interval", "TIME", TIME, NULL, "Output", \
	       "with --hist: print what each interval added, not only the whole at the end") \
	OPTION(LISTEN, 0, "listen", "ADDRESS:PORT", STRING, NULL, "Output", \
	       "answer HTTP here: an IPv4 address, or an IPv6 address in brackets; 127.0.0.1:9842 by default, unless --textfile is given") \
	OPTION(TEXTFILE, 0, "textfile", "DIRECTORY", STRING, NULL, "Output", \
	       "write the metrics to iomapscope.prom in this directory, again and again: to another name first, and renamed when it is complete") \
	OPTION(INTERVAL_EXPORT, 0, "interval", "TIME", TIME, NULL, "Output", \
	       "from one writing of --textfile to the next, between 1s and 1h; 15s by default") \
	OPTION(OBSERVERS, 0, "observers", "LIST", WORDS, "lookups|steps|ioends|dio|dax|aio|dmio", "Output", \
	       "only these, separated by commas; all by default") \
	OPTION(BY_CGROUP, 0, "by-cgroup", "[N]", NUMBER, NULL, "Output", \
	       "by cgroup (version 2) as well: of the first N, 64 by default and 1024 at most; those beyond are the cgroup other, as are those that " \
	       "are gone") \
	OPTION(KEYS_EXPORT, 0, "keys", "N", NUMBER, NULL, "Kernel", \
	       "room for so many combinations of device, file system type, operation and cgroup in each of the tables; 4096 by default, 65536 at most") \
	OPTION(ERRNO, 0, "errno", "ERRNO", STRING, NULL, "What is done", \
	       "the step fails with this error: a name like ENOSPC") \
	OPTION(DELAY, 0, "delay", "TIME", TIME, NULL, "What is done", \
	       "the step waits for this time before it begins, 10s at most") \
	OPTION(CAP, 0, "cap", "SIZE", SIZE, NULL, "What is done", \
	       "the lookup asks for no more than this, rounded to blocks; at the step copy no more than this is copied") \
	OPTION(STALE, 0, "stale", NULL, NONE, NULL, "What is done", \
	       "the mapping is looked up again, as if the file system had called it stale") \
	OPTION(FALLBACK, 0, "fallback", NULL, NONE, NULL, "What is done", \
	       "direct writes go through the page cache, faults on huge pages of fsdax map small ones") \
	OPTION(DEFER, 0, "defer", NULL, NONE, NULL, "What is done", \
	       "a worker completes the I/O, and not who ended it") \
	OPTION(STEP, 0, "step", "LIST", WORDS, INJECT_STEPS_CHOICES, "When", \
	       "at these steps, separated by commas; by default where it fits: lookup, for --stale revalidate, for --fallback dio_begin or dax_fault, " \
	       "for --defer dio_end or ioend_end, for errors of --op writeback alone writeback_map") \
	OPTION(PROBABILITY, 0, "probability", "P", STRING, NULL, "When", \
	       "with this probability, above 0 and up to 1: 0.01, or 1%") \
	OPTION(EVERY, 0, "every", "N", NUMBER, NULL, "When", \
	       "each N-th time that all else is right") \
	OPTION(AFTER, 0, "after", "N", NUMBER, NULL, "When", \
	       "not the first N times") \
	OPTION(TIMES, 0, "times", "N", NUMBER, NULL, "When", \
	       "N times at the most; what the kernel ignores does not count") \
	OPTION(SEED, 0, "seed", "N", NUMBER, NULL, "When", \
	       "what the draws are made of: with the same seed the same calls are drawn, counted for each rule; 1 by default") \
	OPTION(POLICY, 0, "policy", "FILE", STRING, NULL, "When", \
	       "read the rules from this file, - for standard input: one a line, in the same options; a # begins a comment") \
	OPTION(FORCE_INJECT, 0, "force", NULL, NONE, NULL, "Other", \
	       "also where a rule can hit the root file system") \
	OPTION(PID, 'p', "pid", "PID", NUMBER, NULL, "Filters", \
	       "only what is done by this process (in the initial PID namespace)") \
	OPTION(COMM, 'c', "comm", "COMM", STRING, NULL, "Filters", \
	       "only what is done by threads of this name (at most 15 characters)") \
	OPTION(CGROUP, 0, "cgroup", "PATH", STRING, NULL, "Filters", \
	       "only what is done by tasks of this cgroup (version 2) and those below it: a directory, or a path as /proc/PID/cgroup has it") \
	OPTION(CONTAINER, 0, "container", "NAME", STRING, NULL, "Filters", \
	       "the same for a container's cgroup: NAME is the id or its beginning (docker, podman, containerd, CRI-O), or the name " \
	       "(lxc, systemd-nspawn)") \
	OPTION(DEV, 'd', "dev", "DEV", STRING, NULL, "Filters", \
	       "only what is done on this device: a block device (the file systems on it, and I/O to the device itself), a mount point, " \
	       "or MAJOR:MINOR") \
	OPTION(INO, 'i', "ino", "INO", NUMBER, NULL, "Filters", \
	       "only what is done to files of this inode number") \
	OPTION(FILE, 'f', "file", "FILE", STRING, NULL, "Filters", \
	       "only what is done to this file") \
	OPTION(OP, 0, "op", "LIST", OPS, NULL, "Filters", \
	       "only these operations: names or groups, separated by commas") \
	OPTION(OP_AIO, 0, "op", "LIST", WORDS, "pread|pwrite|fsync|fdsync|poll|preadv|pwritev|unknown", "Filters", \
	       "only these opcodes, separated by commas") \
	OPTION(OP_DMIO, 0, "op", "LIST", WORDS, "read|write|flush|discard|secure_erase|write_zeroes|other", "Filters", \
	       "only these operations, separated by commas") \
	OPTION(DEV_DMIO, 'd', "dev", "DEV", STRING, NULL, "Filters", \
	       "only what has a region on this device: a block device, the mount point of a file system on one, or MAJOR:MINOR") \
	OPTION(MIN_LATENCY, 0, "min-latency", "TIME", TIME, NULL, "Filters", \
	       "only what took at least as long") \
	OPTION(ERRORS, 0, "errors", NULL, NONE, NULL, "Filters", \
	       "only what failed") \
	OPTION(DURATION, 0, "duration", "TIME", TIME, NULL, "Bounds", \
	       "stop after this time") \
	OPTION(COUNT, 'n', "count", "N", NUMBER, NULL, "Bounds", \
	       "stop after N were printed; what comes later counts as filtered") \
	OPTION(COUNT_REPORT, 'n', "count", "N", NUMBER, NULL, "Bounds", \
	       "of a trace: so many events at most, 500000 by default; what comes later is counted, and left out") \
	OPTION(OBSERVE_REPORT, 'e', "observe", "LIST", WORDS, "lookups|ioends|dio|dax|aio|dmio|follow", "Filters", \
	       "only what these observers saw, separated by commas") \
	OPTION(COUNT_TOP, 'n', "count", "N", NUMBER, NULL, "Bounds", \
	       "stop after N intervals") \
	OPTION(SOURCE, 0, "source", "NAME", CHOICE, "iomap_lookup|iomap_iter+fexit|iomap_iter+dstmap", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_IOENDS, 0, "source", "NAME", CHOICE, "iomap_ioend|iomap_submit_ioend+fentry|iomap_submit_ioend+kprobe", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_DIO, 0, "source", "NAME", CHOICE, "iomap_dio|iomap_dio_rw+fexit|iomap_dio_rw|__iomap_dio_rw+kprobe", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_DAX, 0, "source", "NAME", CHOICE, "dax_iomap_fault|dax_iomap_fault+fexit|dax_pte_fault", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_AIO, 0, "source", "NAME", CHOICE, "aio_iocb|io_submit_one+fexit|aio_read+fexit|aio_read+kprobe", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_DMIO, 0, "source", "NAME", CHOICE, "dm_io|dispatch_io+fentry|dispatch_io+kprobe", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_FOLLOW, 0, "source", "NAME", CHOICE, "iomap_op|iomap_iter+fexit|iomap_iter", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has (see probe)") \
	OPTION(SOURCE_CHECK, 0, "source", "NAME", CHOICE, "iomap_lookup|iomap_iter_dstmap", "Kernel", \
	       "observe by this source, instead of the best one that the kernel has") \
	OPTION(RULES, 0, "rules", "LIST", WORDS, RULES_CHOICES, "What is checked", \
	       "only these rules, separated by commas; all that the kernel can be checked for by default") \
	OPTION(FAIL_FAST, 0, "fail-fast", NULL, NONE, NULL, "Bounds", \
	       "stop after the first violation") \
	OPTION(RING_SIZE, 0, "ring-size", "SIZE", SIZE, NULL, "Kernel", \
	       "size of the buffer between kernel and tool: a power of two and a multiple of the page size; 4m by default") \
	OPTION(IN_FLIGHT, 0, "in-flight", "N", NUMBER, NULL, "Kernel", \
	       "room for so many that have begun and not ended, 16384 by default; with few, some find none though there is") \
	OPTION(KEYS, 0, "keys", "N", NUMBER, NULL, "Kernel", \
	       "room for so many combinations of file, thread and cgroup in each of the tables; 4096 by default, 65536 at most") \
	OPTION(STRICT, 0, "strict", NULL, NONE, NULL, "Other", \
	       "exit with status 6 if anything was lost, or may not have been seen") \
	OPTION(VERBOSE, 'v', "verbose", NULL, NONE, NULL, "Other", \
	       "tell on standard error what was chosen and why, and when the observer is attached") \
	OPTION(HELP, 'h', "help", NULL, NONE, NULL, "Other", \
	       "print the command's help and exit")

#endif
