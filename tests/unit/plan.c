// SPDX-License-Identifier: GPL-2.0
/* The planner, on kernels made of hand-written BTF. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "aio.h"
#include "dmio.h"
#include "dax.h"
#include "follow.h"
#include "ioends.h"
#include "lookups.h"
#include "plan.h"
#include "tap.h"

/* A kernel to be: what it has, and what the planner looks at. */
struct kernel {
	int lookup_args, iter_args, dstmap_args;	/* of the events, -1: not there */
	int function_args;				/* of iomap_iter(), -1: not there */
	const char *iter, *iomap, *inode, *super_block;	/* members; a ( ... ) is an anonymous union */
	const char *ops;				/* members of struct iomap_ops */
	const char *op_enum;				/* names of enum iomap_op from 0 on; NULL: none */
};

#define ITER "inode pos len flags iomap srcmap private"
#define IOMAP "addr offset length type flags bdev dax_dev inline_data private"
#define INODE "i_mode i_opflags i_sb i_mapping i_ino i_rdev i_size"
#define SUPER "s_list s_dev s_blocksize"
#define OPS "iomap_begin iomap_end"
#define OPS_OF_SERIES "IOMAP_OP_UNKNOWN IOMAP_OP_READ IOMAP_OP_READAHEAD IOMAP_OP_WRITE IOMAP_OP_DIO_READ IOMAP_OP_DIO_WRITE"

static const struct kernel linux_6_1 = {
	-1, 3, 2, 2, ITER " processed", IOMAP " page_ops", INODE, SUPER, OPS, NULL,
};
static const struct kernel linux_6_12 = {
	-1, 3, 2, 2, ITER " processed", IOMAP " folio_ops validity_cookie", INODE, SUPER, OPS, NULL,
};
static const struct kernel linux_6_18 = {
	-1, 3, 2, 2, ITER " iter_start_pos status", IOMAP " validity_cookie", INODE, SUPER, OPS, NULL,
};
static const struct kernel linux_7 = {
	-1, 3, 2, 2, ITER " iter_start_pos status", IOMAP " validity_cookie", INODE, SUPER, "iomap_next", NULL,
};
static const struct kernel patched = {
	10, 3, 2, 2, ITER " processed op", IOMAP " folio_ops validity_cookie", INODE, SUPER, OPS, OPS_OF_SERIES,
};

static void add_members(struct btf *btf, const char *members, int type, int step)
{
	char word[64];
	int offset = 0, n;

	for (; sscanf(members, " %63s%n", word, &n) == 1; members += n) {
		if (word[0] == '(' || word[0] == ')')
			continue;
		btf__add_field(btf, word, type, offset, 0);
		offset += step;
	}
}

static void add_struct(struct btf *btf, const char *name, const char *members, int type)
{
	const char *open = members ? strchr(members, '(') : NULL;
	char outer[256];
	int inner;

	if (!members)
		return;
	if (!open) {
		btf__add_struct(btf, name, 512);
		add_members(btf, members, type, 64);
		return;
	}
	/* What follows the parenthesis is inside an anonymous union, behind a const. */
	inner = btf__add_union(btf, NULL, 512);
	add_members(btf, open + 1, type, 0);
	inner = btf__add_const(btf, inner);
	btf__add_struct(btf, name, 512);
	snprintf(outer, sizeof(outer), "%.*s", (int)(open - members), members);
	add_members(btf, outer, type, 64);
	btf__add_field(btf, NULL, inner, 4096 * 8 - 512, 0);
}

static void add_proto(struct btf *btf, int args, int type)
{
	btf__add_func_proto(btf, type);
	while (args-- > 0)
		btf__add_func_param(btf, "argument", type);
}

static void add_event(struct btf *btf, const char *name, int args, int type)
{
	int proto = btf__type_cnt(btf);

	if (args < 0)
		return;
	add_proto(btf, args + 1, type);		/* the hidden first */
	btf__add_typedef(btf, name, btf__add_ptr(btf, proto));
}

static struct btf *make(const struct kernel *kernel)
{
	struct btf *btf = btf__new_empty();
	int type = btf__add_int(btf, "long", 8, BTF_INT_SIGNED), proto;

