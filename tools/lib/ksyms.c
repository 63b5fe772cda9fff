// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "ksyms.h"

#define NEAR 4096	/* code of different owners does not share a page */

struct ksym {
	__u64 at;
	__u32 name, module;	/* offsets in @text; module 0: the kernel itself */
};

struct ksyms {
	struct ksym *sym;
	size_t count, room;
	char *text;
	size_t used, text_room;
};

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* The offset at which @word is kept, 0 without memory. */
static __u32 keep(struct ksyms *ksyms, const char *word)
{
	size_t len = strlen(word) + 1;
	__u32 at = ksyms->used;

	if (ksyms->used + len > ksyms->text_room) {
		size_t room = 2 * (ksyms->used + len);
		char *more = room < ~0u ? realloc(ksyms->text, room) : NULL;

		if (!more)
			return 0;
		more[0] = 0;
		ksyms->text = more;
		ksyms->text_room = room;
	}
	memcpy(ksyms->text + at, word, len);
	ksyms->used += len;
	return at;
}

static bool add(struct ksyms *ksyms, __u64 at, const char *name, const char *module)
{
	struct ksym *last = ksyms->count ? &ksyms->sym[ksyms->count - 1] : NULL;
	struct ksym one = { .at = at };

	if (ksyms->count == ksyms->room) {
		size_t room = ksyms->room ? 2 * ksyms->room : 1 << 16;
		struct ksym *more = realloc(ksyms->sym, room * sizeof(*more));

		if (!more)
			return false;
		ksyms->sym = more;
		ksyms->room = room;
		last = ksyms->count ? &more[ksyms->count - 1] : NULL;
	}
	/* A module's symbols stand together. */
	if (module && last && last->module && !strcmp(ksyms->text + last->module, module))
		one.module = last->module;
	else if (module)
		one.module = keep(ksyms, module);
	one.name = keep(ksyms, name);
	if (!one.name || (module && !one.module))
		return false;
	ksyms->sym[ksyms->count++] = one;
	return true;
}

struct ksyms *ksyms_parse(FILE *file)
{
	struct ksyms *ksyms = calloc(1, sizeof(*ksyms));
	char line[1024];
	bool good = ksyms;

	if (!ksyms)
		return NULL;
	ksyms->used = 1;	/* 0 means none */
	while (good && fgets(line, sizeof(line), file)) {
		char *name, *module, *end;
		__u64 at = strtoull(line, &end, 16);

		if (!at || end[0] != ' ' || !end[1] || end[2] != ' ' || !strchr("tTwW", end[1]))
			continue;
		name = end + 3;
		name[strcspn(name, "\n")] = 0;
		module = strchr(name, '\t');
		if (module) {
			*module++ = 0;
			if (*module == '[')
				module++;
			module[strcspn(module, "]")] = 0;
		}
		if (*name)
			good = add(ksyms, at, name, module);
	}
	if (!good || !ksyms->count) {
		ksyms_free(ksyms);
		return NULL;
	}
	qsort(ksyms->sym, ksyms->count, sizeof(*ksyms->sym), by_address);
	return ksyms;
}

struct ksyms *ksyms_read(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	struct ksyms *ksyms;
	static char buffer[1 << 16];

	if (!file)
		return NULL;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	ksyms = ksyms_parse(file);
	fclose(file);
	return ksyms;
}

void ksyms_free(struct ksyms *ksyms)
{
	if (!ksyms)
		return;
	free(ksyms->sym);
	free(ksyms->text);
	free(ksyms);
}

bool ksyms_name(const struct ksyms *ksyms, __u64 address, bool is_return, char *text, size_t size)
{
	size_t low = 0, high = ksyms->count;
	__u64 at = address - is_return;
	const struct ksym *sym, *next;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (ksyms->sym[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return false;
	sym = &ksyms->sym[low - 1];
	next = low < ksyms->count ? &ksyms->sym[low] : NULL;
	/* The table has no sizes. Between two owners there may be code of a third one that is not in it. */
	if ((!next || strcmp(ksyms->text + sym->module, ksyms->text + next->module)) && at - sym->at >= NEAR)
		return false;
	snprintf(text, size, sym->module ? "%s+0x%llx [%s]" : "%s+0x%llx", ksyms->text + sym->name, (unsigned long long)(address - sym->at),
		 ksyms->text + sym->module);
	return true;
}
