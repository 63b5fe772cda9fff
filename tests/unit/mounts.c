// SPDX-License-Identifier: GPL-2.0
/* The mount table from the text of /proc/self/mountinfo. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mounts.h"
#include "tap.h"

static struct mounts mounts;

static int parse(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret = mounts_parse(&mounts, file);

	fclose(file);
	return ret;
}

static void good(void)
{
	static const char text[] =
		"22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n"
		"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - xfs /dev/root rw,dax=always\n"
		"99 22 0:45 /a\\040b /mnt/with\\040blank\\011tab\\134back\\012line\\043hash rw shared:2 master:3 propagate_from:4 - "
		"btrfs /dev/mapper/a\\040b rw,subvol=/a\\040b\n"
		"100 22 0:46 / /no-source rw -  tmpfs rw\n"
		"101 22 0:46 / /no-source rw - tmpfs  rw\n"
		"102 22 4095:1048575 / /no-options ro - proc none\n"
		"18446744073709551615 22 0:47 / /large rw - fuse.sshfs user@host:/x rw";
	struct mount *m;
	int ret = parse(text);

	/* A type may not be missing. */
	is_int(ret, -EINVAL, "a line without a type");
	ok(!mounts.mount && !mounts.count, "leaves nothing behind");

	is_int(parse(strstr(text, "101")), 0, "an empty source, no options, no newline at the end");
	is_int(mounts.count, 3, "three mounts");
	m = mounts.mount;
	is_str(m[0].source, "", "the empty source");
	is_str(m[0].super_options, "rw", "and what follows it");
	is_u64(m[1].dev, 0xffffffff, "the largest device number");
	is_str(m[1].super_options, "", "no options");
	is_u64(m[2].id, ~0ULL, "the largest id");
	is_str(m[2].type, "fuse.sshfs", "a subtype");
	is_str(m[2].source, "user@host:/x", "a source that is no path");
	mounts_free(&mounts);
	ok(!mounts.mount && !mounts.count, "freed");
}

static void fields(void)
{
	struct mount *m;

	is_int(parse("22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n"
		     "36 35 98:0 /mnt1 /mnt2 rw,noatime - xfs /dev/root rw,dax=always\n"
		     "99 22 0:45 /a\\040b /mnt/with\\040blank\\011tab\\134back\\012line\\043hash rw shared:2 master:3 propagate_from:4 - "
		     "btrfs /dev/mapper/a\\040b rw,subvol=/a\n"
		     "7 1 0:1 / /odd\\04\\9\\800\\40x\\ rw - tmpfs a\\ rw\n"
		     "8 1 0:1 / /-/- rw - - - -\n"), 0, "five mounts");
	is_int(mounts.count, 5, "are five");
	m = mounts.mount;
	is_u64(m[0].id, 22, "id");
	is_u64(m[0].dev, 8 << 20 | 2, "device");
	is_str(m[0].root, "/", "root");
	is_str(m[0].point, "/", "mount point");
	is_str(m[0].options, "rw,relatime", "options");
	is_str(m[0].type, "ext4", "type");
	is_str(m[0].source, "/dev/sda2", "source");
	is_str(m[0].super_options, "rw,errors=remount-ro", "the superblock's options");
	is_str(m[1].root, "/mnt1", "a root that is a directory");
	is_str(m[1].type, "xfs", "no tags");
	is_u64(m[1].dev, 98 << 20, "minor 0");
	is_str(m[2].root, "/a b", "a blank in the root");
	is_str(m[2].point, "/mnt/with blank\ttab\\back\nline#hash", "blank, tab, backslash, newline and hash in the mount point");
	is_str(m[2].source, "/dev/mapper/a b", "a blank in the source");
	is_str(m[2].type, "btrfs", "several tags");
	is_str(m[3].point, "/odd\\04\\9\\800\\40x\\", "what is no escape stays");
	is_str(m[3].source, "a\\", "nor at the end of a word");
	is_str(m[4].point, "/-/-", "a - in a path");
	is_str(m[4].type, "-", "the first - of its own ends the tags");
	mounts_free(&mounts);
}

static void bad(void)
{
	static const char *const lines[] = {
		"\n", "22\n", "22 1\n", "22 1 8:2\n", "22 1 8:2 /\n", "22 1 8:2 / /\n", "22 1 8:2 / / rw\n", "22 1 8:2 / / rw -\n",
		"22 1 8:2 / / rw - ext4\n", "22 1 8:2 / / rw shared:1 ext4 /dev/sda2 rw\n", "x 1 8:2 / / rw - ext4 /dev/sda2 rw\n",
		"22x 1 8:2 / / rw - ext4 /dev/sda2 rw\n", "22 1 8 / / rw - ext4 /dev/sda2 rw\n", "22 1 8:2x / / rw - ext4 /dev/sda2 rw\n",
		"22 1 :2 / / rw - ext4 /dev/sda2 rw\n", "22  8:2 / / rw - ext4 /dev/sda2 rw\n", " 22 1 8:2 / / rw - ext4 /dev/sda2 rw\n",
	};
	char text[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "1 1 0:1 / /good rw - tmpfs none rw\n%s2 1 0:1 / /good rw - tmpfs none rw\n", lines[i]);
		ok(parse(text) == -EINVAL && !mounts.mount && !mounts.count, "refused: %s", lines[i]);
		mounts_free(&mounts);
	}
}

static void many(void)
{
	static char text[1 << 18];
	char *p = text;
	size_t i, wrong = 0;

	for (i = 0; i < 1000; i++)
		p += sprintf(p, "%zu 1 0:%zu / /mnt/%zu rw shared:%zu - tmpfs none rw\n", i, i, i, i);
	is_int(parse(text), 0, "a thousand mounts");
	is_int(mounts.count, 1000, "are a thousand");
	for (i = 0; i < mounts.count; i++)
		wrong += mounts.mount[i].id != i || mounts.mount[i].dev != i || strtoul(mounts.mount[i].point + 5, NULL, 10) != i;
	is_int(wrong, 0, "all right");
	mounts_free(&mounts);

	/* A path may be as long as the system allows, and four times that with its escapes. */
	p = text + sprintf(text, "1 1 0:1 / ");
	for (i = 0; i < 4095; i++)
		p += sprintf(p, "\\040");
	sprintf(p, " rw - tmpfs none rw\n");
	is_int(parse(text), 0, "a long path of blanks");
	is_int(mounts.count ? strlen(mounts.mount[0].point) : 0, 4095, "is as long");
	mounts_free(&mounts);
}

static void here(void)
{
	struct stat st;
	size_t i, roots = 0;

	is_int(mounts_read(&mounts), 0, "the own mount table is read");
	for (i = 0; i < mounts.count; i++)
		roots += !strcmp(mounts.mount[i].point, "/");
	ok(roots > 0 && !stat("/", &st), "and has the root");
	mounts_free(&mounts);
	is_u64(kernel_dev(makedev(8, 17)), 8 << 20 | 17, "the kernel's encoding of 8:17");
	is_u64(kernel_dev(makedev(259, 300000)), 259 << 20 | 300000, "of a large minor");
	is_u64(kernel_dev(makedev(4095, 1048575)), 0xffffffff, "of the largest");
}

int main(void)
{
	good();
	fields();
	bad();
	many();
	here();
	return done_testing();
}
