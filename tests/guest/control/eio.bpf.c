// SPDX-License-Identifier: GPL-2.0
/* Each third lookup of a buffered write by a task called "victim" fails with EIO. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "iomap_control.h"

#define EIO 5

/* Numbers of the kernel, taken from its BTF by their names. */
enum iomap_op { IOMAP_OP_WRITE };

struct task_struct {
	char comm[16];
} __attribute__((preserve_access_index));

char LICENSE[] SEC("license") = "GPL";

__u64 calls;

SEC("struct_ops/lookup")
int BPF_PROG(lookup, struct iomap_control_ctx *at, struct iomap_control_verdict *verdict)
{
	struct task_struct *task = bpf_get_current_task_btf();
	char comm[16];

	if (at->op != bpf_core_enum_value(enum iomap_op, IOMAP_OP_WRITE))
		return 0;
	bpf_probe_read_kernel(comm, sizeof(comm), task->comm);
	if (bpf_strncmp(comm, sizeof(comm), "victim"))
		return 0;
	if (__sync_fetch_and_add(&calls, 1) % 3 == 2)
		verdict->error = -EIO;
	return 0;
}

SEC(".struct_ops.link")
struct iomap_control_ops eio = {
	.lookup = (void *)lookup,
	.name = "eio",
};
