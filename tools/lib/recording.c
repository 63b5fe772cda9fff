// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "follow.h"
#include "recording.h"
#include "recording_format.h"

#define TAGS_MAX	4096		/* bytes of a text in a tag */
#define WORDS_MAX	256
#define WORD_UNKNOWN	0xff
#define STEPS_MAX	256

/* Where a field of ours is in a recorded record. */
struct source_field {
	bool known;
	__u32 offset, size;
	__u8 null_bit;
};

/* Numbers of the recording's words, as numbers of ours; as they are beyond @count. */
struct words {
	__u16 count;
	__u8 ours[WORDS_MAX];
};

struct stream {
	bool same;			/* records are as ours, and so are the words in them */
	struct record_layout layout;
	__u32 size;			/* of a recorded record */
	struct source_field *from;	/* for each field of the layout */
	struct words *words;		/* likewise, but of few NULL */
	__u8 step[STEPS_MAX], step_nulls[STEPS_MAX];	/* follow: our number of a step, and its values that are something else by now */
	int steps;
	bool accounted;
	struct account account;
};

struct room {
	char *data;
	size_t size;
};

struct text {
	__u32 at, len;
};

struct number_text {
	__u64 number;
	struct text text;
};

struct recording {
	int fd;
	const char *path;
	struct recording_info info;
	char *text[TAG_ID + 1];		/* of the information, by tag */
	struct stream stream[RECORDING_STREAMS];
	char commands[RECORDING_STREAMS][32], sources[RECORDING_STREAMS][64];
	__u64 block, at;		/* number and place in the file of the next block */
	bool ended, failed;
	struct err error;
	struct room stored, unpacked, turned;	/* a block in the file, as it was packed, and its records one by one */
	const char *block_data;
	/* The block that records are taken of. */
	struct stream *current;
	int current_number;
	__u32 next, count;
	__s64 wall_offset_ns;
	const char *record_data;
	char *record;			/* in our layout */
	__u64 left_out, end_ns;
	char next_part[1024];
	/* Names. */
	char *names;
	size_t names_used, names_room;
	struct text *path_text, *stack_text;
	__u32 paths, stacks, path_room, stack_room;
	__u64 path_base, stack_base;	/* numbers that were forgotten: they are not given again */
	struct number_text *device, *cgroup;
	__u32 devices, cgroups, device_room, cgroup_room;
	struct frames *frames;		/* of the stack that was asked for last */
	struct paths *told_paths;
	struct stacks *told_stacks;
};

static int damaged(struct recording *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first thing that is wrong is what is told. */
static int damaged(struct recording *r, const char *format, ...)
{
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (!r->failed)
		err_set(&r->error, STATUS_DAMAGED, "%.100s: damaged at byte %llu (block %llu): %s; what comes before was read", r->path,
			(unsigned long long)r->at, (unsigned long long)r->block, what);
	r->failed = true;
	return -1;
}

static int no_memory(struct recording *r)
{
	if (!r->failed)
		err_set(&r->error, STATUS_FAILED, "no memory");
	r->failed = true;
	return -1;
}

/* As large as a block needs, which is bounded before. */
static bool make_room(struct room *room, size_t size)
{
	char *more;

	if (size <= room->size)
		return true;
	more = realloc(room->data, size);
	if (!more)
		return false;
	room->data = more;
	room->size = size;
	return true;
}

/* All of @len: 1. The file's end: 0, -1 in the midst. -2: @errno. */
static int read_all(struct recording *r, void *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(r->fd, (char *)to + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -2;
		if (!n)
			return done ? -1 : 0;
		done += n;
	}
	return 1;
}

static int cannot_read(struct recording *r)
{
	if (!r->failed)
		err_set(&r->error, STATUS_FAILED, "cannot read %.200s: %s", r->path, strerror(errno));
	r->failed = true;
	return -1;
}

static bool crc_good(__u32 crc, const void *data, size_t size)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	/* A fuzzer would never find one; what comes behind it is not to rely on it either. */
	(void)crc;
	(void)data;
	(void)size;
	return true;
#else
	return crc == recording_crc(data, size);
#endif
}

