// SPDX-License-Identifier: GPL-2.0
/* The summary. */
#include "account.h"
#include "tap.h"

static const char *text(const struct account *account)
{
	static char line[LINE_ROOM];

	*account_text(account, line) = 0;
	return line;
}

static const char *json(const struct account *account)
{
	static char line[LINE_ROOM];

	*account_json(account, line) = 0;
	return line;
}

int main(void)
{
	struct account account = { .command = "lookups" };
	char part[64];
	int i;

	is_u64(account_lost(&account), 0, "nothing is lost");
	is_str(text(&account), "lookups: seen 0 = emitted 0 + filtered 0 + lost 0; source none\n", "text of nothing");
	is_str(json(&account), "{\"event\":\"summary\",\"command\":\"lookups\",\"seen\":0,\"emitted\":0,\"filtered\":0,\"lost\":{"
	       "\"ring_full\":0,\"map_full\":0,\"unmatched_begin\":0,\"unmatched_end\":0,\"skipped\":0,\"evicted\":0,\"output\":0},"
	       "\"lost_total\":0,\"unseen_at_most\":0,\"programs_skipped\":0,\"stacks_lost\":0,\"duration_ns\":0,\"sources\":[]}\n", "JSON of nothing");

	account = (struct account) {
		.command = "lookups", .source = "iomap_iter+fexit", .seen = 110, .emitted = 90, .filtered = 10,
		.lost = { [LOSS_ring_full] = 7, [LOSS_output] = 3 }, .programs_skipped = 2, .duration_ns = 1500000000,
	};
	is_u64(account_lost(&account), 10, "what is lost is added up");
	is_str(text(&account), "lookups: seen 110 = emitted 90 + filtered 10 + lost 10 (ring_full 7, output 3); source iomap_iter+fexit\n",
	       "text");
	is_str(json(&account), "{\"event\":\"summary\",\"command\":\"lookups\",\"seen\":110,\"emitted\":90,\"filtered\":10,\"lost\":{"
	       "\"ring_full\":7,\"map_full\":0,\"unmatched_begin\":0,\"unmatched_end\":0,\"skipped\":0,\"evicted\":0,\"output\":3},"
	       "\"lost_total\":10,\"unseen_at_most\":0,\"programs_skipped\":2,\"stacks_lost\":0,\"duration_ns\":1500000000,\"sources\":[\"iomap_iter+fexit\"]}\n", "JSON");

	ok(!account_complete(&account), "what has losses is not complete");

	account = (struct account) { .command = "lookups", .source = "iomap_iter+fexit", .seen = 5, .emitted = 5 };
	ok(account_complete(&account), "what has none is");
	account.unseen_at_most = 3;
	ok(!account_complete(&account), "what may not have been seen is missing");
	is_u64(account_lost(&account), 0, "but is no loss of what was seen");
	is_str(text(&account), "lookups: seen 5 = emitted 5 + filtered 0 + lost 0; up to 3 more were not seen, as the kernel skipped the "
	       "program; source iomap_iter+fexit\n", "text of what may not have been seen");
	has(json(&account), "\"lost_total\":0,\"unseen_at_most\":3,", "JSON of what may not have been seen");

	account.unseen_at_most = 0;
	account.stacks_lost = 4;
	ok(!account_complete(&account), "a stack that is lost is missing");
	is_str(text(&account), "lookups: seen 5 = emitted 5 + filtered 0 + lost 0; 4 stacks had no room; source iomap_iter+fexit\n", "text of lost stacks");
	has(json(&account), ",\"stacks_lost\":4,", "JSON of lost stacks");

	/* Each reason has its word in both. */
	for (i = 0; i < LOSS_COUNT; i++) {
		account = (struct account) { .command = "lookups" };
		account.lost[i] = 5;
		is_u64(account_lost(&account), 5, "%s counts", losses[i].name);
		snprintf(part, sizeof(part), "lost 5 (%s 5);", losses[i].name);
		has(text(&account), part, "%s in text", losses[i].name);
		snprintf(part, sizeof(part), "\"%s\":5", losses[i].name);
		has(json(&account), part, "%s in JSON", losses[i].name);
	}

	account.seen = account.unseen_at_most = account.emitted = account.filtered = account.programs_skipped = account.stacks_lost = account.duration_ns = ~0ULL;
	account.source = "iomap_iter+dstmap";
	for (i = 0; i < LOSS_COUNT; i++)
		account.lost[i] = ~0ULL;
	ok(strlen(text(&account)) < 2048 && strlen(json(&account)) < LINE_ROOM, "the longest summary fits");
	return done_testing();
}
