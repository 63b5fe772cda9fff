// SPDX-License-Identifier: GPL-2.0
#include "account.h"

__u64 account_lost(const struct account *account)
{
	__u64 lost = 0;
	int i;

	for (i = 0; i < LOSS_COUNT; i++)
		lost += account->lost[i];
	return lost;
}

bool account_complete(const struct account *account)
{
	return !account_lost(account) && !account->unseen_at_most && !account->stacks_lost && !account->steps_lost && !account->cut;
}

static char *put_member(char *p, const char *name, __u64 value)
{
	*p++ = '"';
	p = put_str(p, name);
	p = put_str(p, "\":");
	return put_dec(p, value);
}

char *account_json(const struct account *account, char *p)
{
	int i;

	p = put_str(p, "{\"event\":\"summary\",\"command\":\"");
	p = put_str(p, account->command);
	p = put_str(p, "\",");
	p = put_member(p, "seen", account->seen);
	*p++ = ',';
	p = put_member(p, "emitted", account->emitted);
	*p++ = ',';
	p = put_member(p, "filtered", account->filtered);
	p = put_str(p, ",\"lost\":{");
	for (i = 0; i < LOSS_COUNT; i++) {
		if (i)
			*p++ = ',';
		p = put_member(p, losses[i].name, account->lost[i]);
	}
	p = put_str(p, "},");
	p = put_member(p, "lost_total", account_lost(account));
	*p++ = ',';
	p = put_member(p, "unseen_at_most", account->unseen_at_most);
	*p++ = ',';
	p = put_member(p, "programs_skipped", account->programs_skipped);
	*p++ = ',';
	p = put_member(p, "stacks_lost", account->stacks_lost);
	*p++ = ',';
	if (account->steps) {
		p = put_member(p, "steps_lost", account->steps_lost);
		*p++ = ',';
	}
	if (account->cut)
		p = put_str(p, "\"cut\":true,");
	p = put_member(p, "duration_ns", account->duration_ns);
	p = put_str(p, ",\"sources\":[");
	if (account->source) {
		*p++ = '"';
		p = put_str(p, account->source);
		*p++ = '"';
	}
	return put_str(p, "]}\n");
}

char *account_text(const struct account *account, char *p)
{
	__u64 lost = account_lost(account);
	int i, reasons = 0;

	p = put_str(p, account->command);
	p = put_dec(put_str(p, ": seen "), account->seen);
	p = put_dec(put_str(p, " = emitted "), account->emitted);
	p = put_dec(put_str(p, " + filtered "), account->filtered);
	p = put_dec(put_str(p, " + lost "), lost);
	for (i = 0; i < LOSS_COUNT; i++) {
		if (!account->lost[i])
			continue;
		p = put_str(p, reasons++ ? ", " : " (");
		p = put_str(p, losses[i].name);
		*p++ = ' ';
		p = put_dec(p, account->lost[i]);
	}
	if (reasons)
		*p++ = ')';
	if (account->unseen_at_most) {
		p = put_dec(put_str(p, "; up to "), account->unseen_at_most);
		p = put_str(p, " more were not seen, as the kernel skipped the program");
	}
	if (account->stacks_lost) {
		p = put_dec(put_str(p, "; "), account->stacks_lost);
		p = put_str(p, " stacks had no room");
	}
	if (account->steps_lost)
		p = put_str(put_dec(put_str(p, "; "), account->steps_lost), " steps were lost");
	if (account->cut)
		p = put_str(p, "; the recording was cut: what was filtered or lost is not known");
	p = put_str(p, "; source ");
	p = put_str(p, account->source ? account->source : "none");
	*p++ = '\n';
	return p;
}
