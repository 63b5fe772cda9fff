// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "kallsyms.h"
#include "schema.h"

struct addresses {
	__u64 *at;
	size_t count, room;
};

static int compare_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static int compare_range(const void *a, const void *b)
{
	return compare_u64(&((const struct caller_range *)a)->start, &((const struct caller_range *)b)->start);
}

static bool addresses_add(struct addresses *addresses, __u64 at)
{
	if (addresses->count == addresses->room) {
		size_t room = addresses->room ? 2 * addresses->room : 65536;
		__u64 *more = realloc(addresses->at, room * sizeof(*more));

		if (!more)
			return false;
		addresses->at = more;
		addresses->room = room;
	}
	addresses->at[addresses->count++] = at;
	return true;
}

static const struct caller_desc *caller_find(const char *name)
{
	size_t len = strcspn(name, "."), i;

	/* Nearly every symbol is none of ours. */
	if (strncmp(name, "iomap_", 6) && strncmp(name, "dax_", 4) && strncmp(name, "__iomap_", 8))
		return NULL;
	for (i = 0; i < caller_count; i++) {
		if (strlen(callers[i].function) == len && !strncmp(callers[i].function, name, len))
			return &callers[i];
	}
	return NULL;
}

/* The next symbol's address ends a function. */
static __u64 end_of(const struct addresses *addresses, __u64 start)
{
	size_t low = 0, high = addresses->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (addresses->at[mid] <= start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < addresses->count ? addresses->at[low] : start;
}

enum callers_state callers_parse(FILE *file, struct caller_range *ranges, unsigned int room, unsigned int *count)
{
	struct addresses addresses = {};
	unsigned int i, kept = 0;
	bool sorted = true, named = false;
	char line[1024];

	*count = 0;
	while (fgets(line, sizeof(line), file)) {
		const struct caller_desc *caller;
		char *name, *end;
		__u64 at;

		at = strtoull(line, &end, 16);
		if (end[0] != ' ' || !end[1] || end[2] != ' ' || !strchr("tTwW", end[1]))
			continue;
		name = end + 3;
		if (strchr(name, '\t'))
			break;		/* name\t[module] */
		name[strcspn(name, "\n")] = 0;
		caller = caller_find(name);
		named |= !!caller;
		if (!at)
			continue;
		if (addresses.count && at < addresses.at[addresses.count - 1])
			sorted = false;
		if (!addresses_add(&addresses, at))
			break;
		if (caller && *count < room)
			ranges[(*count)++] = (struct caller_range) { .start = at, .op = caller->op };
	}
	if (!sorted)
		qsort(addresses.at, addresses.count, sizeof(*addresses.at), compare_u64);
	qsort(ranges, *count, sizeof(*ranges), compare_range);
	for (i = 0; i < *count; i++) {
		ranges[i].end = end_of(&addresses, ranges[i].start);
		if (ranges[i].end > ranges[i].start && (!kept || ranges[kept - 1].start != ranges[i].start))
			ranges[kept++] = ranges[i];
	}
	*count = kept;
	free(addresses.at);
	return kept ? CALLERS_FOUND : named ? CALLERS_HIDDEN : CALLERS_NONE;
}

enum callers_state callers_read(struct caller_range *ranges, unsigned int room, unsigned int *count)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	enum callers_state state;
	static char buffer[1 << 16];

	*count = 0;
	if (!file)
		return CALLERS_NONE;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	state = callers_parse(file, ranges, room, count);
	fclose(file);
	return state;
}
