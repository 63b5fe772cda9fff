// SPDX-License-Identifier: GPL-2.0
/* Names of addresses: the kernel's table, symbol tables of files (right, odd and broken), the mappings of a process, and the cache. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stacks.h"
#include "tap.h"

static struct ksyms *parse(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	struct ksyms *ksyms = ksyms_parse(file);

	fclose(file);
	return ksyms;
}

static void named(const struct ksyms *ksyms, __u64 address, bool is_return, const char *expected)
{
	char text[FRAME_TEXT];

	is_str(ksyms_name(ksyms, address, is_return, text, sizeof(text)) ? text : NULL, expected, "0x%llx%s is %s", (unsigned long long)address,
	       is_return ? ", a return address," : "", expected ? expected : "not known");
}

static void kernel(void)
{
	struct ksyms *ksyms = parse("ffffffff81000000 T one\nffffffff81000100 t two\nffffffff81000180 d data\nffffffff81000200 W three\n"
				    "ffffffffc0001000 t in_xfs\t[xfs]\nffffffffc0000800 t first\t[xfs]\nffffffffc0003000 t in_dm\t[dm_mod]\n"
				    "ffffffffc0009000 t bpf_prog_1\t[bpf]\njunk\n0000000000000000 t zero\n");

	named(ksyms, 0xffffffff81000000, false, "one+0x0");
	named(ksyms, 0xffffffff810000ff, false, "one+0xff");
	named(ksyms, 0xffffffff81000100, false, "two+0x0");
	named(ksyms, 0xffffffff81000100, true, "one+0x100");
	named(ksyms, 0xffffffff81000190, false, "two+0x90");
	named(ksyms, 0xffffffff81000fff, false, "three+0xdff");
	named(ksyms, 0xffffffff81002000, false, NULL);
	named(ksyms, 0xffffffff80ffffff, false, NULL);
	named(ksyms, 0xffffffffc0000900, false, "first+0x100 [xfs]");
	named(ksyms, 0xffffffffc0001010, false, "in_xfs+0x10 [xfs]");
	named(ksyms, 0xffffffffc0002800, false, NULL);
	named(ksyms, 0xffffffffc0009100, true, "bpf_prog_1+0x100 [bpf]");
	named(ksyms, 0xffffffffc000a000, false, NULL);
	named(ksyms, 0, true, NULL);
	named(ksyms, 0, false, NULL);
	ksyms_free(ksyms);
	ok(!parse("0000000000000000 T one\n0000000000000000 T two\n"), "addresses that are hidden");
	ok(!parse(""), "an empty table");
}

/* Marked so that it has a symbol, and is found by it. */
__attribute__((noinline)) void stacks_test_function(void);
void stacks_test_function(void)
{
	asm volatile("nop; nop; nop; nop");
}

static void own_file(void)
{
	struct elf_symbols *symbols;
	int fd = open("/proc/self/exe", O_RDONLY);
	struct usyms *usyms = usyms_new();
	__u64 address[3] = { (__u64)stacks_test_function, (__u64)stacks_test_function + 2, 16 };
	char text[3][FRAME_TEXT];

	symbols = elf_symbols_read(fd);
	ok(symbols, "the symbols of this program");
	elf_symbols_free(symbols);
	close(fd);
	usyms_names(usyms, getpid(), address, 3, text);
	is_str(text[0], "stacks_test_function+0x0 [stacks]", "a function of this process");
	is_str(text[1], "stacks_test_function+0x2 [stacks]", "a return address into it");
	is_str(text[2], "0x10", "an address that is not mapped");
	address[0] = (__u64)strerror;
	usyms_names(usyms, getpid(), address, 1, text);
	ok(strstr(text[0], "+0x") && strchr(text[0], '['), "a function of a library, %s", text[0]);
	usyms_names(usyms, 4000000000u, address, 1, text);
	ok(!strncmp(text[0], "0x", 2), "a process that there is not");
	usyms_free(usyms);
}