	add_event(btf, "btf_trace_iomap_lookup", kernel->lookup_args, type);
	add_event(btf, "btf_trace_iomap_iter", kernel->iter_args, type);
	add_event(btf, "btf_trace_iomap_iter_dstmap", kernel->dstmap_args, type);
	if (kernel->function_args >= 0) {
		proto = btf__type_cnt(btf);
		add_proto(btf, kernel->function_args, type);
		btf__add_func(btf, "iomap_iter", BTF_FUNC_STATIC, proto);
	}
	add_struct(btf, "iomap_iter", kernel->iter, type);
	add_struct(btf, "iomap", kernel->iomap, type);
	add_struct(btf, "inode", kernel->inode, type);
	add_struct(btf, "super_block", kernel->super_block, type);
	add_struct(btf, "iomap_ops", kernel->ops, type);
	if (kernel->op_enum) {
		const char *names = kernel->op_enum;
		char word[64];
		int value = 0, n;

		btf__add_enum(btf, "iomap_op", 4);
		for (; sscanf(names, " %63s%n", word, &n) == 1; names += n)
			btf__add_enum_value(btf, word, value++);
	}
	return btf;
}

static struct plan plan;

static void plan_of(const struct kernel *kernel)
{
	struct btf *btf = make(kernel);

	memset(&plan, 0xa5, sizeof(plan));
	plan_make(&plan, &lookups_observer, btf);
	btf__free(btf);
}

static void is_plan(const struct kernel *kernel, int chosen, enum flag_era era, bool cookie, bool own, const char *what)
{
	int source;

	plan_of(kernel);
	is_int(plan_choose(&plan, 0), chosen, "%s: the source", what);
	is_int(plan.era, era, "%s: the era of the flags", what);
	is_int(plan.cookie, cookie, "%s: the cookie", what);
	is_int(plan.writes_alone, era != ERA_62, "%s: whether IOMAP_WRITE alone is a write", what);
	is_int(plan.own_iterators, own, "%s: iterators of file systems", what);
	for (source = 0; source < SOURCE_COUNT; source++)
		ok(plan.source[source].usable == !plan.source[source].why_not[0], "%s: %s is usable, or it says why not", what,
		   source_name(&lookups_observer, source));
}

static void kernels(void)
{
	is_plan(&linux_6_1, SOURCE_FEXIT, ERA_62, false, false, "6.1");
	is_str(plan.source[SOURCE_LOOKUP].why_not, "the kernel has no event iomap_lookup", "6.1: no event of ours");
	ok(plan.source[SOURCE_DSTMAP].usable, "6.1: the second source is there too");
	is_int(plan_choose(&plan, SOURCE_DSTMAP), SOURCE_DSTMAP, "6.1: and comes next");
	is_int(plan_choose(&plan, SOURCE_COUNT), -1, "6.1: then none");
	is_plan(&linux_6_12, SOURCE_FEXIT, ERA_614, true, false, "6.12");
	is_plan(&linux_6_18, SOURCE_FEXIT, ERA_615, true, false, "6.18");
	is_plan(&linux_7, SOURCE_FEXIT, ERA_615, true, true, "7.x");
	is_plan(&patched, SOURCE_LOOKUP, ERA_614, true, false, "patched 6.12");
	is_int(plan_choose(&plan, SOURCE_FEXIT), SOURCE_FEXIT, "patched 6.12: the stock sources remain");
	is_str(plan.unknown_ops, "", "patched 6.12: every operation has a name");
	ok(plan.op_map[0] == OP_UNKNOWN && plan.op_map[1] == OP_READ && plan.op_map[4] == OP_DIO_READ && plan.op_map[5] == OP_DIO_WRITE &&
	   plan.op_map[6] == OP_UNKNOWN, "operations are matched by name");
}

static void operations(void)
{
	struct kernel kernel = patched;
	static char text[4096];
	char *p = text;
	int i, wrong = 0;

	/* All of them, backwards. */
	for (i = OP_COUNT - 1; i >= 0; i--)
		p += sprintf(p, " IOMAP_OP_%s", ops[i].id);
	kernel.op_enum = text;
	plan_of(&kernel);
	for (i = 0; i < OP_COUNT; i++)
		wrong += plan.op_map[i] != OP_COUNT - 1 - i;
	is_int(wrong, 0, "every operation, in another order");
	is_str(plan.unknown_ops, "", "none is unknown");

	kernel.op_enum = "IOMAP_OP_UNKNOWN IOMAP_OP_NOVEL IOMAP_OP_READ IOMAP_OP_OTHER IOMAP_NR_OPS";
	plan_of(&kernel);
	is_str(plan.unknown_ops, "IOMAP_OP_NOVEL, IOMAP_OP_OTHER", "new operations are named");
	ok(plan.op_map[1] == OP_UNKNOWN && plan.op_map[2] == OP_READ, "and shown as unknown");
	ok(plan.source[SOURCE_LOOKUP].usable, "and no reason not to look");

	/* More than there are slots, and more names than room: kept within. */
	for (p = text, i = 0; i < 60; i++)
		p += sprintf(p, " IOMAP_OP_%s", i < 40 ? "NOVEL_OPERATION" : "WRITE");
	kernel.op_enum = text;
	plan_of(&kernel);
	is_int(strlen(plan.unknown_ops), sizeof(plan.unknown_ops) - 1, "many new operations are cut");
	for (wrong = i = 0; i < OP_SLOTS; i++)
		wrong += plan.op_map[i] != OP_UNKNOWN;
	is_int(wrong, 0, "a number beyond the slots is not mapped");

	kernel.op_enum = NULL;
	plan_of(&kernel);
	is_str(plan.source[SOURCE_LOOKUP].why_not, "the kernel has no enum iomap_op", "an event without the enum");
}

