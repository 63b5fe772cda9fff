// SPDX-License-Identifier: GPL-2.0
/* Refused: it has a name, and nothing else. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "iomap_control.h"

char LICENSE[] SEC("license") = "GPL";



SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.name = "functionless",
};
