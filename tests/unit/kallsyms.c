// SPDX-License-Identifier: GPL-2.0
/* The callers of iomap_iter() from the text of /proc/kallsyms. */
#include <stdlib.h>

#include "kallsyms.h"
#include "schema.h"
#include "tap.h"

static struct caller_range ranges[RANGE_MAX];
static unsigned int count;

static enum callers_state parse_room(const char *text, unsigned int room)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	enum callers_state state;

	memset(ranges, 0xa5, sizeof(ranges));
	state = callers_parse(file, ranges, room, &count);
	fclose(file);
	return state;
}

static enum callers_state parse(const char *text)
{
	return parse_room(text, RANGE_MAX);
}

static void is_range(unsigned int i, __u64 start, __u64 end, unsigned int op, const char *what)
{
	ok(i < count && ranges[i].start == start && ranges[i].end == end && ranges[i].op == op, "%s", what);
	if (tap_failed && i < count)
		printf("# %llx-%llx %llu\n", (unsigned long long)ranges[i].start, (unsigned long long)ranges[i].end,
		       (unsigned long long)ranges[i].op);
}

static void real(void)
{
	static const char text[] =
		"0000000000000000 A fixed_percpu_data\n"
		"ffffffff81000000 T _stext\n"
		"ffffffff81300000 T iomap_iter\n"
		"ffffffff81300100 T __pfx_iomap_seek_hole\n"
		"ffffffff81300110 T iomap_seek_hole\n"
		"ffffffff81300200 t __pfx_iomap_seek_data_iter\n"
		"ffffffff81300210 t iomap_seek_data_iter\n"
		"ffffffff81300300 T iomap_seek_data\n"
		"ffffffff81300400 T __iomap_dio_rw\n"
		"ffffffff81300900 T iomap_dio_rw\n"
		"ffffffff81300980 t dax_iomap_pte_fault.isra.0\n"
		"ffffffff81300a80 T dax_iomap_rw\n"
		"ffffffff81300b80 W weak_function\n"
		"ffffffff81300c00 t iomap_zero_range.constprop.0\n"
		"ffffffff81300d00 T iomap_file_buffered_write_not\n"
		"ffffffff82000000 D iomap_fiemap\n"
		"ffffffff82000100 d iomap_bmap\n"
		"ffffffff83000000 t __iomap_dio_rw.cold\n"
		"ffffffff83000040 t iomap_seek_data.isra.0.cold\n"
		"ffffffff83000080 t unlikely_end\n"
		"ffffffffc0000000 t iomap_readahead\t[iomap]\n"
		"ffffffffc0001000 T iomap_bmap\n";

	is_int(parse(text), CALLERS_FOUND, "a kernel's symbols");
	is_int(count, 9, "nine ranges");
	is_range(0, 0xffffffff81300110, 0xffffffff81300200, OP_SEEK_HOLE, "a function ends at the next one's padding");
	is_range(1, 0xffffffff81300300, 0xffffffff81300400, OP_SEEK_DATA, "seek_data, not seek_data_iter");
	is_range(2, 0xffffffff81300400, 0xffffffff81300900, CALLER_DIO, "a name with two underscores");
	is_range(3, 0xffffffff81300900, 0xffffffff81300980, CALLER_DIO, "direct I/O");
	is_range(4, 0xffffffff81300980, 0xffffffff81300a80, OP_DAX_FAULT_PTE, "a part .isra.0");
	is_range(5, 0xffffffff81300a80, 0xffffffff81300b80, CALLER_DAX_RW, "dax, up to a weak symbol");
	is_range(6, 0xffffffff81300c00, 0xffffffff81300d00, OP_ZERO, "a part .constprop.0");
	is_range(7, 0xffffffff83000000, 0xffffffff83000040, CALLER_DIO, "a part .cold");
	is_range(8, 0xffffffff83000040, 0xffffffff83000080, OP_SEEK_DATA, "a part .isra.0.cold");
	/* Data of the same name, names that go on, and all from the first module on are left out: there is no tenth. */
}