/* @kernel serves @chosen, and @source says @why not. */
static void refused(const struct kernel *kernel, int source, int chosen, const char *why, const char *what)
{
	plan_of(kernel);
	ok(!plan.source[source].usable, "%s: %s is not usable", what, source_name(&lookups_observer, source));
	is_str(plan.source[source].why_not, why, "%s: why", what);
	is_int(plan_choose(&plan, 0), chosen, "%s: what is left", what);
}

static void wrong_shapes(void)
{
	struct kernel kernel = patched;

	kernel.lookup_args = 9;
	refused(&kernel, SOURCE_LOOKUP, SOURCE_FEXIT, "the event iomap_lookup has 9 arguments, this version knows it with 10",
		"an argument less");
	kernel.lookup_args = 11;
	refused(&kernel, SOURCE_LOOKUP, SOURCE_FEXIT, "the event iomap_lookup has 11 arguments, this version knows it with 10",
		"an argument more");

	kernel = linux_6_12;
	kernel.iter_args = 4;
	refused(&kernel, SOURCE_FEXIT, -1, "the event iomap_iter has 4 arguments, this version knows it with 3", "iomap_iter has changed");
	refused(&kernel, SOURCE_DSTMAP, -1, "the event iomap_iter has 4 arguments, this version knows it with 3", "iomap_iter has changed");
	kernel.iter_args = -1;
	refused(&kernel, SOURCE_FEXIT, -1, "the kernel has no event iomap_iter", "no event");
	refused(&kernel, SOURCE_DSTMAP, -1, "the kernel has no event iomap_iter", "no event");

	kernel = linux_6_12;
	kernel.function_args = -1;
	refused(&kernel, SOURCE_FEXIT, SOURCE_DSTMAP, "the kernel has no function iomap_iter", "no function");
	kernel.function_args = 3;
	refused(&kernel, SOURCE_FEXIT, SOURCE_DSTMAP, "the function iomap_iter has 3 arguments, this version knows it with 2",
		"another function");
	kernel.function_args = 2;
	kernel.dstmap_args = -1;
	refused(&kernel, SOURCE_DSTMAP, SOURCE_FEXIT, "the kernel has no event iomap_iter_dstmap", "no dstmap");
	kernel.dstmap_args = 3;
	refused(&kernel, SOURCE_DSTMAP, SOURCE_FEXIT, "the event iomap_iter_dstmap has 3 arguments, this version knows it with 2",
		"another dstmap");

	kernel = linux_6_12;
	kernel.iter = ITER;
	refused(&kernel, SOURCE_FEXIT, -1, "struct iomap_iter has neither processed nor status and iter_start_pos, so the end of a loop "
		"cannot be told from a lookup", "an iterator of neither kind");
	kernel.iter = ITER " status";
	refused(&kernel, SOURCE_DSTMAP, -1, "struct iomap_iter has neither processed nor status and iter_start_pos, so the end of a loop "
		"cannot be told from a lookup", "an iterator of half a kind");
	kernel.iter = "inode pos len iomap srcmap processed";
	refused(&kernel, SOURCE_FEXIT, -1, "struct iomap_iter has no member flags", "an iterator without flags");
	kernel = patched;
	kernel.iter = "inode pos len iomap srcmap processed";
	refused(&kernel, SOURCE_FEXIT, SOURCE_LOOKUP, "struct iomap_iter has no member flags", "which our event does not need");

	kernel = patched;
	kernel.iomap = "addr offset type flags";
	refused(&kernel, SOURCE_LOOKUP, -1, "struct iomap has no member length", "a mapping without length");
	kernel = patched;
	kernel.inode = "i_mode i_sb i_ino";
	refused(&kernel, SOURCE_LOOKUP, -1, "struct inode has no member i_rdev", "an inode without i_rdev");
	kernel = patched;
	kernel.super_block = "s_list";
	refused(&kernel, SOURCE_LOOKUP, -1, "struct super_block has no member s_dev", "a superblock without s_dev");
	kernel.super_block = NULL;
	refused(&kernel, SOURCE_FEXIT, -1, "struct super_block has no member s_dev", "no superblock");

	kernel = (struct kernel) { -1, -1, -1, -1 };
	refused(&kernel, SOURCE_LOOKUP, -1, "the kernel has no event iomap_lookup", "a kernel without iomap");
	refused(&kernel, SOURCE_FEXIT, -1, "the kernel has no event iomap_iter", "a kernel without iomap");
	refused(&kernel, SOURCE_DSTMAP, -1, "the kernel has no event iomap_iter", "a kernel without iomap");

	/* Members of an anonymous union are members. */
	kernel = patched;
	kernel.inode = "i_mode i_sb ( i_ino i_rdev";
	plan_of(&kernel);
	is_int(plan_choose(&plan, 0), SOURCE_LOOKUP, "members of an anonymous union count");
	kernel.inode = "i_mode i_sb ( i_ino i_other";
	plan_of(&kernel);
	is_int(plan_choose(&plan, 0), -1, "others do not");
}