/* The next block, checked and unpacked: 1; 0 at the end of a whole recording. */
static int read_block(struct recording *r, struct block_head *head)
{
	int ret = read_all(r, head, sizeof(*head));
	size_t size;

	if (ret == -2)
		return cannot_read(r);
	if (r->ended) {
		if (ret)
			return damaged(r, "there is more behind the end");
		return 0;
	}
	if (!ret)
		return damaged(r, "it was cut: its end is missing");
	if (ret < 0)
		return damaged(r, "it was cut in the head of a block");
	if (head->magic != BLOCK_MAGIC || !crc_good(head->crc, head, offsetof(struct block_head, crc)))
		return damaged(r, "the head of a block is not what was written");
	if (head->number != r->block)
		return damaged(r, "this is block %llu", (unsigned long long)head->number);
	if (head->stored > BLOCK_STORED_MAX || head->size > BLOCK_SIZE_MAX)
		return damaged(r, "a block of %u bytes, of which %u are stored", head->size, head->stored);
	if (!make_room(&r->stored, head->stored + 1) || !make_room(&r->unpacked, head->size + 1))
		return no_memory(r);
	ret = read_all(r, r->stored.data, head->stored);
	if (ret == -2)
		return cannot_read(r);
	if (ret < 0 || (!ret && head->stored))
		return damaged(r, "it was cut within the block");
	if (!crc_good(head->payload_crc, r->stored.data, head->stored))
		return damaged(r, "the block is not what was written");
	if (head->coding & ~(BLOCK_ZSTD | BLOCK_PLANES | BLOCK_FORGET))
		return damaged(r, "the block is coded in a way that is not known");
	if (head->coding & BLOCK_ZSTD) {
		size = ZSTD_decompress(r->unpacked.data, head->size, r->stored.data, head->stored);
		if (ZSTD_isError(size) || size != head->size)
			return damaged(r, "the block cannot be unpacked");
		r->block_data = r->unpacked.data;
	} else {
		if (head->stored != head->size)
			return damaged(r, "the block has another size than it says");
		r->block_data = r->stored.data;
	}
	return 1;
}

static void block_done(struct recording *r, const struct block_head *head)
{
	r->at += sizeof(*head) + head->stored;
	r->block++;
}

struct tags {
	const char *at, *end;
};

/* The next tag: its number, and what it holds; 0 at the end, -1 if it does not fit. */
static int next_tag(struct tags *tags, const char **data, size_t *len)
{
	struct tag_head head;

	if (tags->at == tags->end)
		return 0;
	if ((size_t)(tags->end - tags->at) < sizeof(head))
		return -1;
	memcpy(&head, tags->at, sizeof(head));
	tags->at += sizeof(head);
	if (head.len > (size_t)(tags->end - tags->at))
		return -1;
	*data = tags->at;
	*len = head.len;
	tags->at += head.len;
	return head.tag ? head.tag : -1;
}

/* The next of several names, each with its NUL; NULL behind the last, or if it has none. */
static const char *next_name(const char **at, const char *end)
{
	const char *name = *at, *nul = name < end ? memchr(name, 0, end - name) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return name;
}

static __u64 number_of(const char *data, size_t len)
{
	__u64 number = 0;

	memcpy(&number, data, len < sizeof(number) ? len : sizeof(number));
	return number;
}

/* What stands in a text is printed: control characters would spoil a line. */
static void copy_text(char *to, size_t room, const char *data, size_t len)
{
	size_t i;

	if (len >= room)
		len = room - 1;
	for (i = 0; i < len && data[i]; i++)
		to[i] = (unsigned char)data[i] < 0x20 || data[i] == 0x7f ? '?' : data[i];
	to[i] = 0;
}

static int read_info(struct recording *r, size_t size)
{
	struct tags tags = { r->block_data, r->block_data + size };
	const char *data;
	size_t len;
	int tag;

	while ((tag = next_tag(&tags, &data, &len)) > 0) {
		switch (tag) {
		case TAG_TOOL ... TAG_ID:
			free(r->text[tag]);
			r->text[tag] = malloc((len < TAGS_MAX ? len : TAGS_MAX) + 1);
			if (!r->text[tag])
				return no_memory(r);
			copy_text(r->text[tag], (len < TAGS_MAX ? len : TAGS_MAX) + 1, data, len);
			break;
		case TAG_PART:
			r->info.part = number_of(data, len);
			break;
		case TAG_START:
			r->info.start_ns = number_of(data, len);
			break;
		case TAG_WALL_OFFSET:
			r->info.wall_offset_ns = number_of(data, len);
			break;
		}
	}
	if (tag < 0)
		return damaged(r, "what is told of the recording does not fit its block");
	r->info.tool = r->text[TAG_TOOL] ? r->text[TAG_TOOL] : "";
	r->info.kernel = r->text[TAG_KERNEL] ? r->text[TAG_KERNEL] : "";
	r->info.machine = r->text[TAG_MACHINE] ? r->text[TAG_MACHINE] : "";
	r->info.node = r->text[TAG_NODE] ? r->text[TAG_NODE] : "";
	r->info.command_line = r->text[TAG_COMMAND_LINE] ? r->text[TAG_COMMAND_LINE] : "";
	r->info.id = r->text[TAG_ID] ? r->text[TAG_ID] : "";
	r->end_ns = r->info.start_ns;
	return 0;
}

