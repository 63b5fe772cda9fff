// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usyms.h"

#define OBJECTS		64		/* files whose symbols are kept */
#define MAPPINGS	4096		/* of one process */
#define SEGMENTS	32
#define TABLE_MAX	(64u << 20)	/* larger ones are not read */

struct segment {
	__u64 offset, size, vaddr;
};

struct elf_symbols {
	struct segment segment[SEGMENTS];
	unsigned int segments;
	Elf64_Sym *sym;			/* functions with a size, by address */
	size_t count;
	char *names;
	size_t names_size;
};

struct mapping {
	__u64 start, end, offset, ino;
	char name[FRAME_TEXT / 2];	/* the file's, without its directories */
	char *path;
};

struct object {
	__u64 dev, ino, mtime, size;
	__u32 used_at;
	struct elf_symbols *symbols;	/* NULL: it has none that can be read */
	bool taken;
};

struct usyms {
	struct object object[OBJECTS];
	__u32 clock;
};

struct usyms *usyms_new(void)
{
	return calloc(1, sizeof(struct usyms));
}

void usyms_free(struct usyms *usyms)
{
	int i;

	if (!usyms)
		return;
	for (i = 0; i < OBJECTS; i++)
		elf_symbols_free(usyms->object[i].symbols);
	free(usyms);
}

static bool read_at(int fd, void *buffer, size_t size, __u64 offset)
{
	return offset < 1ULL << 62 && pread(fd, buffer, size, offset) == (ssize_t)size;
}

/* Allocated, with a NUL behind it. */
static void *read_table(int fd, __u64 size, __u64 offset)
{
	char *table = size && size <= TABLE_MAX ? malloc(size + 1) : NULL;

	if (!table)
		return NULL;
	if (!read_at(fd, table, size, offset)) {
		free(table);
		return NULL;
	}
	table[size] = 0;
	return table;
}

static int by_value(const void *a, const void *b)
{
	const Elf64_Sym *x = a, *y = b;

	return x->st_value < y->st_value ? -1 : x->st_value > y->st_value;
}

static void take_segments(struct elf_symbols *symbols, int fd, const Elf64_Ehdr *header)
{
	unsigned int i;

	for (i = 0; i < header->e_phnum && symbols->segments < SEGMENTS; i++) {
		Elf64_Phdr segment;

		if (!read_at(fd, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment)))
			return;
		if (segment.p_type == PT_LOAD)
			symbols->segment[symbols->segments++] = (struct segment) { segment.p_offset, segment.p_filesz, segment.p_vaddr };
	}
}

/* The whole table if there is one, otherwise that of the dynamic linker. */
static void take_symbols(struct elf_symbols *symbols, int fd, const Elf64_Ehdr *header)
{
	Elf64_Shdr *section = header->e_shentsize == sizeof(*section) ? read_table(fd, header->e_shnum * sizeof(*section), header->e_shoff) : NULL;
	const Elf64_Shdr *table = NULL, *names;
	size_t i, count;

	for (i = 0; section && i < header->e_shnum; i++) {
		if (section[i].sh_type == SHT_SYMTAB || (section[i].sh_type == SHT_DYNSYM && !table))
			table = &section[i];
	}
	if (!table || table->sh_entsize != sizeof(*symbols->sym) || table->sh_link >= header->e_shnum) {
		free(section);
		return;
	}
	names = &section[table->sh_link];
	symbols->names_size = names->sh_size;
	symbols->names = read_table(fd, names->sh_size, names->sh_offset);
	symbols->sym = symbols->names ? read_table(fd, table->sh_size, table->sh_offset) : NULL;
	count = symbols->sym ? table->sh_size / sizeof(*symbols->sym) : 0;
	free(section);
	for (i = 0; i < count; i++) {
		const Elf64_Sym *sym = &symbols->sym[i];
		int type = ELF64_ST_TYPE(sym->st_info);

		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_shndx == SHN_UNDEF || !sym->st_size ||
		    sym->st_name >= symbols->names_size)
			continue;
		symbols->sym[symbols->count++] = *sym;
	}
	if (symbols->count)
		qsort(symbols->sym, symbols->count, sizeof(*symbols->sym), by_value);
}

struct elf_symbols *elf_symbols_read(int fd)
{
	static const unsigned char ident[] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB,
	};
	struct elf_symbols *symbols;
	Elf64_Ehdr header;

	if (!read_at(fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ident, sizeof(ident)) ||
	    header.e_phentsize != sizeof(Elf64_Phdr))
		return NULL;
	symbols = calloc(1, sizeof(*symbols));
	if (!symbols)
		return NULL;
	take_segments(symbols, fd, &header);
	take_symbols(symbols, fd, &header);
	return symbols;
}

void elf_symbols_free(struct elf_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->sym);
	free(symbols->names);
	free(symbols);
}

