// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacks.h"

#define CACHE	128		/* a power of two */

struct entry {
	__s32 id;
	__u32 pid;
	__u64 started;		/* the process, in ticks: its number may be another's by now */
	bool taken, user;
	struct frames frames;
};

struct stacks {
	stack_reader read;
	stack_teller find;	/* instead of all below but the context */
	void *ctx;
	struct ksyms *ksyms;
	struct usyms *usyms;
	bool own_pids;
	struct entry *entry;	/* of CACHE; NULL if somebody else finds them */
};

struct stacks *stacks_new(stack_reader read, void *ctx, struct ksyms *ksyms, bool own_pids)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));
	struct usyms *usyms = usyms_new();

	if (stacks)
		stacks->entry = calloc(CACHE, sizeof(*stacks->entry));
	if (!stacks || !stacks->entry || !usyms) {
		if (stacks)
			free(stacks->entry);
		free(stacks);
		usyms_free(usyms);
		ksyms_free(ksyms);
		return NULL;
	}
	stacks->read = read;
	stacks->ctx = ctx;
	stacks->ksyms = ksyms;
	stacks->usyms = usyms;
	stacks->own_pids = own_pids;
	return stacks;
}

struct stacks *stacks_told(stack_teller find, void *ctx)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));

	if (!stacks)
		return NULL;
	stacks->find = find;
	stacks->ctx = ctx;
	return stacks;
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	ksyms_free(stacks->ksyms);
	usyms_free(stacks->usyms);
	free(stacks->entry);
	free(stacks);
}

void frame_clean(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e || *text == '"' || *text == '\\' || *text == ';' || *text == ',')
			*text = '?';
	}
}

/* How the program itself was called: frames that the observer has made. */
static bool is_ours(const char *name)
{
	static const char *const prefixes[] = {
		"bpf_prog_", "bpf_trace_run", "bpf_trampoline_", "bpf_get_stackid", "__bpf_trace_", "__bpf_prog_", "__traceiter_", "trace_call_bpf",
		"__bpf_get_stackid", "__bpf_tramp_",
	};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}

static void name_kernel(const struct stacks *stacks, const __u64 *address, unsigned int count, struct frames *frames)
{
	unsigned int i, first = 0;

	for (i = 0; i < count; i++) {
		if (!stacks->ksyms || !ksyms_name(stacks->ksyms, address[i], i > 0, frames->name[i], FRAME_TEXT))
			snprintf(frames->name[i], FRAME_TEXT, "0x%llx", (unsigned long long)address[i]);
		if (i < 12 && is_ours(frames->name[i]))
			first = i + 1;
	}
	/* What is left of a stack that has nothing else stays. */
	if (first >= count)
		first = 0;
	memmove(frames->name, frames->name[first], (count - first) * FRAME_TEXT);
	frames->count = count - first;
}

/* When the process began, 0 if it has ended: the 22nd word, of which the second may hold blanks and brackets. */
static __u64 started_at(__u32 pid)
{
	char path[32], line[1024];
	unsigned long long ticks = 0;
	const char *rest = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		rest = strrchr(line, ')');
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		ticks = 0;
	fclose(file);
	return ticks;
}

static const struct frames *find(struct stacks *stacks, __s32 id, __u32 pid, bool user)
{
	struct entry *entry = &stacks->entry[(id * 31u + pid * 2654435761u + user) & (CACHE - 1)];
	__u64 address[STACK_DEPTH], started = 0;
	unsigned int count, i;

	if (id < 0)
		return NULL;
	if (user && stacks->own_pids)
		started = started_at(pid);
	/* What was named while the process lived holds for what of it comes later. */
	if (entry->taken && entry->id == id && entry->pid == pid && entry->user == user && (!started || entry->started == started))
		return &entry->frames;
	entry->taken = false;
	if (stacks->read(stacks->ctx, id, address))
		return NULL;
	for (count = 0; count < STACK_DEPTH && address[count]; count++)
		;
	if (!count)
		return NULL;
	entry->frames.count = count;
	if (user)
		usyms_names(stacks->usyms, started ? pid : 0, address, count, entry->frames.name);
	else
		name_kernel(stacks, address, count, &entry->frames);
	for (i = 0; i < entry->frames.count; i++)
		frame_clean(entry->frames.name[i]);
	entry->id = id;
	entry->pid = pid;
	entry->user = user;
	entry->started = started;
	entry->taken = true;
	return &entry->frames;
}

const struct frames *stacks_kernel(struct stacks *stacks, __s32 id)
{
	return stacks->find ? stacks->find(stacks->ctx, id, false) : find(stacks, id, 0, false);
}

const struct frames *stacks_user(struct stacks *stacks, __s32 id, __u32 pid)
{
	return stacks->find ? stacks->find(stacks->ctx, id, true) : find(stacks, id, pid, true);
}