static const struct observer *observer_named(const char *command)
{
	size_t i;

	for (i = 0; i < observer_count; i++) {
		if (!strcmp(observers[i]->command, command))
			return observers[i];
	}
	return NULL;
}

static const char *our_word(enum field_kind kind, unsigned int number)
{
	return kind == KIND_OP ? op_name(number) : word_of(kind, number);
}

/* By name; a word that is not ours becomes a number that has no name. */
static __u8 our_number(enum field_kind kind, const char *word)
{
	unsigned int i;
	const char *name;

	for (i = 0; i < WORD_UNKNOWN && (name = our_word(kind, i)); i++) {
		if (!strcmp(name, word))
			return i;
	}
	return WORD_UNKNOWN;
}

static void map_words(struct words *words, enum field_kind kind, const struct observer *observer, const char *at, const char *end)
{
	const char *word;
	int i;

	while (words->count < WORD_UNKNOWN && (word = next_name(&at, end))) {
		__u8 ours = WORD_UNKNOWN;

		if (kind == KIND_SOURCE) {
			for (i = 0; i < observer->source_count; i++) {
				if (!strcmp(observer->source[i].name, word))
					ours = i;
			}
		} else {
			ours = our_number(kind, word);
		}
		words->ours[words->count++] = ours;
	}
}

/* A step by its layer and name; each of its values by its name at its place. */
static void map_step(struct stream *s, const struct observer *observer, const char *at, const char *end)
{
	const char *title = next_name(&at, end), *value;
	int i, n, number = s->steps;

	if (!title || s->steps == STEPS_MAX)
		return;
	s->steps++;
	s->step[number] = WORD_UNKNOWN;
	for (i = 0; i < observer->step_count; i++) {
		if (strcmp(step_title(observer, i), title))
			continue;
		s->step[number] = i;
		for (n = 0; n < STEP_VALUES; n++) {
			const char *ours = observer->step[i].value[n].name;

			value = next_name(&at, end);
			if (ours && (!value || strcmp(ours, value)))
				s->step_nulls[number] |= 1u << n;
		}
	}
}

static void map_field(struct stream *s, const struct field_tag *tag, const char *kind, const char *name)
{
	const struct field *field = layout_field(&s->layout, name);
	struct source_field *from = field ? &s->from[field - s->layout.field] : NULL;
	bool number = tag->size == 1 || tag->size == 2 || tag->size == 4 || tag->size == 8;

	/* A field of this name that is something else is another one. */
	if (!field || strcmp(kind_name(field->kind), kind))
		return;
	if (tag->size > s->size || tag->offset > s->size - tag->size)
		return;
	if (tag->size != field->size && (!number || field->size > 8))
		return;
	from->known = true;
	from->offset = tag->offset;
	from->size = tag->size;
	from->null_bit = tag->null_bit;
}

static bool is_same(const struct stream *s)
{
	int i, word;

	if (s->size != s->layout.size)
		return false;
	for (i = 0; i < s->layout.count; i++) {
		const struct field *field = &s->layout.field[i];

		if (!s->from[i].known || s->from[i].offset != field->offset || s->from[i].size != field->size ||
		    s->from[i].null_bit != (s->layout.nulls ? i : NO_NULL_BIT))
			return false;
		for (word = 0; word < s->words[i].count; word++) {
			if (s->words[i].ours[word] != word)
				return false;
		}
	}
	for (i = 0; i < s->steps; i++) {
		if (s->step[i] != i || s->step_nulls[i])
			return false;
	}
	return true;
}

