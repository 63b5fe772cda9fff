// SPDX-License-Identifier: GPL-2.0
/*
 * insns.so - a plugin of QEMU: where a benchmark's round executes its instructions.
 *
 *     qemu-system-x86_64 -plugin FILE,out=FILE
 *
 * The guest marks the begin and the end of each round by an instruction that does nothing (MARK in tools/bench/measure.c). When QEMU exits, the
 * file has a line for each translated block that the last whole round has executed: its guest address in hexadecimal, and how many
 * instructions that were. A block is counted as a whole, also if an exception has left it early.
 *
 * Debian's QEMU comes without qemu-plugin.h; what is needed of its API, version 1, is declared here after docs/devel/tcg-plugins.rst
 * and include/qemu/qemu-plugin.h of QEMU 7.2. A QEMU that does not offer that version refuses to load this.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

typedef void (*tb_cb)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*exit_cb)(uint64_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb, int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, exit_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

enum { NO_REGS };

/* nopl MARK(%rax), where the last byte of MARK tells which. */
static const unsigned char mark[] = { 0x0f, 0x1f, 0x80, 0x6f, 0x69, 0x62 };

enum { MARK_BEGIN = 1, MARK_END };

struct block {
	struct block *next;
	uint64_t address;
	uint64_t insns;
	uint64_t executed, whole;	/* times in this round, in the last one that has ended */
};

/* All that were translated, in no order. There is one CPU, so that nothing is called while something else is. */
static struct block *blocks;
static bool counting;
static char *out;

static void on_block(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	if (counting)
		block->executed++;
}

static void on_begin(unsigned int cpu, void *data)
{
	struct block *block;

	(void)cpu;
	(void)data;
	for (block = blocks; block; block = block->next)
		block->executed = 0;
	counting = true;
}

static void on_end(unsigned int cpu, void *data)
{
	struct block *block;

	(void)cpu;
	(void)data;
	if (!counting)
		return;
	counting = false;
	for (block = blocks; block; block = block->next)
		block->whole = block->executed;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, insns = qemu_plugin_tb_n_insns(tb);
	struct block *block = calloc(1, sizeof(*block));

	(void)id;
	if (!block)
		abort();
	block->address = qemu_plugin_tb_vaddr(tb);
	block->insns = insns;
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGS, block);
	for (i = 0; i < insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const unsigned char *bytes = qemu_plugin_insn_data(insn);

		if (qemu_plugin_insn_size(insn) != sizeof(mark) + 1 || memcmp(bytes, mark, sizeof(mark)))
			continue;
		if (bytes[sizeof(mark)] == MARK_BEGIN)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin, NO_REGS, NULL);
		else if (bytes[sizeof(mark)] == MARK_END)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, NO_REGS, NULL);
	}
}

static void on_exit_of_qemu(uint64_t id, void *data)
{
	FILE *file = fopen(out, "w");
	struct block *block;

	(void)id;
	(void)data;
	if (!file) {
		perror(out);
		return;
	}
	for (block = blocks; block; block = block->next) {
		if (block->whole)
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", block->address, block->whole * block->insns);
	}
	if (fclose(file))
		perror(out);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	}
	if (!out) {
		fprintf(stderr, "insns: give out=FILE\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
