// SPDX-License-Identifier: GPL-2.0
/* iomapscope bench: what operations cost, and what they cost while something else runs. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/against.h"
#include "bench/environment.h"
#include "bench/fio.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/stats.h"
#include "bench/worker.h"
#include "bench/workloads.h"
#include "command.h"
#include "session.h"

#define ROUNDS_DEFAULT	20
#define SETTLE_NS	500000000ULL

enum unit { UNIT_TIME, UNIT_INSTRUCTIONS };	/* in the order of --unit's choices */
enum side { SIDE_A, SIDE_B };

/* What a process measures: a workload, or a job file. */
struct task {
	const char *name;
	const struct workload *workload;	/* NULL: fio's */
	char directory[PATH_MAX];		/* of its own */
	char fio[PATH_MAX];
};

struct bench {
	const struct args *args;
	struct out *out;
	char directory[PLACE_COUNT][PATH_MAX];		/* ours; empty: there is none */
	struct against against;				/* command NULL: there is none */
	struct bench_summary summary;
	bool json;
	/* Of one workload. */
	enum side side;
	double figures[2][STATS_MAX];
};

/* What names the directory of a place that is not DIRECTORY. */
static const enum option_id place_option[PLACE_COUNT] = { [PLACE_DAX] = OPT_DAX, [PLACE_MIRROR] = OPT_MIRROR };

static int no_directory(const char *given, struct err *err)
{
	int status = errno == ENOENT || errno == ENOTDIR ? STATUS_USAGE :
		     errno == EACCES || errno == EPERM ? STATUS_PRIVILEGE : STATUS_FAILED;

	return err_set(err, status, "no directory can be made in %s: %s", given, strerror(errno));
}