/* Two passes: what the fields' words are is told behind them. */
static int read_schema(struct recording *r, int number, size_t size)
{
	struct recording_stream *shown = &r->info.stream[number];
	struct stream *s = &r->stream[number];
	struct tags tags = { r->block_data, r->block_data + size };
	const char *data, *kind, *name, *end;
	char era[16] = "";
	size_t len;
	int tag, i;

	shown->command = r->commands[number];
	shown->source = r->sources[number];
	while ((tag = next_tag(&tags, &data, &len)) > 0) {
		switch (tag) {
		case TAG_OBSERVER:
			copy_text(r->commands[number], sizeof(r->commands[number]), data, len);
			break;
		case TAG_SOURCE:
			copy_text(r->sources[number], sizeof(r->sources[number]), data, len);
			break;
		case TAG_ERA:
			copy_text(era, sizeof(era), data, len);
			break;
		case TAG_RECORD_SIZE:
			s->size = number_of(data, len);
			break;
		}
	}
	if (tag < 0 || !r->commands[number][0] || s->size < 8 || s->size > BLOCK_SIZE_MAX - RECORDS_HEAD)
		return damaged(r, "what is told of an observer makes no sense");
	for (i = 0; i < ERA_COUNT; i++) {
		if (!strcmp(era_name(i), era))
			shown->era = i;
	}
	shown->observer = observer_named(r->commands[number]);
	if (!shown->observer)
		return 0;
	for (i = 0; i < number; i++) {
		if (r->info.stream[i].observer == shown->observer)
			return damaged(r, "%s is told of twice", shown->command);
	}
	s->layout = record_layout(shown->observer);
	s->from = calloc(s->layout.count, sizeof(*s->from));
	s->words = calloc(s->layout.count, sizeof(*s->words));
	if (!s->from || !s->words)
		return no_memory(r);
	tags.at = r->block_data;
	while ((tag = next_tag(&tags, &data, &len)) > 0) {
		struct field_tag field;

		end = data + len;
		switch (tag) {
		case TAG_FIELD:
			if (len < sizeof(field))
				return damaged(r, "what is told of a field makes no sense");
			memcpy(&field, data, sizeof(field));
			data += sizeof(field);
			kind = next_name(&data, end);
			name = next_name(&data, end);
			if (!name || (field.null_bit != NO_NULL_BIT && field.null_bit > 63))
				return damaged(r, "what is told of a field makes no sense");
			map_field(s, &field, kind, name);
			break;
		case TAG_SOURCES:
		case TAG_WORDS:
			kind = tag == TAG_SOURCES ? kind_name(KIND_SOURCE) : next_name(&data, end);
			for (i = 0; kind && i < s->layout.count; i++) {
				if (!strcmp(kind_name(s->layout.field[i].kind), kind) && !s->words[i].count)
					map_words(&s->words[i], s->layout.field[i].kind, shown->observer, data, end);
			}
			break;
		case TAG_STEP:
			map_step(s, shown->observer, data, end);
			break;
		}
	}
	s->same = is_same(s);
	if (!s->from[layout_field(&s->layout, "time") - s->layout.field].known)
		return damaged(r, "the records of %s have no time", shown->command);
	return 0;
}

/* Text that stays until the names are forgotten. */
static bool keep_text(struct recording *r, const char *data, size_t len, struct text *text)
{
	if (r->names_used + len + 1 > r->names_room) {
		size_t room = r->names_room ? 2 * r->names_room : 4096;
		char *more;

		while (room < r->names_used + len + 1)
			room *= 2;
		more = realloc(r->names, room);
		if (!more)
			return false;
		r->names = more;
		r->names_room = room;
	}
	memcpy(r->names + r->names_used, data, len);
	r->names[r->names_used + len] = 0;
	text->at = r->names_used;
	text->len = len;
	r->names_used += len + 1;
	return true;
}

static bool add_text(struct text **list, __u32 *count, __u32 *room, const struct text *text)
{
	if (*count == *room) {
		__u32 more = *room ? 2 * *room : 256;
		struct text *grown = reallocarray(*list, more, sizeof(*grown));

		if (!grown)
			return false;
		*list = grown;
		*room = more;
	}
	(*list)[(*count)++] = *text;
	return true;
}

