// SPDX-License-Identifier: GPL-2.0
#include "follow_fields.h"
#include "inject_fields.h"
#include "metrics.h"
#include "rules.h"
#include "schema.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const struct option_desc options[OPT_COUNT_ALL] = {
#define OPTION_DESC(id, s, l, argument_, kind_, choices_, group_, doc_) \
	{ .shortname = s, .longname = l, .argument = argument_, .kind = OPTION_##kind_, .choices = choices_, \
	  .group = group_, .doc = doc_ },
	OPTIONS(OPTION_DESC)
};

#define LIST(...) { __VA_ARGS__ }
#define COMMAND_OPTIONS(id, name, arguments, summary, description, list, examples) \
	static const enum option_id options_of_##id[] = list;
COMMANDS(COMMAND_OPTIONS)

const struct command_desc commands[CMD_COUNT] = {
#define COMMAND_DESC(id, name_, arguments_, summary_, description_, list, examples_) \
	{ .name = name_, .arguments = arguments_, .summary = summary_, .description = description_, \
	  .examples = examples_, .options = options_of_##id, .option_count = ARRAY_SIZE(options_of_##id) },
	COMMANDS(COMMAND_DESC)
};

const struct op_desc ops[OP_COUNT] = {
#define OP_DESC(id_, name_, group_, doc_) { .id = #id_, .name = name_, .group = group_, .doc = doc_ },
	IOMAP_OPS(OP_DESC)
};

const struct name_desc mapping_types[TYPE_COUNT] = {
#define TYPE_DESC(id, name_, doc_) { .name = name_, .doc = doc_ },
	IOMAP_TYPES(TYPE_DESC)
};

const struct name_desc ioend_reasons[REASON_COUNT] = {
#define REASON_DESC(id, name_, doc_) { .name = name_, .doc = doc_ },
	IOEND_REASONS(REASON_DESC)
};

static const struct name_desc dio_waits[WAIT_COUNT] = { DIO_WAITS(REASON_DESC) };
static const struct name_desc dio_exits[EXIT_COUNT] = { DIO_EXITS(REASON_DESC) };
static const struct name_desc dio_routes[ROUTE_COUNT] = { DIO_ROUTES(REASON_DESC) };
static const struct name_desc dax_fallbacks[FALLBACK_COUNT] = { DAX_FALLBACKS(REASON_DESC) };
static const struct name_desc dax_accesses[ACCESS_COUNT] = { DAX_ACCESSES(REASON_DESC) };
static const struct name_desc dax_mapped[MAPPED_COUNT] = { DAX_MAPPED(REASON_DESC) };
static const struct name_desc dax_cows[COW_COUNT] = { DAX_COWS(REASON_DESC) };

static const struct name_desc top_bys[TOP_BY_COUNT] = { TOP_BYS(REASON_DESC) };
static const struct name_desc top_ofs[TOP_OF_COUNT] = { TOP_OFS(REASON_DESC) };
static const struct name_desc aio_ops[AIO_OP_COUNT] = { AIO_OPS(REASON_DESC) };
static const struct name_desc aio_routes[AIO_ROUTE_COUNT] = { AIO_ROUTES(REASON_DESC) };
static const struct name_desc aio_cancels[CANCEL_COUNT] = { AIO_CANCELS(REASON_DESC) };
static const struct name_desc dm_ops[DM_OP_COUNT] = { DM_OPS(REASON_DESC) };
static const struct name_desc dm_memories[] = { DM_MEMORIES(REASON_DESC) };
static const struct name_desc dm_waits[DM_WAIT_COUNT] = { DM_WAITS(REASON_DESC) };
#define INJECT_STEP_DESC(id, name_, verdicts, doc_) { .name = name_, .doc = doc_ },
static const struct name_desc inject_steps[INJECT_STEP_COUNT] = { INJECT_STEPS(INJECT_STEP_DESC) };
#define RULE_DESC(id, name_, holds_, rests_) { .name = name_, .doc = holds_ ": " rests_ },
#define FAULT_DESC(id, rule, name_, doc_, numbers) { .name = name_, .doc = doc_ "; " numbers },
static const struct name_desc rules[RULE_COUNT] = { RULES(RULE_DESC) };
static const struct name_desc faults[FAULT_COUNT] = { FAULTS(FAULT_DESC) };
#define TIMELINE_DESC(id, name_, a, b, doc_) { .name = name_, .doc = doc_ " [" a ", " b "]" },
static const struct name_desc timeline_steps[CHECK_EVENT_COUNT] = { CHECK_TIMELINE(TIMELINE_DESC) };
static const struct name_desc layers[LAYER_COUNT] = { FOLLOW_LAYERS(REASON_DESC) };

#define WORD_DESC(id, doc_) { .name = #id, .doc = doc_ },
const struct name_desc bench_workloads[WORKLOAD_COUNT] = { WORKLOADS(WORD_DESC, WORD_DESC) };
static const struct name_desc environment_fields[] = { ENVIRONMENT_FIELDS(WORD_DESC) };
static const struct name_desc figure_fields[] = { FIGURE_FIELDS(WORD_DESC) };
static const struct name_desc bench_summary_fields[] = { BENCH_SUMMARY_FIELDS(WORD_DESC) };

/* As they are called in the text format. */
#define SAMPLES_COUNTER		"_total"
#define SAMPLES_GAUGE		""
#define SAMPLES_HISTOGRAM	""
#define SAMPLES_INFO		""
#define METRIC_WORD(group, name_, type, unit, label, doc_) { .name = name_ SAMPLES_##type, .doc = doc_ },
#define OWN_METRIC_WORD(name_, type, unit, labels, doc_) { .name = name_ SAMPLES_##type, .doc = doc_ },
static const struct name_desc metric_names[] = { METRICS(METRIC_WORD) };
static const struct name_desc own_metric_names[] = { OWN_METRICS(OWN_METRIC_WORD) };

const struct word_list word_lists[] = {
	{ CMD_export, "Metrics", metric_names, ARRAY_SIZE(metric_names) },
	{ CMD_export, "About the exporter", own_metric_names, ARRAY_SIZE(own_metric_names) },
	{ CMD_check, "Steps of a timeline", timeline_steps, CHECK_EVENT_COUNT },
	{ CMD_bench, "Workloads", bench_workloads, WORKLOAD_COUNT },
	{ CMD_bench, "Environment in JSON", environment_fields, ARRAY_SIZE(environment_fields) },
	{ CMD_bench, "Workload in JSON", figure_fields, ARRAY_SIZE(figure_fields) },
	{ CMD_bench, "Summary in JSON", bench_summary_fields, ARRAY_SIZE(bench_summary_fields) },
};
const size_t word_list_count = ARRAY_SIZE(word_lists);

const struct vocabulary vocabularies[] = {
	{ KIND_TYPE, "Mapping types", mapping_types, TYPE_COUNT },
	{ KIND_REASON, "Reasons of a begin", ioend_reasons, REASON_COUNT },
	{ KIND_WAIT, "Reasons to wait", dio_waits, WAIT_COUNT },
	{ KIND_EXIT, "Reasons of an exit", dio_exits, EXIT_COUNT },
	{ KIND_ROUTE, "Routes of completion", dio_routes, ROUTE_COUNT },
	{ KIND_FALLBACK, "Reasons of a fallback", dax_fallbacks, FALLBACK_COUNT },
	{ KIND_ACCESS, "Kinds of access", dax_accesses, ACCESS_COUNT },
	{ KIND_MAPPED, "Kinds of page mapped", dax_mapped, MAPPED_COUNT },
	{ KIND_COW, "Reasons to copy", dax_cows, COW_COUNT },
	{ KIND_TOP_BY, "What rows are of", top_bys, TOP_BY_COUNT },
	{ KIND_TOP_OF, "What latency is of", top_ofs, TOP_OF_COUNT },
	{ KIND_AIO_OP, "Opcodes", aio_ops, AIO_OP_COUNT },
	{ KIND_AIO_ROUTE, "Routes of a request", aio_routes, AIO_ROUTE_COUNT },
	{ KIND_CANCEL, "Reasons of a cancellation", aio_cancels, CANCEL_COUNT },
	{ KIND_DM_OP, "Operations of a request", dm_ops, DM_OP_COUNT },
	{ KIND_DM_MEMORY, "Kinds of memory", dm_memories, ARRAY_SIZE(dm_memories) },
	{ KIND_DM_WAIT, "Who waits", dm_waits, DM_WAIT_COUNT },
	{ KIND_INJECT_STEP, "Kinds of step", inject_steps, INJECT_STEP_COUNT },
	{ KIND_RULE, "Rules", rules, RULE_COUNT },
	{ KIND_FAULT, "Faults", faults, FAULT_COUNT },
	{ KIND_LAYER, "Layers", layers, LAYER_COUNT },
};
const size_t vocabulary_count = ARRAY_SIZE(vocabularies);

const char *word_of(enum field_kind kind, unsigned int value)
{
	size_t i;

	for (i = 0; i < vocabulary_count; i++) {
		if (vocabularies[i].kind == kind)
			return value < vocabularies[i].count ? vocabularies[i].word[value].name : NULL;
	}
	return NULL;
}

#define FLAG_DESC(name_, bit62, bit614, bit615, doc_) { .name = name_, .bit = { bit62, bit614, bit615 }, .doc = doc_ },
const struct flag_desc map_flags[] = { IOMAP_MAP_FLAGS(FLAG_DESC) };
const struct flag_desc ask_flags[] = { IOMAP_ASK_FLAGS(FLAG_DESC) };
const size_t map_flag_count = ARRAY_SIZE(map_flags);
const size_t ask_flag_count = ARRAY_SIZE(ask_flags);
static const struct flag_desc iocb_flags[] = { IOCB_FLAGS(FLAG_DESC) };
static const struct flag_desc dio_flags[] = { IOMAP_DIO_FLAGS(FLAG_DESC) };
static const struct flag_desc fault_results[] = { FAULT_RESULTS(FLAG_DESC) };
static const struct flag_desc aio_flags[] = { AIO_FLAGS(FLAG_DESC) };
static const struct flag_desc rw_flags[] = { RW_FLAGS(FLAG_DESC) };
static const struct flag_desc dm_flags[] = { DM_FLAGS(FLAG_DESC) };
#define VERDICT_DESC(id, name_, doc_) FLAG_DESC(name_, VERDICT_##id, VERDICT_##id, VERDICT_##id, doc_)
static const struct flag_desc verdicts[] = { INJECT_VERDICTS(VERDICT_DESC) };
static const struct flag_desc bio_flags[] = { BIO_FLAGS(FLAG_DESC) };

const struct flag_list flag_lists[] = {
	{ KIND_MAP_FLAGS, "Flags of a mapping", map_flags, ARRAY_SIZE(map_flags) },
	{ KIND_ASK_FLAGS, "Flags of a lookup", ask_flags, ARRAY_SIZE(ask_flags) },
	{ KIND_IOCB_FLAGS, "Flags of a kiocb", iocb_flags, ARRAY_SIZE(iocb_flags) },
	{ KIND_DIO_FLAGS, "Flags of a direct I/O call", dio_flags, ARRAY_SIZE(dio_flags) },
	{ KIND_RESULTS, "Results of a fault", fault_results, ARRAY_SIZE(fault_results) },
	{ KIND_AIO_FLAGS, "Flags of an iocb", aio_flags, ARRAY_SIZE(aio_flags) },
	{ KIND_RW_FLAGS, "Flags of a read or write", rw_flags, ARRAY_SIZE(rw_flags) },
	{ KIND_DM_FLAGS, "Flags of a request", dm_flags, ARRAY_SIZE(dm_flags) },
	{ KIND_VERDICTS, "Verdicts", verdicts, ARRAY_SIZE(verdicts) },
	{ KIND_OPF, "Flags of a bio", bio_flags, ARRAY_SIZE(bio_flags) },
};
const size_t flag_list_count = ARRAY_SIZE(flag_lists);

const struct caller_desc callers[] = {
#define CALLER_DESC(function_, op_) { .function = #function_, .op = op_ },
	IOMAP_CALLERS(CALLER_DESC)
};
const size_t caller_count = ARRAY_SIZE(callers);

const struct status_desc statuses[] = {
#define STATUS_DESC(id, number, doc_) { .status = number, .doc = doc_ },
	STATUSES(STATUS_DESC)
};
const size_t status_count = ARRAY_SIZE(statuses);

const struct name_desc losses[LOSS_COUNT] = {
#define LOSS_DESC(id, doc_) { .name = #id, .doc = doc_ },
	LOSSES(LOSS_DESC)
};
