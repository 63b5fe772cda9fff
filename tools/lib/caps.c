// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "caps.h"

static bool has(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

const char *caps_missing(void)
{
	bool bpf = has(CAP_BPF), perfmon = has(CAP_PERFMON);

	if (has(CAP_SYS_ADMIN) || (bpf && perfmon))
		return NULL;
	return bpf ? "CAP_PERFMON" : perfmon ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
}

bool caps_admin(void)
{
	return has(CAP_SYS_ADMIN);
}

bool caps_ptrace(void)
{
	return has(CAP_SYS_PTRACE);
}

static void keep(struct __user_cap_data_struct *data, int capability)
{
	if (!has(capability))
		return;
	data[CAP_TO_INDEX(capability)].effective |= CAP_TO_MASK(capability);
	data[CAP_TO_INDEX(capability)].permitted |= CAP_TO_MASK(capability);
}

int caps_drop(bool but_ptrace)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {};

	if (but_ptrace) {
		keep(kept, CAP_SYS_PTRACE);
		keep(kept, CAP_DAC_READ_SEARCH);
	}
	return syscall(SYS_capset, &header, kept) ? -errno : 0;
}