static bool add_number(struct number_text **list, __u32 *count, __u32 *room, __u64 number, const struct text *text)
{
	if (*count == *room) {
		__u32 more = *room ? 2 * *room : 64;
		struct number_text *grown = reallocarray(*list, more, sizeof(*grown));

		if (!grown)
			return false;
		*list = grown;
		*room = more;
	}
	(*list)[*count].number = number;
	(*list)[(*count)++].text = *text;
	return true;
}

static int read_names(struct recording *r, const struct block_head *block)
{
	const char *at = r->block_data, *end = at + block->size;

	if (block->coding & BLOCK_FORGET) {
		r->names_used = 0;
		r->path_base += r->paths;
		r->stack_base += r->stacks;
		r->paths = r->stacks = r->devices = r->cgroups = 0;
	}
	while (at < end) {
		struct name_head head;
		struct text text;
		bool good = true, room = true;

		if ((size_t)(end - at) < sizeof(head))
			return damaged(r, "a name does not fit its block");
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		if (head.len > (size_t)(end - at) || head.len > NAME_MAX_BYTES)
			return damaged(r, "a name does not fit its block");
		/* Of one kind there may be as many as there can while others are told. */
		switch (head.kind) {
		case NAME_PATH:
			room = r->paths < NAMES_PATHS;
			break;
		case NAME_STACK:
			room = r->stacks < NAMES_STACKS;
			break;
		case NAME_DEVICE:
			room = r->devices < NAMES_OTHERS;
			break;
		case NAME_CGROUP:
			room = r->cgroups < NAMES_OTHERS;
			break;
		}
		if (!room || r->names_used + head.len > NAMES_BYTES + NAMES_PATHS + NAMES_STACKS + 2 * NAMES_OTHERS)
			return damaged(r, "there are more names than there may be");
		if (!keep_text(r, at, head.len, &text))
			return no_memory(r);
		at += head.len;
		switch (head.kind) {
		case NAME_PATH:
			good = add_text(&r->path_text, &r->paths, &r->path_room, &text);
			break;
		case NAME_STACK:
			good = add_text(&r->stack_text, &r->stacks, &r->stack_room, &text);
			break;
		case NAME_DEVICE:
			good = add_number(&r->device, &r->devices, &r->device_room, head.number, &text);
			break;
		case NAME_CGROUP:
			good = add_number(&r->cgroup, &r->cgroups, &r->cgroup_room, head.number, &text);
			break;
		}
		if (!good)
			return no_memory(r);
	}
	return 0;
}

static int read_records(struct recording *r, const struct block_head *head)
{
	struct stream *s = head->stream < r->info.streams ? &r->stream[head->stream] : NULL;

	if (!s)
		return damaged(r, "records of an observer that was not told of");
	if (head->size < RECORDS_HEAD || (__u64)head->count * s->size != head->size - RECORDS_HEAD)
		return damaged(r, "%u records do not fill the block", head->count);
	if (!r->info.stream[head->stream].observer) {
		r->left_out += head->count;
		return 0;
	}
	r->current = s;
	r->current_number = head->stream;
	r->next = 0;
	r->count = head->count;
	memcpy(&r->wall_offset_ns, r->block_data, RECORDS_HEAD);
	r->record_data = r->block_data + RECORDS_HEAD;
	if (head->coding & BLOCK_PLANES) {
		if (!make_room(&r->turned, head->size))
			return no_memory(r);
		planes_undo(r->turned.data, r->block_data + RECORDS_HEAD, s->size, head->count);
		r->record_data = r->turned.data;
	}
	return 0;
}