/* A file of one segment and as many symbols as said, of which a byte may be damaged. */
static int make_elf(unsigned char *at, const Elf64_Sym *sym, size_t count, const char *names, size_t names_size)
{
	Elf64_Ehdr *header = (void *)at;
	Elf64_Phdr *segment = (void *)(at + sizeof(*header));
	Elf64_Shdr *section = (void *)(at + 256);

	memset(at, 0, 4096);
	memcpy(header->e_ident, "\177ELF\2\1\1", 7);
	*header = (Elf64_Ehdr) { .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .e_phoff = sizeof(*header), .e_phentsize = sizeof(*segment), .e_phnum = 1,
				 .e_shoff = 256, .e_shentsize = sizeof(*section), .e_shnum = 3 };
	*segment = (Elf64_Phdr) { .p_type = PT_LOAD, .p_filesz = 4096, .p_vaddr = 0x10000 };
	section[1] = (Elf64_Shdr) { .sh_type = SHT_SYMTAB, .sh_offset = 1024, .sh_size = count * sizeof(*sym), .sh_entsize = sizeof(*sym), .sh_link = 2 };
	section[2] = (Elf64_Shdr) { .sh_type = SHT_STRTAB, .sh_offset = 2048, .sh_size = names_size };
	memcpy(at + 1024, sym, count * sizeof(*sym));
	memcpy(at + 2048, names, names_size);
	return 4096;
}