/* Typedefs that are no event's: not followed into nothing. */
static void odd_types(void)
{
	struct btf *btf = make(&linux_6_12);
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT);

	btf__add_typedef(btf, "btf_trace_iomap_lookup", type);
	plan_make(&plan, &lookups_observer, btf);
	is_str(plan.source[SOURCE_LOOKUP].why_not, "the kernel has no event iomap_lookup", "a typedef that is no pointer");
	btf__free(btf);
	btf = make(&linux_6_12);
	btf__add_typedef(btf, "btf_trace_iomap_lookup", btf__add_ptr(btf, type));
	plan_make(&plan, &lookups_observer, btf);
	is_str(plan.source[SOURCE_LOOKUP].why_not, "the kernel has no event iomap_lookup", "a pointer to no function");
	btf__free(btf);
	btf = make(&linux_6_12);
	btf__add_typedef(btf, "btf_trace_iomap_lookup", btf__add_ptr(btf, 0));
	plan_make(&plan, &lookups_observer, btf);
	is_str(plan.source[SOURCE_LOOKUP].why_not, "the kernel has no event iomap_lookup", "a pointer to void");
	btf__free(btf);
	btf = btf__new_empty();
	plan_make(&plan, &lookups_observer, btf);
	is_int(plan_choose(&plan, 0), -1, "BTF of nothing");
	btf__free(btf);
}

/* Functions of these names with so many arguments, -1 for none. */
static struct btf *with_functions(int submit, int writeback_submit, int finish)
{
	struct btf *btf = make(&linux_6_12);
	const struct { const char *name; int args; } functions[] = {
		{ "iomap_submit_ioend", submit }, { "iomap_ioend_writeback_submit", writeback_submit }, { "iomap_finish_ioend", finish },
	};
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT), proto, i, k;

	for (i = 0; i < 3; i++) {
		if (functions[i].args < 0)
			continue;
		proto = btf__add_func_proto(btf, type);
		for (k = 0; k < functions[i].args; k++)
			btf__add_func_param(btf, "argument", type);
		btf__add_func(btf, functions[i].name, BTF_FUNC_STATIC, proto);
	}
	btf__add_struct(btf, "iomap_ioend", 64);
	for (i = 0; i < 5; i++)
		btf__add_field(btf, (const char *[]){ "io_inode", "io_offset", "io_size", "io_sector", "io_flags" }[i], type, 64 * i, 0);
	return btf;
}

/* Bits: index of a program that is loaded. */
static unsigned int loaded(const struct plan *plan, int source)
{
	unsigned int bits = 0;
	int i;

	for (i = 0; i < 32; i++)
		bits |= (unsigned int)plan->source[source].program[i] << i;
	return bits;
}

static void ioends_of(int submit, int writeback_submit, int finish, int chosen, unsigned int programs, const char *why, const char *what)
{
	struct btf *btf = with_functions(submit, writeback_submit, finish);

	plan_make(&plan, &ioends_observer, btf);
	is_int(plan_choose(&plan, 0), chosen, "ioends, %s: the source", what);
	if (chosen >= 0)
		is_int(loaded(&plan, chosen), programs, "ioends, %s: the programs", what);
	is_str(plan.source[IOEND_SOURCE_FENTRY].why_not, why, "ioends, %s: why not", what);
	btf__free(btf);
}

