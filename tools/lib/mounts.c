// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "mounts.h"

__u32 kernel_dev(__u64 dev)
{
	return major(dev) << 20 | minor(dev);
}

/* The kernel writes blank, tab, newline and backslash as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
		    text[3] >= '0' && text[3] <= '7') {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

static char *take_word(char **rest)
{
	char *word = strsep(rest, " ");

	return word && *word ? word : NULL;
}

/* id parent major:minor root point options [tag...] - type source super-options */
static int parse_line(struct mount *mount, char *line)
{
	char *id, *parent, *dev, *root, *point, *options, *tag, *type, *source, *super, *end;
	unsigned int major, minor;
	char junk;

	id = take_word(&line);
	parent = take_word(&line);
	if (!id || !parent)
		return -EINVAL;
	dev = take_word(&line);
	root = take_word(&line);
	point = take_word(&line);
	options = take_word(&line);
	if (!dev || !root || !point || !options)
		return -EINVAL;
	do {
		tag = take_word(&line);
		if (!tag)
			return -EINVAL;
	} while (strcmp(tag, "-"));
	type = take_word(&line);
	source = strsep(&line, " ");		/* may be empty */
	super = strsep(&line, " ");
	if (!type || !source)
		return -EINVAL;
	mount->id = strtoull(id, &end, 10);
	mount->parent = strtoull(parent, NULL, 10);
	if (*end || sscanf(dev, "%u:%u%c", &major, &minor, &junk) != 2)
		return -EINVAL;
	mount->dev = major << 20 | minor;
	unescape(root);
	unescape(point);
	unescape(source);
	mount->root = strdup(root);
	mount->point = strdup(point);
	mount->type = strdup(type);
	mount->source = strdup(source);
	mount->options = strdup(options);
	mount->super_options = strdup(super ? super : "");
	if (!mount->root || !mount->point || !mount->type || !mount->source || !mount->options || !mount->super_options)
		return -ENOMEM;
	return 0;
}

int mounts_parse(struct mounts *mounts, FILE *file)
{
	size_t room = 0, size = 0;
	char *line = NULL;
	ssize_t len;
	int ret = 0;

	memset(mounts, 0, sizeof(*mounts));
	while (!ret && (len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = 0;
		if (mounts->count == room) {
			struct mount *more;

			room = room ? 2 * room : 32;
			more = realloc(mounts->mount, room * sizeof(*more));
			if (!more) {
				ret = -ENOMEM;
				break;
			}
			mounts->mount = more;
		}
		memset(&mounts->mount[mounts->count], 0, sizeof(*mounts->mount));
		ret = parse_line(&mounts->mount[mounts->count++], line);
	}
	if (!ret && ferror(file))
		ret = -EIO;
	free(line);
	if (ret)
		mounts_free(mounts);
	return ret;
}

int mounts_read_file(struct mounts *mounts, const char *name)
{
	FILE *file = fopen(name, "re");
	int ret;

	if (!file)
		return -errno;
	ret = mounts_parse(mounts, file);
	fclose(file);
	return ret;
}

int mounts_read(struct mounts *mounts)
{
	return mounts_read_file(mounts, "/proc/self/mountinfo");
}

void mounts_free(struct mounts *mounts)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		struct mount *mount = &mounts->mount[i];

		free(mount->root);
		free(mount->point);
		free(mount->type);
		free(mount->source);
		free(mount->options);
		free(mount->super_options);
	}
	free(mounts->mount);
	memset(mounts, 0, sizeof(*mounts));
}
