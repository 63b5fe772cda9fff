// SPDX-License-Identifier: GPL-2.0
/* Asks for what the steps cannot have, of tasks called "wrong": the kernel ignores it. What is possible beside it is not asked for. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>
#include "iomap_control.h"

#define EFAULT	14
#define ENOTBLK	15

struct task_struct {
	char comm[16];
} __attribute__((preserve_access_index));

char LICENSE[] SEC("license") = "GPL";

static __always_inline bool other(void)
{
	char comm[16];

	bpf_probe_read_kernel(comm, sizeof(comm), bpf_get_current_task_btf()->comm);
	return bpf_strncmp(comm, sizeof(comm), "wrong");
}

#define ASK(step, ...) \
	SEC("struct_ops/" #step) \
	int BPF_PROG(step, struct iomap_control_ctx *at, struct iomap_control_verdict *verdict) \
	{ \
		if (other()) \
			return 0; \
		__VA_ARGS__ \
		return 0; \
	}

/* An errno with a meaning inside the kernel, and more than the longest delay. */
ASK(lookup, verdict->error = -EFAULT; verdict->delay_us = 10000001; verdict->stale = 1;)
ASK(mapped, verdict->error = 1; verdict->cap = 100;)
ASK(revalidate, verdict->error = -5; verdict->delay_us = 1000;)
ASK(copy, verdict->fallback = 1; verdict->delay_us = 1000;)
ASK(writeback_map, verdict->delay_us = 1000; verdict->cap = 100; verdict->defer = 1;)
ASK(ioend_submit, verdict->delay_us = 1000; verdict->error = -ENOTBLK;)
ASK(dio_begin, verdict->error = -ENOTBLK; verdict->cap = 100;)
ASK(dio_bio, verdict->cap = 100; verdict->error = -EFAULT;)
ASK(dax_fault, verdict->cap = 100; verdict->defer = 1;)

SEC(".struct_ops.link")
struct iomap_control_ops wrong = {
	.lookup = (void *)lookup,
	.mapped = (void *)mapped,
	.revalidate = (void *)revalidate,
	.copy = (void *)copy,
	.writeback_map = (void *)writeback_map,
	.ioend_submit = (void *)ioend_submit,
	.dio_begin = (void *)dio_begin,
	.dio_bio = (void *)dio_bio,
	.dax_fault = (void *)dax_fault,
	.name = "wrong",
};
