// SPDX-License-Identifier: GPL-2.0
#include "metrics_desc.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What bpf/metric_value.h says without these lists. */
_Static_assert((int)DIO_WAIT_WORDS == ROUTE_COUNT && (int)DIO_EXIT_WORDS == DIO_WAIT_WORDS + WAIT_COUNT, "words of direct I/O");
_Static_assert(DIO_EXIT_WORDS + EXIT_COUNT <= METRIC_WORDS, "words of direct I/O");
_Static_assert((int)DAX_FALLBACK_WORDS == MAPPED_COUNT && DAX_FALLBACK_WORDS + FALLBACK_COUNT + 1 <= METRIC_WORDS, "words of fsdax");
_Static_assert(DIO_PHASE_COUNT + DIO_PHASES <= METRIC_SUMS && IOEND_PHASE_COUNT + IOEND_PHASES <= METRIC_SUMS, "phases");

#define METRIC_DESC(group_, name_, type_, unit_, label_, doc_) \
	{ .name = name_, .type = METRIC_##type_, .unit = unit_, .labels = label_, .doc = doc_, .group = GROUP_##group_ },
#define OWN_METRIC_DESC(name_, type_, unit_, labels_, doc_) \
	{ .name = name_, .type = METRIC_##type_, .unit = unit_, .labels = labels_, .doc = doc_, .group = GROUP_COUNT },
const struct metric_desc metrics[] = { METRICS(METRIC_DESC) };
const size_t metric_count = ARRAY_SIZE(metrics);
const struct metric_desc own_metrics[] = { OWN_METRICS(OWN_METRIC_DESC) };
const size_t own_metric_count = ARRAY_SIZE(own_metrics);

#define OPS_OF(first_, last_) .kind = KIND_OP, .first = (first_), .count = (last_) - (first_) + 1

const struct metric_group_desc metric_groups[GROUP_COUNT] = {
	[GROUP_LOOKUPS] = { &lookups_observer, "op", OPS_OF(0, OP_HIDDEN), .programs = 2 },
	[GROUP_STEPS] = { &steps_observer, "op", OPS_OF(0, OP_COUNT - 1), .programs = 3 },
	[GROUP_IOENDS] = { &ioends_observer, "type", KIND_TYPE, 0, TYPE_COUNT, .programs = 4 },
	[GROUP_DIO] = { &dio_observer, "op", OPS_OF(OP_DIO_READ, OP_DIO_WRITE), .programs = 3 },
	[GROUP_DAX] = { &dax_observer, "op", OPS_OF(OP_DAX_READ, OP_DAX_FAULT_PUD), .programs = 6 },
	[GROUP_AIO] = { &aio_observer, "op", KIND_AIO_OP, 0, AIO_OP_COUNT, .programs = 6 },
	[GROUP_DMIO] = { &dmio_observer, "op", KIND_DM_OP, 0, DM_OP_COUNT, .programs = 3 },
};

#define REASON_NAME(id, name, doc) name,
static const char *const stale_words[] = { STALE_REASONS(REASON_NAME) };
static const char *const ioend_phases[] = { "build", "device", "completion" };
static const char *const dio_phases[] = { "mapping", "setup", "device", "queue", "completion" };

#define ALL		(~0u)
#define EVENTS		(1u << 0)	/* this project's: the first source of each observer */
#define NAMED(list)	.word = list, .words = ARRAY_SIZE(list)
#define WORDS(of, n)	.kind = KIND_##of, .words = (n)

static const struct metric_shown shown[] = {
	{ "iomap_lookup_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "iomap_lookups", PART_COUNT, .sources = ALL },
	{ "iomap_lookup_errors", PART_ERRORS, .sources = ALL },
	{ "iomap_lookup_mapping_bytes", PART_SIZE, .sources = ALL },
	{ "iomap_lookup_mappings", PART_WORDS, 0, WORDS(TYPE, TYPE_COUNT), .sources = ALL },
	{ "iomap_lookup_shared", PART_SUM, LOOKUP_SHARED, .sources = ALL },
	{ "iomap_lookup_cow", PART_SUM, LOOKUP_COW, .sources = ALL },
	{ "iomap_steps", PART_SUM, STEP_COUNT, .sources = EVENTS },
	{ "iomap_step_bytes", PART_SUM, STEP_BYTES, .sources = EVENTS },
	{ "iomap_step_errors", PART_SUM, STEP_ERRORS, .sources = EVENTS },
	{ "iomap_stale_mappings", PART_WORDS, 0, NAMED(stale_words), .sources = EVENTS },
	{ "iomap_releases", PART_COUNT, .sources = EVENTS },
	{ "iomap_release_errors", PART_ERRORS, .sources = EVENTS },
	{ "iomap_release_duration_seconds", PART_LATENCY, .sources = EVENTS },
	{ "iomap_ioend_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "iomap_ioends", PART_WORDS, 0, WORDS(REASON, REASON_COUNT + 1), .sources = ALL },
	{ "iomap_ioend_errors", PART_ERRORS, .sources = ALL },
	{ "iomap_ioend_bytes", PART_SIZE, .sources = ALL },
	{ "iomap_ioend_merged", PART_SUM, IOEND_MERGED, .sources = EVENTS },
	{ "iomap_ioend_folios", PART_SUM, IOEND_FOLIOS, .sources = EVENTS },
	{ "iomap_ioend_phase_seconds", PART_SUMS_NS, IOEND_PHASE_NS, NAMED(ioend_phases), .sources = EVENTS },
	{ "iomap_ioend_phases", PART_SUMS, IOEND_PHASE_COUNT, NAMED(ioend_phases), .sources = EVENTS },
	{ "iomap_ioends_in_flight", PART_IN_FLIGHT, .sources = ALL },
	{ "iomap_dio_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "iomap_dio_errors", PART_ERRORS, .sources = ALL },
	{ "iomap_dio_would_block", PART_SUM, DIO_WOULD_BLOCK, .sources = ALL },
	{ "iomap_dio_request_bytes", PART_SIZE, .sources = ALL },
	{ "iomap_dio_bytes", PART_SUM, DIO_BYTES, .sources = ALL },
	{ "iomap_dio_bios", PART_SUM, DIO_BIOS, .sources = EVENTS },
	{ "iomap_dio_extents", PART_SUM, DIO_EXTENTS, .sources = EVENTS },
	{ "iomap_dio_phase_seconds", PART_SUMS_NS, DIO_PHASE_NS, NAMED(dio_phases), .sources = EVENTS },
	{ "iomap_dio_phases", PART_SUMS, DIO_PHASE_COUNT, NAMED(dio_phases), .sources = EVENTS },
	{ "iomap_dio_completions", PART_WORDS, DIO_ROUTE_WORDS, WORDS(ROUTE, ROUTE_COUNT), .sources = EVENTS },
	{ "iomap_dio_waits", PART_WORDS, DIO_WAIT_WORDS, WORDS(WAIT, WAIT_COUNT), .sources = ALL },
	{ "iomap_dio_fallbacks", PART_WORDS, DIO_EXIT_WORDS, WORDS(EXIT, EXIT_COUNT), .sources = EVENTS },
	{ "iomap_dio_in_flight", PART_IN_FLIGHT, .sources = ALL },
	{ "iomap_dax_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "iomap_dax_errors", PART_ERRORS, .sources = ALL },
	{ "iomap_dax_fallbacks", PART_WORDS, DAX_FALLBACK_WORDS, WORDS(FALLBACK, FALLBACK_COUNT + 1), .sources = ALL },
	{ "iomap_dax_mapped", PART_WORDS, DAX_MAPPED_WORDS, WORDS(MAPPED, MAPPED_COUNT), .sources = ALL },
	{ "iomap_dax_sync_seconds", PART_SUM_NS, DAX_SYNC_NS, .sources = ALL },
	{ "iomap_dax_bytes", PART_SUM, DAX_BYTES, .sources = EVENTS | 1u << 1 },
	{ "aio_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "aio_errors", PART_ERRORS, .sources = ALL },
	{ "aio_completions", PART_WORDS, 0, WORDS(AIO_ROUTE, AIO_ROUTE_COUNT + 1), .sources = ALL },
	{ "aio_cancelled", PART_SUM, AIO_CANCELLED, .sources = ALL },
	{ "aio_in_flight", PART_IN_FLIGHT, .sources = ALL },
	{ "dm_io_duration_seconds", PART_LATENCY, .sources = ALL },
	{ "dm_io_errors", PART_ERRORS, .sources = ALL },
	{ "dm_io_failed_regions", PART_SUM, DMIO_FAILED_REGIONS, .sources = ALL },
	{ "dm_io_regions", PART_SUM, DMIO_REGIONS, .sources = ALL },
	{ "dm_io_bytes", PART_SIZE, .sources = ALL },
	{ "dm_io_in_flight", PART_IN_FLIGHT, .sources = ALL },
};

const struct metric_shown *metric_shown(const struct metric_desc *metric)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		if (!strcmp(shown[i].name, metric->name))
			return &shown[i];
	}
	return NULL;
}

const char *metric_word(const struct metric_shown *what, unsigned int word)
{
	const char *name = what->word ? word < what->words ? what->word[word] : NULL : word_of(what->kind, word);

	return name ? name : "";
}

const char *facet_word(const struct metric_group_desc *group, unsigned int facet)
{
	const char *name = group->kind == KIND_OP ? facet < OP_COUNT ? ops[facet].name : NULL : word_of(group->kind, facet);

	return name ? name : "";
}

unsigned int metric_series(enum metric_group group)
{
	unsigned int series = 0;
	size_t i;

	for (i = 0; i < metric_count; i++) {
		const struct metric_shown *what = metric_shown(&metrics[i]);

		if (metrics[i].group != group || !what)
			continue;
		/* Buckets with the one of infinity, sum and count. */
		series += what->part == PART_LATENCY ? METRIC_LATENCIES + 2 : what->part == PART_SIZE ? METRIC_SIZES + 2 :
			  what->words ? what->words : 1;
	}
	return series;
}