/* A directory of our own in the one that was given. */
static int make_directory(char *path, const char *given, struct err *err)
{
	char real[PATH_MAX];

	if (!realpath(given, real))
		return no_directory(given, err);
	if (snprintf(path, PATH_MAX, "%s/iomapscope-bench.XXXXXX", real) >= PATH_MAX - NAME_MAX) {
		path[0] = 0;
		return err_set(err, STATUS_USAGE, "%s: the path is too long", given);
	}
	if (!mkdtemp(path)) {
		path[0] = 0;
		return no_directory(given, err);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_directory(const char *path, struct err *err)
{
	if (*path && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		err_set(err, STATUS_FAILED, "%s cannot be removed: %s", path, strerror(errno));
}

/* The processes of the workloads. */

static void work_instructions(const void *data, int channel)
{
	const struct task *task = data;
	struct instructions result;

	worker_await(channel);
	workload_enter(task->workload, task->directory);
	instructions_measure(task->workload, &result);
	worker_tell(channel, &result, sizeof(result));
	worker_await(channel);
}

static void work_time(const void *data, int channel)
{
	const struct task *task = data;
	struct time_size size = {};

	if (task->workload) {
		workload_enter(task->workload, task->directory);
		size = time_calibrate(task->workload);
	} else {
		workload_directory(task->directory);
		fio_round(task->fio);		/* it makes its files */
	}
	worker_tell(channel, &size, sizeof(size));
	for (;;) {
		double ns;

		worker_await(channel);
		ns = task->workload ? time_round(task->workload, size) : fio_round(task->fio);
		worker_tell(channel, &ns, sizeof(ns));
	}
}

/*
 * What is done of one workload. 0; or -1: the workload has failed (worker.text), or all of it has (@err), or session_stop is set.
 */

static int ask_round(struct worker *worker, double *ns)
{
	worker_ask(worker);
	return worker_answer(worker, ns, sizeof(*ns));
}

/* From A to B or back: the command is started or stopped, and the first round after that is a warm-up. */
static int turn(struct bench *bench, enum side side, struct worker *worker, struct err *err)
{
	double dropped;

	if (bench->side == side)
		return 0;
	bench->side = side;
	if (side == SIDE_A ? against_stop(&bench->against, worker->pid, err) : against_start(&bench->against, err))
		return -1;
	return ask_round(worker, &dropped);
}

static int measure_round(struct bench *bench, enum side side, unsigned int round, struct worker *worker, struct err *err)
{
	if (turn(bench, side, worker, err) || ask_round(worker, &bench->figures[side][round]))
		return -1;
	return side == SIDE_B ? against_check(&bench->against, err) : 0;
}

static int measure_rounds(struct bench *bench, struct worker *worker, struct err *err)
{
	unsigned int i;

	bench->side = SIDE_A;
	for (i = 0; i < bench->summary.rounds; i++) {
		/* A B B A: whatever drifts does as much to the one as to the other. */
		enum side first = bench->against.command && i % 2 ? SIDE_B : SIDE_A;

		if (measure_round(bench, first, i, worker, err))
			return -1;
		if (bench->against.command && measure_round(bench, !first, i, worker, err))
			return -1;
	}
	return 0;
}

/* One who waits for minutes wants to see each line; and where nobody reads any more, nothing is measured. */
static int print(struct bench *bench, char *end, struct err *err)
{
	out_end(bench->out, end, true);
	if (!out_flush(bench->out))
		return 0;
	return err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(out_error(bench->out)));
}

/* -1 if nothing more is to be measured: @err is set, or session_stop. */
static int measure_time(struct bench *bench, const struct task *task, struct err *err)
{
	struct figure figure = { .workload = task->name, .rounds = bench->summary.rounds, .a = bench->figures[SIDE_A],
				 .b = bench->against.command ? bench->figures[SIDE_B] : NULL };
	struct err left = {};
	struct worker worker;
	char *p;
	int ret;

	if (worker_start(&worker, work_time, task, err))
		return -1;
	ret = worker_answer(&worker, &figure.size, sizeof(figure.size)) || measure_rounds(bench, &worker, err);
	if (against_stop(&bench->against, worker.pid, &left) && !err->text[0]) {
		*err = left;
		ret = -1;
	}
	worker_end(&worker);
	if (ret && (err->text[0] || session_stop))
		return -1;
	if (ret)
		figure.error = worker.text;
	bench->summary.workloads++;
	bench->summary.failed += !!ret;
	p = out_begin(bench->out);
	return print(bench, bench->json ? report_figure(p, &figure) : report_table_row(p, &figure, figure.b), err);
}

static int measure_instructions(struct bench *bench, const struct task *task, struct err *err)
{
	struct instructions result;
	struct worker worker;
	char *p;
	int ret;

	if (worker_start(&worker, work_instructions, task, err))
		return -1;
	worker_ask(&worker);
	ret = worker_answer(&worker, &result, sizeof(result));
	worker_end(&worker);
	if (ret && session_stop)
		return -1;
	bench->summary.failed += !!ret;
	p = report_instructions(out_begin(bench->out), task->name, task->workload->n, &result, ret ? worker.text : NULL);
	return print(bench, p, err);
}

static bool is_time(const struct bench *bench)
{
	return bench->args->number[OPT_UNIT] == UNIT_TIME;
}

/* Measures in a directory of the task's own. */
static int measure(struct bench *bench, struct task *task, const char *below, const char *directory, struct err *err)
{
	struct err unused;
	int ret;

	snprintf(task->directory, sizeof(task->directory), "%s/%s", below, directory);
	ret = is_time(bench) ? measure_time(bench, task, err) : measure_instructions(bench, task, err);
	/* The next one is to have all of the room; that it cannot be removed shows at the end. */
	remove_directory(task->directory, &unused);
	return ret;
}

/* Whether it is to be measured. */
static bool is_chosen(const struct bench *bench, enum workload_id id)
{
	const struct args *args = bench->args;

	if (args->given[OPT_WORKLOAD])
		return args->number[OPT_WORKLOAD] >> id & 1;
	if (args->given[OPT_FIO])
		return false;
	return *bench->directory[workloads[id].place];
}

/*
 * One whose directory is not there. In instructions it is a line like any other's failure, for the program that reads them.
 */
static void leave_out(struct bench *bench, enum workload_id id)
{
	char why[64];

	snprintf(why, sizeof(why), "needs --%s DIRECTORY", options[place_option[workloads[id].place]].longname);
	if (is_time(bench)) {
		bench->summary.left_out++;
		fprintf(stderr, "iomapscope: %s is left out: it %s\n", bench_workloads[id].name, why);
		return;
	}
	bench->summary.failed++;
	out_end(bench->out, report_instructions(out_begin(bench->out), bench_workloads[id].name, workloads[id].n, NULL, why), true);
}

static int measure_all(struct bench *bench, struct err *err)
{
	static struct task task;
	char name[NAME_MAX + 8];
	int id;

	for (id = 0; id < WORKLOAD_COUNT; id++) {
		if (!is_chosen(bench, id))
			continue;
		if (!*bench->directory[workloads[id].place]) {
			leave_out(bench, id);
			continue;
		}
		task.name = bench_workloads[id].name;
		task.workload = &workloads[id];
		if (measure(bench, &task, bench->directory[workloads[id].place], task.name, err))
			return -1;
	}
	if (!bench->args->given[OPT_FIO])
		return 0;
	snprintf(name, sizeof(name), "fio:%s", basename(bench->args->text[OPT_FIO]));
	task.name = name;
	task.workload = NULL;
	if (!realpath(bench->args->text[OPT_FIO], task.fio))
		return err_set(err, STATUS_USAGE, "--fio %s: %s", bench->args->text[OPT_FIO], strerror(errno));
	return measure(bench, &task, bench->directory[PLACE_ANY], "fio", err);
}

static void print_head(struct bench *bench)
{
	static struct environment environment;

	if (!bench->json) {
		out_end(bench->out, report_table_head(out_begin(bench->out), bench->against.command), false);
		return;
	}
	environment_read(&environment, "", environment_mount_of(bench->directory[PLACE_ANY]));
	out_end(bench->out, environment_put(out_begin(bench->out), &environment), false);
}

/* All but the output: what it takes, what is measured, and what it has left behind. */
static int run(struct bench *bench, struct err *err)
{
	const struct args *args = bench->args;
	__u64 begin = monotonic_ns();
	struct err left = {};
	int ret, place;

	ret = make_directory(bench->directory[PLACE_ANY], args->operand[0], err);
	for (place = PLACE_ANY + 1; place < PLACE_COUNT && !ret; place++) {
		if (args->given[place_option[place]])
			ret = make_directory(bench->directory[place], args->text[place_option[place]], err);
	}
	if (!ret) {
		if (is_time(bench))
			print_head(bench);
		ret = measure_all(bench, err);
		if (ret && session_stop && !err->text[0]) {
			bench->summary.interrupted = true;
			ret = 0;
		}
		bench->summary.seconds = (monotonic_ns() - begin) / 1e9;
		if (is_time(bench) && bench->json)
			out_end(bench->out, report_summary(out_begin(bench->out), &bench->summary), false);
	}
	for (place = 0; place < PLACE_COUNT; place++)
		remove_directory(bench->directory[place], &left);
	if (!ret && left.text[0]) {
		*err = left;
		ret = -1;
	}
	return ret;
}

static void list(struct out *out)
{
	int id;

	for (id = 0; id < WORKLOAD_COUNT; id++)
		out_printf(out, "%-18s %s\n", bench_workloads[id].name, bench_workloads[id].doc);
}

/* What is wrong with the options, before anything is done. */
static int check(const struct args *args, struct err *err)
{
	static const enum option_id of_time[] = { OPT_BENCH_OUTPUT, OPT_ROUNDS, OPT_AGAINST, OPT_SETTLE, OPT_FIO };
	enum place missing = PLACE_ANY;
	size_t i;
	int id;

	if (args->operands != 1)
		return err_set(err, STATUS_USAGE, args->operands ? "more than one DIRECTORY: '%s'" :
			       "give the DIRECTORY to measure in", args->operands ? args->operand[1] : "");
	for (i = 0; args->number[OPT_UNIT] == UNIT_INSTRUCTIONS && i < sizeof(of_time) / sizeof(of_time[0]); i++) {
		if (args->given[of_time[i]])
			return err_set(err, STATUS_USAGE, "--%s is not for --unit instructions", options[of_time[i]].longname);
	}
	if (args->number[OPT_ROUNDS] > STATS_MAX)
		return err_set(err, STATUS_USAGE, "--rounds: %llu is above %d", (unsigned long long)args->number[OPT_ROUNDS],
			       STATS_MAX);
	if (args->given[OPT_SETTLE] && !args->given[OPT_AGAINST])
		return err_set(err, STATUS_USAGE, "--settle needs --against");
	if (args->given[OPT_FIO] && access(args->text[OPT_FIO], R_OK))
		return err_set(err, STATUS_USAGE, "--fio %s: %s", args->text[OPT_FIO], strerror(errno));
	if (args->given[OPT_FIO] && fio_check(err))
		return -1;
	if (!args->given[OPT_WORKLOAD] || args->given[OPT_FIO] || args->number[OPT_UNIT] == UNIT_INSTRUCTIONS)
		return 0;
	for (id = 0; id < WORKLOAD_COUNT; id++) {
		enum place place = workloads[id].place;

		if (!(args->number[OPT_WORKLOAD] >> id & 1))
			continue;
		if (place == PLACE_ANY || args->given[place_option[place]])
			return 0;
		missing = place;
	}
	return err_set(err, STATUS_USAGE, "nothing is left to measure: these workloads need --%s DIRECTORY",
		       options[place_option[missing]].longname);
}

int bench_main(const struct args *args, struct err *err)
{
	static struct bench bench;
	int ret = 0;

	bench.args = args;
	bench.json = args->number[OPT_BENCH_OUTPUT];
	bench.against.command = args->text[OPT_AGAINST];
	bench.against.settle_ns = args->given[OPT_SETTLE] ? args->number[OPT_SETTLE] : SETTLE_NS;
	bench.summary.rounds = args->given[OPT_ROUNDS] ? args->number[OPT_ROUNDS] : ROUNDS_DEFAULT;
	bench.summary.against = bench.against.command;
	bench.summary.settle_ns = bench.against.settle_ns;
	if (!args->given[OPT_LIST] && check(args, err))
		return err->status;
	if (args->number[OPT_UNIT] == UNIT_INSTRUCTIONS && instructions_check(err))
		return err->status;
	session_signals();
	/* What the command leaves behind is ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	bench.out = out_new(STDOUT_FILENO, 1 << 17, &session_stop);
	if (!bench.out) {
		err_set(err, STATUS_FAILED, "no memory");
		return err->status;
	}
	if (args->given[OPT_LIST])
		list(bench.out);
	else
		ret = run(&bench, err);
	out_flush(bench.out);
	if (!ret && out_error(bench.out))
		ret = err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(out_error(bench.out)));
	else if (!ret && bench.summary.failed)
		ret = err_set(err, STATUS_FAILED, "%u of the workloads failed", bench.summary.failed);
	out_free(bench.out);
	return ret ? err->status : STATUS_OK;
}
