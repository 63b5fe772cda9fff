// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "text.h"

void write_safe(FILE *file, const char *text)
{
	char piece[6 * 64 + 2], *end, *c;
	size_t len = text ? strlen(text) : 0, part;

	if (!text) {
		fputs("null", file);
		return;
	}
	fputc('"', file);
	for (; len; text += part, len -= part) {
		part = len < 64 ? len : 64;
		/* Not in the middle of a character. */
		while (part < len && part > 60 && (text[part] & 0xc0) == 0x80)
			part--;
		end = put_json(piece, text, part);
		/* What a parser of HTML might take for the end of the script. */
		for (c = piece + 1; c < end - 1; c++) {
			if (*c == '<' || *c == '>' || *c == '&')
				fprintf(file, "\\u%04x", *c);
			else
				fputc(*c, file);
		}
	}
	fputc('"', file);
}

const char *text_path(struct format *format, const struct roles *roles, const void *record)
{
	__u64 version, dev, ino;

	memset(&format->found, 0, sizeof(format->found));
	if (!format->paths || !role_value(roles, roles->path, record, &version) || !version ||
	    !role_value(roles, roles->dev, record, &dev) || !role_value(roles, roles->ino, record, &ino))
		return NULL;
	format->found = paths_find(format->paths, dev, ino, version);
	return format->found.path;
}

void write_field(FILE *file, struct format *format, const struct field *field, const void *record)
{
	int index = field - format->observer->field;
	static char text[LINE_ROOM];
	const struct frames *frames = NULL;
	__u64 pid;

	if (*(const __u64 *)record >> index & 1 || (field->kind == KIND_PATH && !format->found.path) ||
	    (field->kind == KIND_PATH_WAS && !format->found.was)) {
		fputs("null", file);
		return;
	}
	switch (field->kind) {
	case KIND_TIME:
		format->kind = FORMAT_JSON;
		*format_field(format, text, field, record) = 0;
		format->kind = FORMAT_TABLE;
		format->second = 0;
		fputs(text, file);
		return;
	case KIND_KSTACK:
	case KIND_USTACK:
		pid = format->pid ? *(const __u32 *)((const char *)record + format->pid->offset) : 0;
		if (format->stacks)
			frames = field->kind == KIND_KSTACK ? stacks_kernel(format->stacks,
									    *(const __s32 *)((const char *)record +
										    field->offset)) :
				 stacks_user(format->stacks, *(const __s32 *)((const char *)record + field->offset), pid);
		if (!frames) {
			fputs("null", file);
			return;
		}
		format->frames = frames;
		break;
	default:
		break;
	}
	*format_field(format, text, field, record) = 0;
	write_safe(file, text);
}

void write_hist(FILE *file, const struct hist *hist)
{
	static struct percentiles percentiles;
	const char *separator = "";
	unsigned int i;

	if (!percentiles.count)
		percentiles_parse(PERCENTILES_DEFAULT, &percentiles, NULL);
	fprintf(file, "{\"count\":%llu,\"errors\":%llu,\"timed\":%llu,\"total_ns\":%llu", hist->count, hist->errors, hist->timed,
		hist->total_ns);
	if (!hist->timed) {
		fputc('}', file);
		return;
	}
	fprintf(file, ",\"max_ns\":%llu,\"percentiles\":{", hist->max_ns);
	for (i = 0; i < percentiles.count; i++)
		fprintf(file, "%s\"%s\":%llu", i ? "," : "", percentiles.at[i].text, percentile_of(hist, &percentiles.at[i]));
	fputs("},\"buckets\":[", file);
	for (i = 0; i < HIST_BUCKETS; i++) {
		if (!hist->bucket[i])
			continue;
		fprintf(file, "%s%u,%llu", separator, i, hist->bucket[i]);
		separator = ",";
	}
	fputs("]}", file);
}
