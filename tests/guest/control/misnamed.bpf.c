// SPDX-License-Identifier: GPL-2.0
/* Refused: its name has a blank. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "iomap_control.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/lookup")
int BPF_PROG(lookup, struct iomap_control_ctx *at, struct iomap_control_verdict *verdict)
{
	return 0;
}

SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.lookup = (void *)lookup,
	.name = "two words",
};