static void ioends(void)
{
	ioends_of(3, -1, 2, IOEND_SOURCE_FENTRY, 1 << 1 | 1 << 3, "", "6.1");
	ioends_of(2, -1, 2, IOEND_SOURCE_FENTRY, 1 << 0 | 1 << 3, "", "6.12");
	ioends_of(-1, 2, 2, IOEND_SOURCE_FENTRY, 1 << 2 | 1 << 3, "", "6.18");
	ioends_of(4, -1, 2, -1, 0, "the kernel has no function iomap_submit_ioend or iomap_ioend_writeback_submit in a form that this "
		  "version knows", "another submission");
	ioends_of(2, -1, -1, -1, 0, "the kernel has no function iomap_finish_ioend", "no finish");
	ioends_of(2, -1, 3, -1, 0, "the function iomap_finish_ioend has 3 arguments, this version knows it with 2", "another finish");
	is_str(plan.source[IOEND_SOURCE_EVENTS].why_not, "the kernel has no event iomap_ioend_new", "ioends: no event of ours");
}

/* A kernel with fsdax: its functions with so many arguments, the events of every one, and those of this project if @ours. */
static struct btf *with_dax(int fault, int sync, int rw, bool ours)
{
	struct btf *btf = make(&linux_6_12);
	const struct { const char *name; int args; } functions[] = {
		{ "dax_iomap_fault", fault }, { "dax_finish_sync_fault", sync }, { "dax_iomap_rw", rw },
	};
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT), proto;
	size_t i;

	for (i = 0; i < 3; i++) {
		if (functions[i].args < 0)
			continue;
		proto = btf__type_cnt(btf);
		add_proto(btf, functions[i].args, type);
		btf__add_func(btf, functions[i].name, BTF_FUNC_STATIC, proto);
	}
	for (i = 0; i < dax_observer.source[DAX_SOURCE_STOCK].need_count; i++) {
		const struct need *need = &dax_observer.source[DAX_SOURCE_STOCK].needs[i];
		char name[64];

		snprintf(name, sizeof(name), "btf_trace_%s", need->name);
		if (need->kind == NEED_EVENT)
			add_event(btf, name, need->args, type);
	}
	if (ours) {
		add_event(btf, "btf_trace_dax_iomap_fault", 7, type);
		add_event(btf, "btf_trace_dax_fault_fallback", 6, type);
		add_event(btf, "btf_trace_dax_fault_access", 9, type);
		add_event(btf, "btf_trace_dax_fault_cow", 10, type);
		add_event(btf, "btf_trace_dax_sync_fault_done", 7, type);
		add_event(btf, "btf_trace_dax_rw_copy", 8, type);
		add_event(btf, "btf_trace_iomap_op_begin", 6, type);
		add_event(btf, "btf_trace_iomap_op_end", 7, type);
		add_event(btf, "btf_trace_iomap_lookup", 10, type);
		btf__add_enum(btf, "iomap_op", 4);
		btf__add_enum(btf, "dax_fallback_reason", 4);
	}
	add_struct(btf, "vm_fault", "flags cow_page ( vma gfp_mask pgoff address", type);
	add_struct(btf, "vm_area_struct", "vm_mm vm_file ( vm_flags __vm_flags", type);
	add_struct(btf, "file", "f_inode", type);
	add_struct(btf, "kiocb", "ki_filp ki_pos", type);
	add_struct(btf, "iov_iter", "data_source count", type);
	return btf;
}

static void dax_of(int fault, int sync, int rw, bool ours, int chosen, const char *why, const char *what)
{
	struct btf *btf = with_dax(fault, sync, rw, ours);

	plan_make(&plan, &dax_observer, btf);
	is_int(plan_choose(&plan, 0), chosen, "dax, %s: the source", what);
	is_str(plan.source[DAX_SOURCE_FEXIT].why_not, why, "dax, %s: why not the functions", what);
	btf__free(btf);
}

