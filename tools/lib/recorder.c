// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zstd.h>

#include "dmio.h"
#include "follow_fields.h"
#include "recorder.h"
#include "recording.h"
#include "recording_format.h"

#define BLOCK_BYTES	(256u << 10)	/* of records in one block */
#define NAMES_WAITING	(256u << 10)	/* bytes of names that wait for the records */
#define LEVEL		1		/* of zstd */

/* Bytes of what one record names: two stacks, a path and the one before, a cgroup, devices; each with its NUL. */
#define RECORD_NAMES_MAX (2 * NAME_MAX_BYTES + (2 + 1 + 1 + REGIONS_MAX) * (PATH_SHOWN + 1))

/* Things that have a number each, found by what they are. */
struct intern {
	__u32 *place;			/* number + 1; 0: free */
	__u32 places;			/* a power of two */
	struct {
		__u64 hash;
		__u32 at, len;
	} *entry;
	__u32 count, room;
	char *text;
	size_t used, text_room;
};

struct stream {
	const struct observer *observer;
	const char *source;
	enum flag_era era;
	struct record_layout layout;
	char *record;
	size_t count, most;
	__u64 since_ns;			/* the first of them */
	__s64 wall_offset_ns;
	__u64 waiting;			/* of these, events: see recorder_end_record() */
	__u64 written, in_part;		/* events */
};

/* One of the files. */
struct part {
	char *path;
	int fd;
	unsigned int number;
	__u64 begun_ns;
	__u64 size, blocks, blocks_written;
};

struct recorder {
	struct recorder_options options;
	struct part part;		/* that is written */
	char id[33];
	__u64 start_ns;
	__s64 wall_offset_ns;
	__u64 bytes;			/* of the files before it */
	bool made;			/* the first file was not there before */
	bool started, some;		/* some: the file has records */
	struct stream stream[RECORDING_STREAMS];
	int streams;
	struct intern paths, stacks, devices, cgroups;
	size_t other_bytes;		/* of text, of devices and cgroups, whose numbers alone are interned */
	char *names;			/* that were not written yet */
	size_t names_used, names_room;
	__u64 path_base, stack_base;	/* numbers that were given and forgotten, in this file */
	bool forget;
	ZSTD_CCtx *zstd;
	char *planes;
	char *out;			/* what the next write takes */
	size_t out_used, out_room;
	struct frames frames;
	char error[384];
};

static bool grow(char **buffer, size_t *room, size_t need)
{
	size_t more = *room ? *room : 4096;
	char *grown;

	while (more < need)
		more *= 2;
	if (more == *room)
		return true;
	grown = realloc(*buffer, more);
	if (!grown)
		return false;
	*buffer = grown;
	*room = more;
	return true;
}

/* The first failure is what counts: nothing is written after it. */
static void fail(struct recorder *w, const char *path, int error)
{
	if (!w->error[0])
		snprintf(w->error, sizeof(w->error), "cannot write %.200s: %s", path, strerror(error));
}

