/* SPDX-License-Identifier: GPL-2.0 */
/* A policy that asks for nothing: what it takes besides its struct. SECTION is that of its program. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "iomap_control.h"

#ifndef SECTION
#define SECTION "struct_ops/lookup"
#endif

char LICENSE[] SEC("license") = "GPL";

SEC(SECTION)
int BPF_PROG(lookup, struct iomap_control_ctx *at, struct iomap_control_verdict *verdict)
{
	return 0;
}