static void dax(void)
{
	struct btf *btf = make(&linux_6_12);

	dax_of(5, 3, 3, true, DAX_SOURCE_EVENTS, "", "patched");
	is_int(loaded(&plan, DAX_SOURCE_EVENTS), (1 << 9) - 1, "dax, patched: all programs");
	ok(plan.source[DAX_SOURCE_FEXIT].usable && plan.source[DAX_SOURCE_STOCK].usable, "dax, patched: the stock sources remain");
	dax_of(5, 3, 3, false, DAX_SOURCE_FEXIT, "", "stock");
	is_str(plan.source[DAX_SOURCE_EVENTS].why_not, "the kernel has no event dax_iomap_fault", "dax, stock: no event of ours");
	dax_of(6, 3, 3, false, DAX_SOURCE_STOCK, "the function dax_iomap_fault has 6 arguments, this version knows it with 5", "another fault");
	dax_of(5, 3, -1, false, DAX_SOURCE_STOCK, "the kernel has no function dax_iomap_rw", "no reads and writes");
	plan_make(&plan, &dax_observer, btf);
	is_int(plan_choose(&plan, 0), -1, "dax, a kernel without: no source");
	is_str(plan.source[DAX_SOURCE_STOCK].why_not, "the kernel has no event dax_pte_fault", "dax, a kernel without: why");
	btf__free(btf);
}

struct function {
	const char *name;
	int args;		/* -1: not there */
};

static void add_functions(struct btf *btf, const struct function *function, int type)
{
	int proto;

	for (; function->name; function++) {
		if (function->args < 0)
			continue;
		proto = btf__type_cnt(btf);
		add_proto(btf, function->args, type);
		btf__add_func(btf, function->name, BTF_FUNC_STATIC, proto);
	}
}

/* The functions of fs/aio.c, of which io_submit_one() may be inlined. */
static void aio_of(int submit_one, int complete, int chosen, const char *why, const char *what)
{
	const struct function functions[] = {
		{ "io_submit_one", submit_one }, { "aio_read", 4 }, { "aio_write", 4 }, { "aio_fsync", 3 }, { "aio_poll_queue_proc", 3 },
		{ "aio_complete_rw", 2 }, { "aio_poll_cancel", 1 }, { "aio_complete", complete }, {},
	};
	struct btf *btf = make(&linux_6_12);
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT);

	add_functions(btf, functions, type);
	add_struct(btf, "aio_kiocb", "ki_ctx ki_res", type);
	add_struct(btf, "kioctx", "user_id", type);
	add_struct(btf, "aio_poll_table", "iocb", type);
	add_struct(btf, "kiocb", "ki_filp", type);
	add_struct(btf, "file", "f_inode", type);
	plan_make(&plan, &aio_observer, btf);
	is_int(plan_choose(&plan, 0), chosen, "aio, %s: the source", what);
	is_str(plan.source[AIO_SOURCE_SUBMIT].why_not, why, "aio, %s: the reason", what);
	is_str(plan.source[AIO_SOURCE_EVENTS].why_not, "the kernel has no event aio_iocb_begin", "aio, %s: no event of ours", what);
	btf__free(btf);
}

static void aio(void)
{
	aio_of(3, 1, AIO_SOURCE_SUBMIT, "", "all functions");
	is_int(plan_choose(&plan, AIO_SOURCE_SUBMIT + 1), AIO_SOURCE_FEXIT, "aio: the next best source");
	is_int(plan_choose(&plan, AIO_SOURCE_FEXIT + 1), AIO_SOURCE_KPROBE, "aio: and the last");
	aio_of(-1, 1, AIO_SOURCE_FEXIT, "the kernel has no function io_submit_one", "io_submit_one() inlined");
	aio_of(2, 1, AIO_SOURCE_FEXIT, "the function io_submit_one has 2 arguments, this version knows it with 3", "another io_submit_one()");
	aio_of(3, -1, -1, "the kernel has no function aio_complete", "no aio_complete()");
	aio_of(3, 2, -1, "the function aio_complete has 2 arguments, this version knows it with 1", "another aio_complete()");
}

static void add_dm(struct btf *btf, int call, int dispatch)
{
	const struct function functions[] = { { "dm_io", call }, { "dispatch_io", dispatch }, {} };
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT);

	add_functions(btf, functions, type);
	add_struct(btf, "dm_io_request", "bi_opf mem notify client", type);
	add_struct(btf, "dm_io_memory", "type offset", type);
	add_struct(btf, "dm_io_notify", "fn context", type);
	add_struct(btf, "dm_io_region", "bdev sector count", type);
	add_struct(btf, "io", "error_bits count", type);
}

static struct btf *without_dm(void)
{
	const struct function functions[] = { { "mempool_free", 2 }, {} };
	struct btf *btf = make(&linux_6_12);
	int type = btf__find_by_name_kind(btf, "long", BTF_KIND_INT);

	add_functions(btf, functions, type);
	add_struct(btf, "block_device", "bd_start_sect bd_dev", type);
	return btf;
}