static int read_end(struct recording *r, size_t size)
{
	struct tags tags = { r->block_data, r->block_data + size };
	struct account *a = NULL;
	const char *data;
	size_t len;
	__u64 number;
	int tag, i;

	while ((tag = next_tag(&tags, &data, &len)) > 0) {
		number = number_of(data, len);
		if (tag == TAG_ACCOUNT) {
			a = number < (__u64)r->info.streams ? &r->stream[number].account : NULL;
			if (!a)
				return damaged(r, "an account of an observer that was not told of");
			memset(a, 0, sizeof(*a));
			a->command = r->commands[number];
			a->source = r->sources[number];
			r->stream[number].accounted = true;
			continue;
		}
		if (tag == TAG_END) {
			r->end_ns = number;
		} else if (tag == TAG_NEXT_PART) {
			copy_text(r->next_part, sizeof(r->next_part), data, len);
		} else if (a) {
			switch (tag) {
			case TAG_SEEN:
				a->seen = number;
				break;
			case TAG_EMITTED:
				a->emitted = number;
				break;
			case TAG_FILTERED:
				a->filtered = number;
				break;
			case TAG_SKIPPED:
				a->programs_skipped = number;
				break;
			case TAG_UNSEEN:
				a->unseen_at_most = number;
				break;
			case TAG_STACKS_LOST:
				a->stacks_lost = number;
				break;
			case TAG_DURATION:
				a->duration_ns = number;
				break;
			case TAG_STEPS_LOST:
				a->steps = true;
				a->steps_lost = number;
				break;
			case TAG_LOST:
				if (len <= sizeof(number) || data[len - 1])
					return damaged(r, "an account makes no sense");
				/* A reason that is not ours is still a loss. */
				for (i = 0; i < LOSS_COUNT && strcmp(losses[i].name, data + sizeof(number)); i++)
					;
				a->lost[i < LOSS_COUNT ? i : LOSS_output] += number;
				break;
			}
		}
	}
	if (tag < 0)
		return damaged(r, "the accounts do not fit their block");
	for (i = 0; i < r->info.streams; i++) {
		const struct stream *s = &r->stream[i];

		if (s->accounted && r->info.stream[i].observer && s->account.emitted != r->info.stream[i].events)
			return damaged(r, "%llu records of %s, but its account has %llu", (unsigned long long)r->info.stream[i].events,
				       r->info.stream[i].command, (unsigned long long)s->account.emitted);
	}
	r->ended = true;
	return 0;
}

/* One block, of whatever kind. 1, 0 at the end, -1. */
static int take_block(struct recording *r)
{
	struct block_head head;
	int ret = read_block(r, &head);

	if (ret <= 0)
		return ret;
	ret = 0;			/* what this version does not know is left out */
	switch (head.type) {
	case BLOCK_NAMES:
		ret = read_names(r, &head);
		break;
	case BLOCK_RECORDS:
		ret = read_records(r, &head);
		break;
	case BLOCK_END:
		ret = read_end(r, head.size);
		break;
	case BLOCK_INFO:
		ret = r->block ? damaged(r, "this tells once more what was recorded") : read_info(r, head.size);
		break;
	case BLOCK_SCHEMA:
		if (head.stream != r->info.streams || head.stream >= RECORDING_STREAMS)
			return damaged(r, "this tells of observer %u, and there are %d", head.stream, r->info.streams);
		ret = read_schema(r, head.stream, head.size);
		if (!ret)
			r->info.streams++;
		break;
	}
	if (ret)
		return -1;
	block_done(r, &head);
	return 1;
}

static int read_head(struct recording *r, struct err *err)
{
	struct recording_head head;
	int ret = read_all(r, &head, sizeof(head));

	if (ret == -2)
		return err_set(err, STATUS_FAILED, "cannot read %.200s: %s", r->path, strerror(errno));
	if (ret <= 0 || memcmp(head.magic, RECORDING_MAGIC, sizeof(head.magic)))
		return err_set(err, STATUS_DAMAGED, "%.200s is no recording of iomapscope%s", r->path,
			       !ret ? ": it is empty" : ret < 0 ? ", or was cut in its head" : "");
	if (head.order != RECORDING_ORDER && head.order == __builtin_bswap32(RECORDING_ORDER))
		return err_set(err, STATUS_DAMAGED, "%.200s was recorded on a machine of the other byte order; read it on one of those",
			       r->path);
	if (!crc_good(head.crc, &head, offsetof(struct recording_head, crc)) || head.order != RECORDING_ORDER)
		return err_set(err, STATUS_DAMAGED, "%.200s: damaged at byte 0: the head of the file is not what was written; nothing was "
			       "read", r->path);
	if (head.major != RECORDING_MAJOR)
		return err_set(err, STATUS_DAMAGED, "%.200s has version %u.%u of the format, and this iomapscope reads %u; take a newer one",
			       r->path, head.major, head.minor, RECORDING_MAJOR);
	r->info.major = head.major;
	r->info.minor = head.minor;
	r->at = sizeof(head);
	return 0;
}