const char *elf_symbols_name(const struct elf_symbols *symbols, __u64 vaddr, __u64 *offset)
{
	size_t low = 0, high = symbols->count, back;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (symbols->sym[mid].st_value <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	/* Some begin inside others. */
	for (back = 0; back < 4 && low; back++, low--) {
		const Elf64_Sym *sym = &symbols->sym[low - 1];

		if (vaddr - sym->st_value < sym->st_size) {
			*offset = vaddr - sym->st_value;
			return symbols->names + sym->st_name;
		}
	}
	return NULL;
}

/* The address in the file, as its symbols count, of a place in the file. */
static bool vaddr_of(const struct elf_symbols *symbols, __u64 offset, __u64 *vaddr)
{
	unsigned int i;

	for (i = 0; i < symbols->segments; i++) {
		const struct segment *segment = &symbols->segment[i];

		if (offset - segment->offset < segment->size) {
			*vaddr = offset - segment->offset + segment->vaddr;
			return true;
		}
	}
	return false;
}

/* start-end perms offset major:minor inode path */
static struct mapping *read_mappings(__u32 pid, size_t *count)
{
	struct mapping *mappings = NULL;
	char name[48], *line = NULL;
	size_t size = 0, room = 0;
	FILE *file;

	*count = 0;
	snprintf(name, sizeof(name), "/proc/%u/maps", pid);
	file = fopen(name, "re");
	if (!file)
		return NULL;
	while (*count < MAPPINGS && getline(&line, &size, file) > 0) {
		unsigned long long start, end, offset, ino;
		struct mapping *mapping;
		const char *slash;
		char executable;
		int at = 0;

		if (sscanf(line, "%llx-%llx %*c%*c%c%*c %llx %*x:%*x %llu %n", &start, &end, &executable, &offset, &ino, &at) < 5 || !at ||
		    executable != 'x')
			continue;
		if (*count == room) {
			struct mapping *more = realloc(mappings, (room + 64) * sizeof(*more));

			if (!more)
				break;
			mappings = more;
			room += 64;
		}
		line[strcspn(line, "\n")] = 0;
		slash = strrchr(line + at, '/');
		mapping = &mappings[(*count)++];
		*mapping = (struct mapping) { .start = start, .end = end, .offset = offset, .ino = ino, .path = strdup(line + at) };
		snprintf(mapping->name, sizeof(mapping->name), "%.*s", (int)sizeof(mapping->name) - 1, slash ? slash + 1 : line + at);
	}
	free(line);
	fclose(file);
	return mappings;
}

/* The symbols of the file that is mapped, NULL if it cannot be read, or is not there any more. */
static const struct elf_symbols *symbols_of(struct usyms *usyms, __u32 pid, const struct mapping *mapping)
{
	struct object *object = NULL, *oldest = usyms->object;
	const struct elf_symbols *symbols = NULL;
	char path[4200];
	struct stat st;
	int fd, i;

	if (!mapping->ino || !mapping->path || mapping->path[0] != '/')
		return NULL;
	/* By the process' own root: it may be in a container. A pipe in its place must not hold us up. */
	snprintf(path, sizeof(path), "/proc/%u/root%.4100s", pid, mapping->path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_ino == mapping->ino) {
		__u64 mtime = st.st_mtim.tv_sec * 1000000000ULL + st.st_mtim.tv_nsec;

		for (i = 0; i < OBJECTS && !object; i++) {
			struct object *one = &usyms->object[i];

			if (one->taken && one->dev == st.st_dev && one->ino == st.st_ino && one->mtime == mtime && one->size == (__u64)st.st_size)
				object = one;
			else if ((__s32)(one->used_at - oldest->used_at) < 0)
				oldest = one;
		}
		if (!object) {
			object = oldest;
			elf_symbols_free(object->symbols);
			*object = (struct object) { .dev = st.st_dev, .ino = st.st_ino, .mtime = mtime, .size = st.st_size, .taken = true };
			object->symbols = elf_symbols_read(fd);
		}
		object->used_at = ++usyms->clock;
		symbols = object->symbols;
	}
	close(fd);
	return symbols;
}

static void name_one(struct usyms *usyms, __u32 pid, const struct mapping *mapping, __u64 address, bool is_return, char *text)
{
	const struct elf_symbols *symbols = symbols_of(usyms, pid, mapping);
	__u64 at = address - is_return, vaddr = at - mapping->start + mapping->offset, offset = 0;
	const char *name = NULL;

	if (symbols && vaddr_of(symbols, vaddr, &vaddr))
		name = elf_symbols_name(symbols, vaddr, &offset);
	if (name)
		snprintf(text, FRAME_TEXT, "%.64s+0x%llx [%.64s]", name, (unsigned long long)(offset + is_return), mapping->name);
	else if (mapping->name[0])
		snprintf(text, FRAME_TEXT, "%.64s+0x%llx", mapping->name, (unsigned long long)(vaddr + is_return));
	else
		snprintf(text, FRAME_TEXT, "0x%llx", (unsigned long long)address);
}

void usyms_names(struct usyms *usyms, __u32 pid, const __u64 *address, unsigned int count, char (*text)[FRAME_TEXT])
{
	struct mapping *mappings;
	size_t mapping_count, m;
	unsigned int i;

	mappings = pid ? read_mappings(pid, &mapping_count) : NULL;
	for (i = 0; i < count; i++) {
		__u64 at = address[i] - (i > 0);

		snprintf(text[i], FRAME_TEXT, "0x%llx", (unsigned long long)address[i]);
		for (m = 0; mappings && m < mapping_count; m++) {
			if (at >= mappings[m].start && at < mappings[m].end)
				name_one(usyms, pid, &mappings[m], address[i], i > 0, text[i]);
		}
	}
	for (m = 0; mappings && m < mapping_count; m++)
		free(mappings[m].path);
	free(mappings);
}