static void dmio_of(int call, int dispatch, int chosen, unsigned int programs, const char *why, const char *what)
{
	struct btf *btf = without_dm();

	add_dm(btf, call, dispatch);
	plan_make(&plan, &dmio_observer, btf);
	is_int(plan_choose(&plan, 0), chosen, "dmio, %s: the source", what);
	if (chosen >= 0)
		is_int(loaded(&plan, chosen), programs, "dmio, %s: the programs", what);
	is_str(plan.source[DMIO_SOURCE_FENTRY].why_not, why, "dmio, %s: the reason", what);
	btf__free(btf);
}

static void dmio(void)
{
	/* Bits: dispatch_io() of 6 and 7 arguments, dm_io() of 4, 5 and 6, mempool_free(). */
	dmio_of(5, 7, DMIO_SOURCE_KPROBE, 0x2a, "the kernel has no function dispatch_io in a form that this version knows, or its module dm_mod is not loaded",
		"6.1, whose trampolines take six arguments");
	dmio_of(4, 6, DMIO_SOURCE_FENTRY, 0x25, "", "6.1 without the I/O priority");
	dmio_of(5, 6, DMIO_SOURCE_FENTRY, 0x29, "", "6.12");
	dmio_of(6, 6, DMIO_SOURCE_FENTRY, 0x31, "", "7.3");
	dmio_of(9, 6, DMIO_SOURCE_FENTRY, 0x21, "", "dm_io() as nobody knows it");
	dmio_of(5, -1, -1, 0, "the kernel has no function dispatch_io in a form that this version knows, or its module dm_mod is not loaded",
		"dispatch_io() inlined");
	dmio_of(5, 9, -1, 0, "the kernel has no function dispatch_io in a form that this version knows, or its module dm_mod is not loaded",
		"another dispatch_io()");
	is_str(plan.source[DMIO_SOURCE_EVENTS].why_not, "the kernel has no event dm_io_begin, or its module dm_mod is not loaded",
	       "dmio: no event of ours");
}

static void trying(void)
{
	struct kernel kernel = linux_6_12;
	struct btf *btf;

	/* A function of this number is not what the running kernel has, or the caller may not: refused either way. */
	kernel.function_args = -1;
	btf = make(&kernel);
	plan_make(&plan, &lookups_observer, btf);
	plan_try(&plan, btf);
	is_str(plan.source[SOURCE_FEXIT].why_not, "the kernel has no function iomap_iter", "trying does not replace the reason");
	ok(plan.source[SOURCE_DSTMAP].usable, "nor touch the other source");
	btf__free(btf);
}

static int write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, data, size);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)size ? 0 : -1;
}

static void from_file(void)
{
	char directory[] = "/tmp/plan.XXXXXX", path[64];
	struct btf *btf, *read = NULL;
	struct err err = {};
	const void *raw;
	__u32 size;

	if (!mkdtemp(directory)) {
		ok(false, "a directory for the files");
		return;
	}
	snprintf(path, sizeof(path), "%s/btf", directory);
	setenv("IOMAPSCOPE_BTF", path, 1);

	is_int(plan_btf(&read, &err), -1, "no file");
	is_int(err.status, STATUS_KERNEL, "no file: the status");
	has(err.text, path, "no file: its name");
	has(err.text, "CONFIG_DEBUG_INFO_BTF=y", "no file: what to do");

	write_file(path, "", 0);
	is_int(plan_btf(&read, &err), -1, "an empty file");
	has(err.text, "cannot read kernel BTF from ", "an empty file: says so");
	write_file(path, "this is no BTF, whatever you may think of it", 44);
	is_int(plan_btf(&read, &err), -1, "a file of another kind");
	is_int(err.status, STATUS_KERNEL, "a file of another kind: the status");

	btf = make(&patched);
	raw = btf__raw_data(btf, &size);
	write_file(path, raw, size / 2);
	is_int(plan_btf(&read, &err), -1, "half a file");
	write_file(path, raw, size);
	btf__free(btf);
	is_int(plan_btf(&read, &err), 0, "a file of a patched kernel");
	memset(&plan, 0xa5, sizeof(plan));
	plan_make(&plan, &lookups_observer, read);
	is_int(plan_choose(&plan, 0), SOURCE_LOOKUP, "and its plan");
	btf__free(read);
	unlink(path);
	rmdir(directory);

	setenv("IOMAPSCOPE_BTF", "", 1);
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		is_int(plan_btf(&read, &err), -1, "no BTF of the running kernel");
	} else {
		is_int(plan_btf(&read, &err), 0, "an empty name means the running kernel's");
		btf__free(read);
	}
	unsetenv("IOMAPSCOPE_BTF");
}