static void order(void)
{
	unsigned int i, wrong = 0;

	is_int(parse("3000 T iomap_fiemap\n1000 T iomap_bmap\n4000 T end\n2000 T between\n"), CALLERS_FOUND, "symbols in disorder");
	is_int(count, 2, "two ranges");
	is_range(0, 0x1000, 0x2000, OP_BMAP, "the first ends at the next address, whatever the order");
	is_range(1, 0x3000, 0x4000, OP_FIEMAP, "so does the second");

	is_int(parse("1000 T alias\n1000 T iomap_bmap\n1000 T other_alias\n2000 T end\n"), CALLERS_FOUND, "aliases");
	is_int(count, 1, "one range");
	is_range(0, 0x1000, 0x2000, OP_BMAP, "which ends behind all of them");

	is_int(parse("1000 T iomap_bmap\n1000 T iomap_fiemap\n2000 T end\n"), CALLERS_FOUND, "two callers at one address");
	is_int(count, 1, "are one range");

	is_int(parse("1000 T end\n2000 T iomap_bmap\n"), CALLERS_HIDDEN, "a last function without an end is no range");
	is_int(count, 0, "and there is none");

	/* Each caller of the table, in disorder. */
	{
		static char text[8192];
		char *p = text;

		for (i = 0; i < caller_count; i++)
			p += sprintf(p, "%x t %s\n", 0x1000 + (unsigned int)((i * 7) % caller_count) * 0x100, callers[i].function);
		sprintf(p, "%x T end\n", 0x1000 + (unsigned int)caller_count * 0x100);
		is_int(parse(text), CALLERS_FOUND, "every caller");
		is_int(count, caller_count, "has its range");
		for (i = 0; i < count; i++)
			wrong += ranges[(i * 7) % caller_count].op != callers[i].op ||
				 ranges[i].start != 0x1000 + i * 0x100 || ranges[i].end != 0x1100 + i * 0x100;
		is_int(wrong, 0, "sorted, without overlap, with the right operation");
	}
}

static void hidden(void)
{
	is_int(parse("0000000000000000 T iomap_iter\n0000000000000000 T iomap_seek_data\n0000000000000000 T iomap_bmap\n"),
	       CALLERS_HIDDEN, "all addresses are 0");
	is_int(count, 0, "no range");
	is_int(parse("0000000000000000 T vfs_read\n0000000000000000 T vfs_write\n"), CALLERS_NONE, "hidden, and no caller");
	is_int(parse("1000 T vfs_read\n2000 T vfs_write\n"), CALLERS_NONE, "a kernel without iomap");
	is_int(parse("1000 T iomap_seek_dat\n2000 T iomap_seek_dataa\n3000 T xiomap_seek_data\n4000 T iomap_\n5000 T iomap_seek_data2.cold\n"
		     "6000 T end\n"), CALLERS_NONE, "names that are nearly callers");
	is_int(parse("\n"), CALLERS_NONE, "an empty line");
	is_int(parse("1000 T a\t[m]\n2000 T iomap_bmap\n3000 T end\n"), CALLERS_NONE, "nothing is read behind the first module");
	is_int(parse("junk\n1000\n1000 \n1000 T\n1000 T \n 2000 x y z\nT iomap_bmap\niomap_bmap\n1000 Tiomap_bmap\n"), CALLERS_NONE,
	       "lines that are none");
	is_int(parse("1000 T iomap_bmap\n2000 T end"), CALLERS_FOUND, "no newline at the end");
	is_range(0, 0x1000, 0x2000, OP_BMAP, "is no matter");
}

static void much(void)
{
	static char text[1 << 22];
	char *p = text;
	int i;

	is_int(parse_room("1000 T iomap_bmap\n2000 T iomap_fiemap\n3000 T iomap_seek_data\n4000 T end\n", 2), CALLERS_FOUND,
	       "more callers than room");
	is_int(count, 2, "as many as there is room for");
	ok(ranges[2].op == 0xa5a5a5a5a5a5a5a5, "and not one more");

	for (i = 0; i < 100000; i++)
		p += sprintf(p, "%x t function_%d\n", 0x10000 + i * 16, i);
	p += sprintf(p, "%x t iomap_bmap\n%x t end\n", 0x10000 + i * 16, 0x10010 + i * 16);
	is_int(parse(text), CALLERS_FOUND, "a hundred thousand symbols");
	is_int(count, 1, "one range");
	is_range(0, 0x10000 + 1600000, 0x10010 + 1600000, OP_BMAP, "the right one");

	/* Rust's names are long. */
	p = text + sprintf(text, "1000 T iomap_bmap\n2000 t ");
	memset(p, 'R', 5000);
	strcpy(p + 5000, "\n3000 T iomap_fiemap\n4000 T end\n");
	is_int(parse(text), CALLERS_FOUND, "a name of 5000 characters");
	is_int(count, 2, "two ranges around it");
	is_range(0, 0x1000, 0x2000, OP_BMAP, "before it");
	is_range(1, 0x3000, 0x4000, OP_FIEMAP, "after it");
}

int main(void)
{
	real();
	order();
	hidden();
	much();
	callers_read(ranges, RANGE_MAX, &count);
	ok(count <= RANGE_MAX, "the running kernel's symbols are read");
	return done_testing();
}