/* Up to the first block that is no introduction: that of the first records, or of their names. */
static int read_introduction(struct recording *r, struct err *err)
{
	int ret = 1;

	if (read_head(r, err))
		return -1;
	while (ret > 0 && !r->current && !r->names_used && !r->ended)
		ret = take_block(r);
	/* What is damaged behind the introduction is told when it is come to. */
	if (ret < 0 && (!r->block || !r->info.streams)) {
		*err = r->error;
		return -1;
	}
	if (!r->info.kernel)
		return err_set(err, STATUS_DAMAGED, "%.200s: damaged at byte %zu: it does not tell what was recorded; nothing was read",
			       r->path, sizeof(struct recording_head));
	return 0;
}

static struct path_found find_path(void *ctx, __u32 dev, __u64 ino, __u64 version)
{
	(void)dev;
	(void)ino;
	return recording_path(ctx, version);
}

static const struct frames *find_stack(void *ctx, __s32 id, bool user)
{
	(void)user;
	return recording_stack(ctx, id);
}

struct recording *recording_open(const char *path, struct err *err)
{
	struct recording *r = calloc(1, sizeof(*r));
	size_t largest = 0, i;

	if (!r) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	r->path = strcmp(path, "-") ? path : "standard input";
	r->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (r->fd < 0) {
		err_set(err, STATUS_USAGE, "cannot read %.200s: %s", r->path, strerror(errno));
		free(r);
		return NULL;
	}
	for (i = 0; i < observer_count; i++) {
		struct record_layout layout = record_layout(observers[i]);

		if (layout.size > largest)
			largest = layout.size;
	}
	r->record = calloc(1, largest);
	r->frames = calloc(1, sizeof(*r->frames));
	r->told_paths = paths_told(find_path, r);
	r->told_stacks = stacks_told(find_stack, r);
	if (!r->record || !r->frames || !r->told_paths || !r->told_stacks) {
		err_set(err, STATUS_FAILED, "no memory");
		recording_close(r);
		return NULL;
	}
	if (read_introduction(r, err)) {
		recording_close(r);
		return NULL;
	}
	return r;
}

void recording_close(struct recording *r)
{
	int i;

	if (!r)
		return;
	close(r->fd);
	for (i = 0; i < RECORDING_STREAMS; i++) {
		free(r->stream[i].from);
		free(r->stream[i].words);
	}
	for (i = 0; i <= TAG_ID; i++)
		free(r->text[i]);
	paths_free(r->told_paths);
	stacks_free(r->told_stacks);
	free(r->stored.data);
	free(r->unpacked.data);
	free(r->turned.data);
	free(r->record);
	free(r->frames);
	free(r->names);
	free(r->path_text);
	free(r->stack_text);
	free(r->device);
	free(r->cgroup);
	free(r);
}

const struct recording_info *recording_info(const struct recording *r)
{
	return &r->info;
}

const struct recording_stream *recording_stream(const struct recording *r, const struct observer *observer)
{
	int i;

	for (i = 0; i < r->info.streams; i++) {
		if (r->info.stream[i].observer == observer)
			return &r->info.stream[i];
	}
	return NULL;
}