static __u64 hash_of(const char *data, size_t len)
{
	__u64 h = len * 0x9e3779b97f4a7c15ULL, word;

	for (; len >= 8; data += 8, len -= 8) {
		memcpy(&word, data, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	for (word = 0; len; len--)
		word = word << 8 | (unsigned char)data[len - 1];
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 32;
}

static void intern_clear(struct intern *in)
{
	if (in->place)
		memset(in->place, 0, in->places * sizeof(*in->place));
	in->count = 0;
	in->used = 0;
}

static void intern_free(struct intern *in)
{
	free(in->place);
	free(in->entry);
	free(in->text);
}

static __u32 *intern_place(const struct intern *in, __u64 hash, const char *data, size_t len)
{
	__u32 at = hash & (in->places - 1);

	while (in->place[at]) {
		__u32 number = in->place[at] - 1;

		if (in->entry[number].hash == hash && in->entry[number].len == len && !memcmp(in->text + in->entry[number].at, data, len))
			break;
		at = (at + 1) & (in->places - 1);
	}
	return &in->place[at];
}

static bool intern_grow(struct intern *in)
{
	__u32 places = in->places ? 2 * in->places : 1024, i;
	__u32 *place = calloc(places, sizeof(*place));
	void *entry = reallocarray(in->entry, places / 2, sizeof(*in->entry));

	if (entry)
		in->entry = entry;
	if (!place || !entry) {
		free(place);
		return false;
	}
	free(in->place);
	in->place = place;
	in->places = places;
	in->room = places / 2;
	for (i = 0; i < in->count; i++) {
		__u32 at = in->entry[i].hash & (places - 1);

		while (place[at])
			at = (at + 1) & (places - 1);
		place[at] = i + 1;
	}
	return true;
}

/* Its number; @added: it is new. -1 without memory. */
static __s64 intern(struct intern *in, const char *data, size_t len, bool *added)
{
	__u64 hash = hash_of(data, len);
	__u32 *place;

	*added = false;
	if (in->count == in->room && !intern_grow(in))
		return -1;
	place = intern_place(in, hash, data, len);
	if (*place)
		return *place - 1;
	if (!grow(&in->text, &in->text_room, in->used + len))
		return -1;
	memcpy(in->text + in->used, data, len);
	in->entry[in->count].hash = hash;
	in->entry[in->count].at = in->used;
	in->entry[in->count].len = len;
	in->used += len;
	*place = ++in->count;
	*added = true;
	return in->count - 1;
}

static bool intern_has(const struct intern *in, const char *data, size_t len)
{
	return in->places && *intern_place(in, hash_of(data, len), data, len);
}

/* One more block behind what is to be written. @prefix: of RECORDS. */
static bool put_block(struct recorder *w, enum block_type type, unsigned int coding, int stream, __u32 count, const char *data, size_t size)
{
	struct block_head head = {
		.magic = BLOCK_MAGIC,
		.type = type,
		.stream = stream < 0 ? NO_STREAM : stream,
		.number = w->part.blocks,
		.stored = size,
		.size = size,
		.count = count,
	};
	size_t bound = sizeof(head) + (size > ZSTD_compressBound(size) ? size : ZSTD_compressBound(size));
	char *at;

	if (!grow(&w->out, &w->out_room, w->out_used + bound)) {
		fail(w, w->part.path, ENOMEM);
		return false;
	}
	at = w->out + w->out_used + sizeof(head);
	if (!w->options.plain) {
		size_t stored = ZSTD_compressCCtx(w->zstd, at, ZSTD_compressBound(size), data, size, LEVEL);

		if (!ZSTD_isError(stored) && stored < size) {
			head.stored = stored;
			coding |= BLOCK_ZSTD;
		}
	}
	if (!(coding & BLOCK_ZSTD) && size)
		memcpy(at, data, size);
	head.coding = coding;
	head.payload_crc = recording_crc(at, head.stored);
	head.crc = recording_crc(&head, offsetof(struct block_head, crc));
	memcpy(w->out + w->out_used, &head, sizeof(head));
	w->out_used += sizeof(head) + head.stored;
	w->part.blocks++;
	return true;
}

/* All of it or nothing: what a full disk has taken of a block is taken back. */
static bool write_out(struct recorder *w)
{
	size_t done = 0, len = w->out_used;

	w->out_used = 0;
	while (done < len) {
		ssize_t n = write(w->part.fd, w->out + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n ? errno : ENOSPC;

			fail(w, w->part.path, error);
			/* What cannot be cut off is seen to be no whole block. */
			if (done && ftruncate(w->part.fd, w->part.size))
				errno = error;
			lseek(w->part.fd, w->part.size, SEEK_SET);
			return false;
		}
		done += n;
	}
	w->part.size += len;
	w->part.blocks_written = w->part.blocks;
	return true;
}

struct tags {
	char *data;
	size_t used, room;
	bool failed;
};

/* @a and @b, one behind the other. */
static void put_tag(struct tags *tags, enum recording_tag tag, const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct tag_head head = { .tag = tag, .len = a_len + b_len };
	char *p;

	if (!grow(&tags->data, &tags->room, tags->used + sizeof(head) + head.len)) {
		tags->failed = true;
		return;
	}
	p = mempcpy(tags->data + tags->used, &head, sizeof(head));
	p = mempcpy(p, a, a_len);
	if (b_len)
		memcpy(p, b, b_len);
	tags->used += sizeof(head) + head.len;
}

static void put_text_tag(struct tags *tags, enum recording_tag tag, const char *text)
{
	put_tag(tags, tag, text, strlen(text), NULL, 0);
}

static void put_number_tag(struct tags *tags, enum recording_tag tag, __u64 value)
{
	put_tag(tags, tag, &value, sizeof(value), NULL, 0);
}

static bool put_tags(struct recorder *w, struct tags *tags, enum block_type type, int stream)
{
	bool good = !tags->failed && put_block(w, type, 0, stream, 0, tags->data, tags->used);

	if (tags->failed)
		fail(w, w->part.path, ENOMEM);
	free(tags->data);
	return good;
}

static bool put_info(struct recorder *w)
{
	const char *line = w->options.command_line ? w->options.command_line : "";
	struct tags tags = {};
	struct utsname name;

	uname(&name);
	put_text_tag(&tags, TAG_TOOL, VERSION);
	put_text_tag(&tags, TAG_KERNEL, name.release);
	put_text_tag(&tags, TAG_MACHINE, name.machine);
	put_text_tag(&tags, TAG_NODE, name.nodename);
	put_tag(&tags, TAG_COMMAND_LINE, line, strnlen(line, 4096), NULL, 0);
	put_text_tag(&tags, TAG_ID, w->id);
	put_tag(&tags, TAG_PART, &w->part.number, sizeof(w->part.number), NULL, 0);
	put_number_tag(&tags, TAG_START, w->part.begun_ns);
	put_number_tag(&tags, TAG_WALL_OFFSET, w->wall_offset_ns);
	return put_tags(w, &tags, BLOCK_INFO, -1);
}

/* Name after name, each with its NUL. */
static size_t add_name(char *list, size_t used, size_t room, const char *name)
{
	size_t len = strlen(name) + 1;

	if (used + len > room)
		return used;
	memcpy(list + used, name, len);
	return used + len;
}

static void put_words(struct tags *tags, enum field_kind kind)
{
	const struct name_desc *word = NULL;
	size_t used = 0, count = 0, i;
	char list[4096];

	for (i = 0; i < vocabulary_count; i++) {
		if (vocabularies[i].kind == kind) {
			word = vocabularies[i].word;
			count = vocabularies[i].count;
		}
	}
	if (kind == KIND_OP)
		count = OP_COUNT;
	used = add_name(list, used, sizeof(list), kind_name(kind));
	for (i = 0; i < count; i++)
		used = add_name(list, used, sizeof(list), kind == KIND_OP ? ops[i].name : word[i].name);
	if (count)
		put_tag(tags, TAG_WORDS, list, used, NULL, 0);
}

static bool put_schema(struct recorder *w, int number)
{
	const struct stream *stream = &w->stream[number];
	const struct record_layout *layout = &stream->layout;
	__u32 size = layout->size;
	size_t used = 0;
	__u64 told = 0;			/* bits: the kinds whose words were told */
	struct tags tags = {};
	char list[4096];
	int i, n;

	_Static_assert(KIND_REGIONS < 64, "a bit for each kind");
	put_text_tag(&tags, TAG_OBSERVER, stream->observer->command);
	put_text_tag(&tags, TAG_SOURCE, stream->source);
	put_text_tag(&tags, TAG_ERA, era_name(stream->era));
	put_tag(&tags, TAG_RECORD_SIZE, &size, sizeof(size), NULL, 0);
	for (i = 0; i < layout->count; i++) {
		const struct field *field = &layout->field[i];
		struct field_tag tag = {
			.offset = field->offset,
			.size = field->size,
			.null_bit = layout->nulls ? i : NO_NULL_BIT,
			.nullable = field->nullable,
		};

		used = add_name(list, add_name(list, 0, sizeof(list), kind_name(field->kind)), sizeof(list), field->name);
		put_tag(&tags, TAG_FIELD, &tag, sizeof(tag), list, used);
	}
	for (i = 0, used = 0; i < stream->observer->source_count; i++)
		used = add_name(list, used, sizeof(list), stream->observer->source[i].name);
	put_tag(&tags, TAG_SOURCES, list, used, NULL, 0);
	for (i = 0; i < layout->count; i++) {
		enum field_kind kind = layout->field[i].kind;

		if (told >> kind & 1)
			continue;
		told |= 1ULL << kind;
		put_words(&tags, kind);
	}
	for (i = 0; i < stream->observer->step_count; i++) {
		used = add_name(list, 0, sizeof(list), step_title(stream->observer, i));
		for (n = 0; n < STEP_VALUES && stream->observer->step[i].value[n].name; n++)
			used = add_name(list, used, sizeof(list), stream->observer->step[i].value[n].name);
		put_tag(&tags, TAG_STEP, list, used, NULL, 0);
	}
	return put_tags(w, &tags, BLOCK_SCHEMA, number);
}

/* What each file begins with. */
static bool begin_file(struct recorder *w)
{
	struct recording_head head = { .major = RECORDING_MAJOR, .minor = RECORDING_MINOR, .order = RECORDING_ORDER };
	int i;

	memcpy(head.magic, RECORDING_MAGIC, sizeof(head.magic));
	head.crc = recording_crc(&head, offsetof(struct recording_head, crc));
	w->out_used = 0;
	if (!grow(&w->out, &w->out_room, sizeof(head))) {
		fail(w, w->part.path, ENOMEM);
		return false;
	}
	memcpy(w->out, &head, sizeof(head));
	w->out_used = sizeof(head);
	if (!put_info(w))
		return false;
	for (i = 0; i < w->streams; i++) {
		if (!put_schema(w, i))
			return false;
	}
	return write_out(w);
}

/* Numbers go on: one that was given before is nobody else's. */
static void forget_names(struct recorder *w)
{
	w->path_base += w->paths.count;
	w->stack_base += w->stacks.count;
	intern_clear(&w->paths);
	intern_clear(&w->stacks);
	intern_clear(&w->devices);
	intern_clear(&w->cgroups);
	w->other_bytes = 0;
	w->names_used = 0;
}

static int open_file(const struct recorder *w, const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (w->options.force ? O_TRUNC : O_EXCL), 0644);
}

static int refuse(struct err *err, const char *path, int error)
{
	if (error == EEXIST)
		return err_set(err, STATUS_USAGE, "%.200s is there already; --force overwrites it", path);
	return err_set(err, STATUS_OUTPUT, "cannot write %.200s: %s", path, strerror(error));
}

static void part_path(const struct recorder *w, unsigned int part, char *path)
{
	if (part)
		snprintf(path, PATH_MAX, "%s.%u", w->options.path, part);
	else
		snprintf(path, PATH_MAX, "%s", w->options.path);
}

/* Whether a file of this name would be in the way of one of those that come behind @base; its number. 0: it would not. */
static unsigned long later_number(const char *name, const char *base)
{
	size_t len = strlen(base), digits;

	if (strncmp(name, base, len) || name[len] != '.')
		return 0;
	name += len + 1;
	digits = strspn(name, "0123456789");
	return name[digits] || name[0] == '0' || digits > 10 ? 0 : strtoul(name, NULL, 10);
}

/*
 * The later files of an older recording would be met hours later, and those that are not be mixed with this one's: they are refused at once, or
 * removed.
 */
static int older_files(const struct recorder *w, bool remove, struct err *err)
{
	const char *path = w->options.path, *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *name = slash ? strndup(path, slash - path + 1) : strdup(".");
	DIR *dir = name ? opendir(name) : NULL;
	unsigned long number, first = 0;
	struct dirent *entry;
	int ret = 0;

	free(name);
	if (!dir)
		return err_set(err, STATUS_OUTPUT, "cannot look for files of an older recording beside %.200s: %s", path, strerror(errno));
	while (!ret && (entry = readdir(dir))) {
		number = later_number(entry->d_name, base);
		if (number && (!first || number < first))
			first = number;
		if (number && remove && unlinkat(dirfd(dir), entry->d_name, 0))
			ret = err_set(err, STATUS_OUTPUT, "cannot remove %.200s.%lu, of an older recording: %s", path, number, strerror(errno));
	}
	closedir(dir);
	if (first && !remove)
		return err_set(err, STATUS_USAGE, "%.200s.%lu is there already, of an older recording; --force removes it", path, first);
	return ret;
}

static bool rotates(const struct recorder *w)
{
	return w->options.rotate_bytes || w->options.rotate_ns;
}

/* The next file, made and removed again: what is asked of its directory is seen by doing it. */
static int try_next(const struct recorder *w, struct err *err)
{
	char path[PATH_MAX];
	int fd, error;

	part_path(w, 1, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	error = errno;
	if (fd >= 0) {
		close(fd);
		if (!unlink(path))
			return 0;
		error = errno;
	}
	if (error != EACCES && error != EPERM)
		return refuse(err, path, error);
	return err_set(err, STATUS_OUTPUT, "cannot make and remove %.150s without the privileges that record gives up before it observes: %s; "
		       "take a directory that user %u may write to, or do not rotate", path, strerror(error), geteuid());
}

int recorder_clear(struct recorder *w, struct err *err)
{
	if (!rotates(w))
		return 0;
	if (w->options.force && older_files(w, true, err))
		return -1;
	return try_next(w, err);
}

struct recorder *recorder_new(const struct recorder_options *options, struct err *err)
{
	struct recorder *w = calloc(1, sizeof(*w));
	unsigned char random[16] = {};
	size_t i;

	if (!w) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	w->options = *options;
	w->part.fd = -1;
	w->part.path = strdup(options->path);
	w->zstd = ZSTD_createCCtx();
	if (!w->part.path || !w->zstd) {
		err_set(err, STATUS_FAILED, "no memory");
		recorder_free(w);
		return NULL;
	}
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) < 0)
		random[0] = 1;
	for (i = 0; i < sizeof(random); i++)
		sprintf(w->id + 2 * i, "%02x", random[i]);
	w->part.fd = open(w->part.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	w->made = w->part.fd >= 0;
	/* It is emptied when there is something to put in its place. */
	if (w->part.fd < 0 && errno == EEXIST && options->force)
		w->part.fd = open(w->part.path, O_WRONLY | O_CLOEXEC);
	if (w->part.fd < 0) {
		refuse(err, w->part.path, errno);
		recorder_free(w);
		return NULL;
	}
	if (rotates(w) && !options->force && older_files(w, false, err)) {
		recorder_free(w);
		return NULL;
	}
	return w;
}

void recorder_free(struct recorder *w)
{
	int i;

	if (!w)
		return;
	if (w->part.fd >= 0) {
		if (!w->started && w->made)
			unlink(w->part.path);
		close(w->part.fd);
	}
	for (i = 0; i < w->streams; i++)
		free(w->stream[i].record);
	intern_free(&w->paths);
	intern_free(&w->stacks);
	intern_free(&w->devices);
	intern_free(&w->cgroups);
	ZSTD_freeCCtx(w->zstd);
	free(w->planes);
	free(w->names);
	free(w->out);
	free(w->part.path);
	free(w);
}

int recorder_add(struct recorder *w, const struct observer *observer, const char *source, enum flag_era era)
{
	struct stream *stream = &w->stream[w->streams];

	stream->observer = observer;
	stream->source = source;
	stream->era = era;
	stream->layout = record_layout(observer);
	stream->most = (BLOCK_BYTES - RECORDS_HEAD) / stream->layout.size;
	return w->streams++;
}

int recorder_start(struct recorder *w, __u64 now_ns, __s64 wall_offset_ns)
{
	int i;

	w->started = true;
	w->part.begun_ns = w->start_ns = now_ns;
	w->wall_offset_ns = wall_offset_ns;
	w->planes = malloc(BLOCK_BYTES);
	for (i = 0; i < w->streams && w->planes; i++) {
		/* Its offset is in front of the records. */
		w->stream[i].record = malloc(BLOCK_BYTES);
		if (!w->stream[i].record)
			break;
	}
	if (i < w->streams || !w->planes) {
		fail(w, w->part.path, ENOMEM);
		return -1;
	}
	/* A device has nothing to cut off. */
	if (!w->made && ftruncate(w->part.fd, 0) && errno != EINVAL) {
		fail(w, w->part.path, errno);
		return -1;
	}
	return begin_file(w) ? 0 : -1;
}

size_t recorder_waiting(const struct recorder *w, int stream)
{
	return w->stream[stream].count;
}

static bool put_names(struct recorder *w)
{
	bool good = true;

	if (w->names_used || w->forget)
		good = put_block(w, BLOCK_NAMES, w->forget ? BLOCK_FORGET : 0, -1, 0, w->names, w->names_used);
	w->names_used = 0;
	w->forget = false;
	return good;
}

static void lose(struct recorder *w)
{
	int i;

	for (i = 0; i < w->streams; i++)
		w->stream[i].count = w->stream[i].waiting = 0;
	w->out_used = 0;
	w->part.blocks = w->part.blocks_written;
}

/* The names and the records that wait, by one write. */
static bool flush(struct recorder *w, int number)
{
	struct stream *stream = &w->stream[number];
	size_t size = RECORDS_HEAD + stream->count * stream->layout.size;
	const char *data = stream->record;
	unsigned int coding = 0;

	if (w->error[0]) {
		lose(w);
		return false;
	}
	if (!stream->count)
		return true;
	memcpy(stream->record, &stream->wall_offset_ns, RECORDS_HEAD);
	if (!w->options.plain) {
		memcpy(w->planes, stream->record, RECORDS_HEAD);
		planes_make(w->planes + RECORDS_HEAD, stream->record + RECORDS_HEAD, stream->layout.size, stream->count);
		data = w->planes;
		coding = BLOCK_PLANES;
	}
	if (!put_names(w) || !put_block(w, BLOCK_RECORDS, coding, number, stream->count, data, size) || !write_out(w)) {
		lose(w);
		return false;
	}
	stream->written += stream->waiting;
	stream->in_part += stream->waiting;
	stream->count = stream->waiting = 0;
	w->some = true;
	return true;
}

static void flush_all(struct recorder *w)
{
	int i;

	for (i = 0; i < w->streams; i++)
		flush(w, i);
}

static void put_account(struct tags *tags, int stream, const struct account *account)
{
	__u32 number = stream;
	int i;

	put_tag(tags, TAG_ACCOUNT, &number, sizeof(number), NULL, 0);
	put_number_tag(tags, TAG_SEEN, account->seen);
	put_number_tag(tags, TAG_EMITTED, account->emitted);
	put_number_tag(tags, TAG_FILTERED, account->filtered);
	for (i = 0; i < LOSS_COUNT; i++) {
		if (account->lost[i])
			put_tag(tags, TAG_LOST, &account->lost[i], sizeof(account->lost[i]), losses[i].name, strlen(losses[i].name) + 1);
	}
	put_number_tag(tags, TAG_SKIPPED, account->programs_skipped);
	put_number_tag(tags, TAG_UNSEEN, account->unseen_at_most);
	put_number_tag(tags, TAG_STACKS_LOST, account->stacks_lost);
	put_number_tag(tags, TAG_DURATION, account->duration_ns);
	if (account->steps)
		put_number_tag(tags, TAG_STEPS_LOST, account->steps_lost);
}

/* The last block of a file. @next: the file that it goes on in, or NULL. */
static bool end_file(struct recorder *w, const struct account *accounts, __u64 now_ns, const char *next)
{
	struct tags tags = {};
	int i;

	for (i = 0; i < w->streams; i++)
		put_account(&tags, i, &accounts[i]);
	put_number_tag(&tags, TAG_END, now_ns);
	if (next)
		put_text_tag(&tags, TAG_NEXT_PART, next);
	return put_tags(w, &tags, BLOCK_END, -1) && write_out(w);
}

/*
 * Goes on in the next file. What a file accounts for is what is in it: what was filtered or lost is known at the very end, and told by the last
 * file alone, so that the accounts of all files add up. Nothing waits for a block.
 */
static void rotate(struct recorder *w, __u64 now_ns)
{
	struct part old = w->part, next = { .number = old.number + 1, .begun_ns = now_ns };
	struct account accounts[RECORDING_STREAMS] = {};
	char path[PATH_MAX];
	bool good;
	int i;

	part_path(w, w->part.number + 1, path);
	next.fd = open_file(w, path);
	next.path = strdup(path);
	if (next.fd < 0 || !next.path)
		fail(w, path, next.fd < 0 ? errno : ENOMEM);
	/* Only when there is a file to go on in does this one say so. */
	w->part = next;
	good = !w->error[0] && begin_file(w);
	next = w->part;
	w->part = old;
	for (i = 0; i < w->streams; i++) {
		accounts[i].seen = accounts[i].emitted = w->stream[i].in_part;
		accounts[i].duration_ns = now_ns - old.begun_ns;
	}
	if (!good || !end_file(w, accounts, now_ns, strrchr(path, '/') ? strrchr(path, '/') + 1 : path)) {
		w->out_used = 0;
		w->part.blocks = w->part.blocks_written;
		if (next.fd >= 0) {
			close(next.fd);
			unlink(path);
		}
		free(next.path);
		return;
	}
	w->bytes += w->part.size;
	close(old.fd);
	free(old.path);
	w->part = next;
	w->some = false;
	for (i = 0; i < w->streams; i++)
		w->stream[i].in_part = 0;
	forget_names(w);
	w->path_base = w->stack_base = 0;
	w->forget = false;
	if (w->options.keep && w->part.number >= w->options.keep) {
		part_path(w, w->part.number - w->options.keep, path);
		unlink(path);
	}
}

/* A file without a name is lost once it is closed: better to say so at once. */
static void look_after(struct recorder *w)
{
	struct stat st;
	int i;

	if (w->error[0] || fstat(w->part.fd, &st) || st.st_nlink)
		return;
	snprintf(w->error, sizeof(w->error), "%.200s was removed while it was written", w->part.path);
	for (i = 0; i < w->streams; i++) {
		w->stream[i].written -= w->stream[i].in_part;
		w->stream[i].in_part = 0;
	}
	lose(w);
}

static void rotate_if_due(struct recorder *w, __u64 now_ns)
{
	if (w->error[0] || !w->some)
		return;
	if ((w->options.rotate_bytes && w->part.size >= w->options.rotate_bytes) ||
	    (w->options.rotate_ns && now_ns - w->part.begun_ns >= w->options.rotate_ns)) {
		flush_all(w);
		if (!w->error[0])
			rotate(w, now_ns);
	}
}

void recorder_tick(struct recorder *w, __u64 now_ns)
{
	int i;

	for (i = 0; i < w->streams; i++) {
		if (w->stream[i].count && now_ns - w->stream[i].since_ns >= RECORDER_PATIENCE_NS)
			flush(w, i);
	}
	look_after(w);
	rotate_if_due(w, now_ns);
}

/* Whether there is room for all that one record may name: its device and those of its regions, among others. */
static bool names_fit(const struct recorder *w)
{
	size_t bytes = w->paths.used + w->stacks.used + w->other_bytes;

	return w->paths.count < NAMES_PATHS && w->stacks.count + 2 <= NAMES_STACKS && w->devices.count + 1 + REGIONS_MAX <= NAMES_OTHERS &&
	       w->cgroups.count < NAMES_OTHERS && bytes + RECORD_NAMES_MAX <= NAMES_BYTES;
}

void *recorder_begin_record(struct recorder *w, int number, __u64 now_ns, __s64 wall_offset_ns)
{
	struct stream *stream = &w->stream[number];

	if (stream->count && (stream->count == stream->most || stream->wall_offset_ns != wall_offset_ns)) {
		flush(w, number);
		rotate_if_due(w, now_ns);
	}
	if (!names_fit(w)) {
		flush_all(w);
		forget_names(w);
		w->forget = true;
	} else if (w->names_used > NAMES_WAITING && (!put_names(w) || !write_out(w))) {
		lose(w);
	}
	if (w->error[0])
		return NULL;
	if (!stream->count) {
		stream->since_ns = now_ns;
		stream->wall_offset_ns = wall_offset_ns;
	}
	return stream->record + RECORDS_HEAD + stream->count * stream->layout.size;
}

void recorder_end_record(struct recorder *w, int stream, bool event)
{
	w->stream[stream].count++;
	w->stream[stream].waiting += event;
}

struct path_found recorder_told_path(const struct recorder *w, __u64 number)
{
	struct path_found found = {};
	const char *text;

	if (number <= w->path_base || number > w->path_base + w->paths.count)
		return found;
	text = w->paths.text + w->paths.entry[number - w->path_base - 1].at;
	found.path = *text ? text : NULL;
	text += strlen(text) + 1;
	found.was = *text ? text : NULL;
	return found;
}

const struct frames *recorder_told_stack(struct recorder *w, __s32 number)
{
	const char *text, *end;
	__u64 at = number;

	if (number < 0 || at < w->stack_base || at >= w->stack_base + w->stacks.count)
		return NULL;
	at -= w->stack_base;
	text = w->stacks.text + w->stacks.entry[at].at;
	end = text + w->stacks.entry[at].len;
	w->frames.count = 0;
	while (text < end && w->frames.count < STACK_DEPTH) {
		snprintf(w->frames.name[w->frames.count++], FRAME_TEXT, "%s", text);
		text += strlen(text) + 1;
	}
	return &w->frames;
}

static bool put_name(struct recorder *w, enum name_kind kind, __u64 number, const char *data, size_t len)
{
	struct name_head head = { .kind = kind, .len = len, .number = number };

	if (!grow(&w->names, &w->names_room, w->names_used + sizeof(head) + len)) {
		fail(w, w->part.path, ENOMEM);
		return false;
	}
	memcpy(mempcpy(w->names + w->names_used, &head, sizeof(head)), data, len);
	w->names_used += sizeof(head) + len;
	return true;
}

__u64 recorder_path(struct recorder *w, const struct path_found *found)
{
	char text[2 * PATH_SHOWN + 2], *p = text;
	bool added;
	__s64 number;

	if (!found->path && !found->was)
		return 0;
	if (found->path)
		p = mempcpy(p, found->path, strnlen(found->path, PATH_SHOWN));
	*p++ = 0;
	if (found->was)
		p = mempcpy(p, found->was, strnlen(found->was, PATH_SHOWN));
	*p++ = 0;
	number = intern(&w->paths, text, p - text, &added);
	if (number < 0) {
		fail(w, w->part.path, ENOMEM);
		return 0;
	}
	if (added)
		put_name(w, NAME_PATH, 0, text, p - text);
	return w->path_base + number + 1;
}

__s32 recorder_stack(struct recorder *w, const struct frames *frames)
{
	static char text[NAME_MAX_BYTES];
	char *p = text;
	unsigned int i;
	bool added;
	__s64 number;

	if (!frames)
		return -1;
	for (i = 0; i < frames->count; i++)
		p = stpcpy(p, frames->name[i]) + 1;
	number = intern(&w->stacks, text, p - text, &added);
	if (number < 0) {
		fail(w, w->part.path, ENOMEM);
		return -1;
	}
	if (added)
		put_name(w, NAME_STACK, 0, text, p - text);
	return w->stack_base + number;
}

static void add_number(struct recorder *w, struct intern *in, enum name_kind kind, __u64 number, const char *text)
{
	size_t len = strnlen(text, PATH_SHOWN);
	bool added;

	if (intern(in, (char *)&number, sizeof(number), &added) < 0) {
		fail(w, w->part.path, ENOMEM);
	} else if (added) {
		put_name(w, kind, number, text, len);
		w->other_bytes += len + 1;
	}
}

bool recorder_knows_device(struct recorder *w, __u32 dev)
{
	__u64 number = dev;

	return intern_has(&w->devices, (char *)&number, sizeof(number));
}

void recorder_device(struct recorder *w, __u32 dev, const char *name)
{
	add_number(w, &w->devices, NAME_DEVICE, dev, name);
}

bool recorder_knows_cgroup(struct recorder *w, __u64 cgroup)
{
	return intern_has(&w->cgroups, (char *)&cgroup, sizeof(cgroup));
}

void recorder_cgroup(struct recorder *w, __u64 cgroup, const char *path)
{
	add_number(w, &w->cgroups, NAME_CGROUP, cgroup, path);
}

void recorder_end(struct recorder *w, struct account *accounts, __u64 now_ns)
{
	struct account last[RECORDING_STREAMS];
	int i;

	flush_all(w);
	look_after(w);
	for (i = 0; i < w->streams; i++) {
		struct account *a = &accounts[i];
		__u64 before = w->stream[i].written - w->stream[i].in_part;

		a->lost[LOSS_output] += a->emitted > w->stream[i].written ? a->emitted - w->stream[i].written : 0;
		a->emitted = w->stream[i].written;
		/* What is in the files before was accounted for there. */
		last[i] = *a;
		last[i].seen -= before;
		last[i].emitted -= before;
		if (w->part.number)
			last[i].duration_ns = now_ns - w->part.begun_ns;
	}
	/* Also behind a block that did not fit: this one is small. */
	if (w->started)
		end_file(w, last, now_ns, NULL);
}

const char *recorder_error(const struct recorder *w)
{
	return w->error[0] ? w->error : NULL;
}

__u64 recorder_written(const struct recorder *w, int stream)
{
	return w->stream[stream].written;
}

unsigned int recorder_parts(const struct recorder *w)
{
	return w->part.number + 1;
}

__u64 recorder_bytes(const struct recorder *w)
{
	return w->bytes + w->part.size;
}