static int write_btf(const char *path, const struct btf *btf)
{
	__u32 size;
	const void *raw = btf__raw_data(btf, &size);

	return raw ? write_file(path, raw, size) : -1;
}

/* The BTF of a module, which stands on the kernel's. */
static void from_module(void)
{
	char directory[] = "/tmp/plan.XXXXXX", path[64], module[64];
	struct btf *kernel, *split, *read, *none;
	struct err err = {};

	if (!mkdtemp(directory)) {
		ok(false, "a directory for the files");
		return;
	}
	snprintf(path, sizeof(path), "%s/vmlinux", directory);
	snprintf(module, sizeof(module), "%s/dm_mod", directory);
	setenv("IOMAPSCOPE_BTF", path, 1);
	kernel = without_dm();
	is_int(write_btf(path, kernel), 0, "the kernel's file");
	split = btf__new_empty_split(kernel);
	add_dm(split, 5, 6);
	is_int(plan_btf(&read, &err), 0, "the kernel's BTF");
	none = plan_module_btf(&dmio_observer, read);
	ok(!none, "a module that is not loaded");
	plan_make(&plan, &dmio_observer, read);
	is_int(plan_choose(&plan, 0), -1, "nothing to watch");
	is_int(write_btf(module, split), 0, "the module's file");
	none = plan_module_btf(&lookups_observer, read);
	ok(!none, "an observer that names no module needs none");
	btf__free(split);
	split = plan_module_btf(&dmio_observer, read);
	ok(split, "the module's BTF beside it");
	if (split) {
		plan_make(&plan, &dmio_observer, split);
		is_int(plan_choose(&plan, 0), DMIO_SOURCE_FENTRY, "what is in the module counts, and what is in the kernel");
		is_int(loaded(&plan, DMIO_SOURCE_FENTRY), 0x29, "the programs");
	}
	btf__free(split);
	write_file(module, "junk", 4);
	none = plan_module_btf(&dmio_observer, read);
	ok(!none, "a file of another kind");
	btf__free(read);
	btf__free(kernel);
	unlink(module);
	unlink(path);
	rmdir(directory);
	unsetenv("IOMAPSCOPE_BTF");
}

/* Programs by the events that are there, and the layers that are left out. */
static void layers(void)
{
	struct btf *btf = make(&linux_6_12);
	char names[160];

	plan_make(&plan, &follow_observer, btf);
	is_int(plan_choose(&plan, 0), FOLLOW_SOURCE_FEXIT, "follow: the iterator is enough");
	ok(plan_layers_missing(&plan, FOLLOW_SOURCE_STOCK, names, sizeof(names)), "follow: layers are missing");
	is_str(names, "kiocb, fault, pass, dio, folio, ioend, bio, device", "follow: all but those of the iterator");
	ok(plan_loads(&plan, FOLLOW_SOURCE_STOCK, "iter_begin") && !plan_loads(&plan, FOLLOW_SOURCE_STOCK, "device_queue") &&
	   !plan_loads(&plan, FOLLOW_SOURCE_STOCK, "no_such_program"), "follow: a program is loaded if its event is there");
	add_event(btf, "btf_trace_block_bio_queue", 1, 1);
	add_event(btf, "btf_trace_iomap_dio_rw_begin", 5, 1);
	plan_make(&plan, &follow_observer, btf);
	plan_layers_missing(&plan, FOLLOW_SOURCE_STOCK, names, sizeof(names));
	is_str(names, "kiocb, fault, pass, dio, folio, ioend, bio", "follow: the layer of an event that has come is seen");
	ok(plan_loads(&plan, FOLLOW_SOURCE_STOCK, "device_queue") && !plan_loads(&plan, FOLLOW_SOURCE_STOCK, "rw_begin"),
	   "follow: an event with other arguments is as good as none");
	plan_make(&plan, &lookups_observer, btf);
	ok(!plan_layers_missing(&plan, SOURCE_DSTMAP, names, sizeof(names)) && !*names, "lookups have no layers to miss");
	btf__free(btf);
}

int main(void)
{
	libbpf_set_print(NULL);
	kernels();
	operations();
	wrong_shapes();
	odd_types();
	ioends();
	dax();
	aio();
	dmio();
	trying();
	from_file();
	from_module();
	ok(!source_name(&lookups_observer, SOURCE_COUNT) && !source_limits(&lookups_observer, SOURCE_COUNT) && !source_limits(&lookups_observer, SOURCE_LOOKUP), "no names beyond the sources");
	layers();
	return done_testing();
}