/* A recorded number in our size: those that have a sign keep it. */
static __u64 read_number(const char *at, __u32 size, bool sign)
{
	__u64 value = 0;

	memcpy(&value, at, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value >>= 64 - 8 * size;
#endif
	if (sign && size < 8 && value >> (8 * size - 1) & 1)
		value |= ~0ULL << 8 * size;
	return value;
}

/* A record of another version in our layout: what it does not have is null. */
static void convert(struct recording *r, const struct stream *s, const char *data)
{
	__u64 nulls = 0, told;
	int i;

	memset(r->record, 0, s->layout.size);
	memcpy(&told, data, sizeof(told));
	for (i = 0; i < s->layout.count; i++) {
		const struct field *field = &s->layout.field[i];
		const struct source_field *from = &s->from[i];
		__u64 value;

		if (!from->known || (from->null_bit != NO_NULL_BIT && told >> from->null_bit & 1))
			nulls |= 1ULL << i;
		if (!from->known) {
			/* Of a stack 0 is one. */
			if (field->kind == KIND_KSTACK || field->kind == KIND_USTACK)
				layout_set(field, r->record, -1);
			continue;
		}
		if (field->size > 8 || from->size > 8) {
			memcpy(r->record + field->offset, data + from->offset, field->size);
			continue;
		}
		value = read_number(data + from->offset, from->size, field->kind == KIND_RET || field->kind == KIND_RESULT ||
				    field->kind == KIND_KSTACK || field->kind == KIND_USTACK);
		if (s->words[i].count && value < s->words[i].count)
			value = s->words[i].ours[value];
		layout_set(field, r->record, value);
	}
	if (s->layout.nulls) {
		memcpy(r->record, &nulls, sizeof(nulls));
	} else {
		struct follow_record *step = (struct follow_record *)r->record;

		if (step->step < s->steps) {
			step->value_nulls |= s->step_nulls[step->step];
			step->step = s->step[step->step];
		}
	}
}

int recording_next(struct recording *r, struct recorded *event)
{
	struct recording_stream *shown;
	struct stream *s;
	__u64 time;
	int ret;

	while (!r->current || r->next == r->count) {
		r->current = NULL;
		if (r->failed)
			return -1;
		ret = take_block(r);
		if (ret <= 0)
			return ret;
	}
	s = r->current;
	shown = &r->info.stream[r->current_number];
	event->observer = shown->observer;
	event->size = s->layout.size;
	event->wall_offset_ns = r->wall_offset_ns;
	event->record = r->record_data + (size_t)r->next * s->size;
	if (!s->same) {
		convert(r, s, event->record);
		event->record = r->record;
	}
	r->next++;
	shown->records++;
	shown->events += shown->observer != &follow_observer || ((const struct follow_record *)event->record)->flags & FOLLOW_LAST;
	time = layout_value(layout_field(&s->layout, "time"), event->record);
	if (!r->ended && time > r->end_ns)
		r->end_ns = time;
	return 1;
}

const struct err *recording_error(const struct recording *r)
{
	return &r->error;
}

__u64 recording_left_out(const struct recording *r)
{
	return r->left_out;
}

void recording_format(struct recording *r, const struct observer *observer, struct format *format)
{
	const struct recording_stream *stream = recording_stream(r, observer);

	if (stream)
		format->era = stream->era;
	format->paths = r->told_paths;
	format->stacks = r->told_stacks;
	format->wall_offset_ns = r->info.wall_offset_ns;
}

struct path_found recording_path(const struct recording *r, __u64 path)
{
	struct path_found found = {};
	const struct text *text;
	const char *at, *end;

	if (path <= r->path_base || path > r->path_base + r->paths)
		return found;
	text = &r->path_text[path - r->path_base - 1];
	at = r->names + text->at;
	end = at + text->len;
	found.path = next_name(&at, end);
	found.was = next_name(&at, end);
	if (found.path && !*found.path)
		found.path = NULL;
	if (found.was && !*found.was)
		found.was = NULL;
	return found;
}

const struct frames *recording_stack(const struct recording *r, __s32 stack)
{
	struct frames *frames = r->frames;
	const struct text *text;
	const char *at, *end, *name;

	if (stack < 0 || (__u64)stack < r->stack_base || (__u64)stack >= r->stack_base + r->stacks)
		return NULL;
	text = &r->stack_text[stack - r->stack_base];
	at = r->names + text->at;
	end = at + text->len;
	frames->count = 0;
	while (frames->count < STACK_DEPTH && (name = next_name(&at, end))) {
		char *to = frames->name[frames->count++];

		copy_text(to, FRAME_TEXT, name, strlen(name));
		frame_clean(to);
	}
	return frames;
}

static const char *find_number(const struct recording *r, const struct number_text *list, __u32 count, __u64 number)
{
	__u32 i;

	/* What was told last holds. */
	for (i = count; i--; ) {
		if (list[i].number == number)
			return r->names + list[i].text.at;
	}
	return NULL;
}

const char *recording_device(const struct recording *r, __u32 dev)
{
	return find_number(r, r->device, r->devices, dev);
}

const char *recording_cgroup(const struct recording *r, __u64 cgroup)
{
	return find_number(r, r->cgroup, r->cgroups, cgroup);
}

const struct account *recording_account(const struct recording *r, const struct observer *observer)
{
	int i;

	for (i = 0; i < r->info.streams; i++) {
		if (r->info.stream[i].observer == observer && r->ended && r->stream[i].accounted)
			return &r->stream[i].account;
	}
	return NULL;
}

__u64 recording_end_ns(const struct recording *r)
{
	return r->end_ns;
}

const char *recording_next_part(const struct recording *r)
{
	return r->next_part[0] ? r->next_part : NULL;
}
