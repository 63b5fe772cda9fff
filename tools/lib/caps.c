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

static void keep_few(struct __user_cap_data_struct *data, bool but_ptrace)
{
	if (!but_ptrace)
		return;
	keep(data, CAP_SYS_PTRACE);
	keep(data, CAP_DAC_READ_SEARCH);
}

int caps_drop(bool but_ptrace)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {};

	keep_few(kept, but_ptrace);
	return syscall(SYS_capset, &header, kept) ? -errno : 0;
}

int caps_pause(bool but_ptrace)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {}, data[_LINUX_CAPABILITY_U32S_3];
	int i;

	keep_few(kept, but_ptrace);
	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = kept[i].effective;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int caps_resume(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int i;

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