static const char *symbol(int fd, const unsigned char *bytes, size_t size, __u64 vaddr)
{
	static char text[5000];
	struct elf_symbols *symbols;
	const char *name = NULL;
	__u64 offset = 0;

	if (ftruncate(fd, 0) || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		return "not written";
	symbols = elf_symbols_read(fd);
	if (symbols)
		name = elf_symbols_name(symbols, vaddr, &offset);
	if (name)
		snprintf(text, sizeof(text), "%s+%llu", name, (unsigned long long)offset);
	elf_symbols_free(symbols);
	return name ? text : NULL;
}

static void files(void)
{
	static const char names[] = "\0outer\0inner\0nosize\0object\0undefined";
	unsigned char info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	const Elf64_Sym sym[] = {
		{}, { .st_name = 1, .st_info = info, .st_shndx = 1, .st_value = 0x10100, .st_size = 0x100 },
		{ .st_name = 7, .st_info = info, .st_shndx = 1, .st_value = 0x10110, .st_size = 0x10 },
		{ .st_name = 13, .st_info = info, .st_shndx = 1, .st_value = 0x10300 },
		{ .st_name = 20, .st_info = STT_OBJECT, .st_shndx = 1, .st_value = 0x10400, .st_size = 8 },
		{ .st_name = 27, .st_info = info, .st_shndx = SHN_UNDEF, .st_value = 0x10500, .st_size = 8 },
		{ .st_name = 4000000000u, .st_info = info, .st_shndx = 1, .st_value = 0x10600, .st_size = 8 },
	};
	static unsigned char good[4096], bad[4096];
	int fd = memfd_create("elf", 0), size = make_elf(good, sym, ARRAY_SIZE(sym), names, sizeof(names));
	unsigned int seed = 1;
	size_t i;

	is_str(symbol(fd, good, size, 0x10100), "outer+0", "the first byte of a function");
	is_str(symbol(fd, good, size, 0x10115), "inner+5", "a function inside another");
	is_str(symbol(fd, good, size, 0x10130), "outer+48", "behind the inner one");
	is_str(symbol(fd, good, size, 0x101ff), "outer+255", "its last byte");
	is_str(symbol(fd, good, size, 0x10200), NULL, "behind it");
	is_str(symbol(fd, good, size, 0x100ff), NULL, "before the first");
	is_str(symbol(fd, good, size, 0x10300), NULL, "a function without a size");
	is_str(symbol(fd, good, size, 0x10400), NULL, "no function");
	is_str(symbol(fd, good, size, 0x10500), NULL, "one that is in another file");
	is_str(symbol(fd, good, size, 0x10600), NULL, "one whose name is not in the file");
	for (i = 0; i < 4096; i += 64)
		symbol(fd, good, i, 0x10100);
	ok(true, "files that end early");
	for (i = 0; i < 20000; i++) {
		int flips = 1 + i % 3;

		memcpy(bad, good, sizeof(bad));
		while (flips--) {
			seed = seed * 1103515245 + 12345;
			bad[(seed >> 8) % (i % 2 ? 512 : 2100)] = seed >> 24;
		}
		symbol(fd, bad, size, 0x10100 + i % 1024);
	}
	ok(true, "twenty thousand damaged ones");
	close(fd);
}

static __u64 addresses[4][STACK_DEPTH];
static int reads;

static int read_stack(void *ctx, __u32 id, __u64 address[STACK_DEPTH])
{
	(void)ctx;
	reads++;
	if (id > 3)
		return -ENOENT;
	memcpy(address, addresses[id], sizeof(addresses[id]));
	return 0;
}

static void cache(void)
{
	struct stacks *stacks = stacks_new(read_stack, NULL, parse("1000 T __bpf_trace_x\n2000 T bpf_prog_1\n3000 T caller\n4000 T bad\"na\\me;,\x80\n5000 T end\n"),
					   true);
	const struct frames *frames;
	pid_t child;
	int i;

	addresses[0][0] = 0x2010;
	addresses[0][1] = 0x9999999;
	addresses[0][2] = 0x1010;
	addresses[0][3] = 0x3010;
	addresses[0][4] = 0x4001;
	frames = stacks_kernel(stacks, 0);
	ok(frames && frames->count == 2, "the frames of the observer itself are left out");
	is_str(frames ? frames->name[0] : NULL, "caller+0x10", "the first of the others");
	is_str(frames ? frames->name[1] : NULL, "bad?na?me???+0x1", "a name that would spoil the line");
	reads = 0;
	ok(stacks_kernel(stacks, 0) == frames && !reads, "the same again is from the cache");
	ok(!stacks_kernel(stacks, -17) && !stacks_kernel(stacks, 4) && !stacks_kernel(stacks, 1), "none, one that is gone, one that is empty");
	addresses[2][0] = 0x2010;
	frames = stacks_kernel(stacks, 2);
	ok(frames && frames->count == 1, "one that has nothing else stays as it is");
	for (i = 0; i < STACK_DEPTH; i++)
		addresses[3][i] = 0x3000 + i;
	frames = stacks_kernel(stacks, 3);
	ok(frames && frames->count == STACK_DEPTH, "as deep as there is room");

	/* A process that ends: what was named before holds, what was not is an address. */
	addresses[1][0] = (__u64)stacks_test_function;
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	frames = stacks_user(stacks, 1, child);
	is_str(frames ? frames->name[0] : NULL, "stacks_test_function+0x0 [stacks]", "a function of a child");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	frames = stacks_user(stacks, 1, child);
	is_str(frames ? frames->name[0] : NULL, "stacks_test_function+0x0 [stacks]", "the same when it has ended");
	addresses[2][0] = (__u64)stacks_test_function + 1;
	frames = stacks_user(stacks, 2, child);
	ok(frames && !strncmp(frames->name[0], "0x", 2), "another one then is an address");
	stacks_free(stacks);

	stacks = stacks_new(read_stack, NULL, NULL, false);
	frames = stacks_kernel(stacks, 0);
	is_str(frames ? frames->name[0] : NULL, "0x2010", "without a table: addresses");
	frames = stacks_user(stacks, 1, getpid());
	ok(frames && !strncmp(frames->name[0], "0x", 2), "process numbers of another namespace: addresses");
	stacks_free(stacks);
}

int main(void)
{
	kernel();
	own_file();
	files();
	cache();
	return done_testing();
}
