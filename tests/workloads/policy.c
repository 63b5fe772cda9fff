// SPDX-License-Identifier: GPL-2.0
/*
 * policy FILE		attaches each struct_ops of a BPF object, prints "attached", and detaches when its standard input ends
 *
 * What is refused is one line: "refused WHERE ERRNO", and then all that libbpf and the verifier have to say; status 1. WHERE is open, load or attach.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define LINKS_MAX 4

static char said[1 << 20];
static size_t used;

/* Kept, so that the first line says what has become of it. */
static int on_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && used < sizeof(said) - 1) {
		int n = vsnprintf(said + used, sizeof(said) - used, format, args);

		used += n < (int)(sizeof(said) - used) ? (size_t)n : sizeof(said) - used - 1;
	}
	return 0;
}

static int refused(const char *where, int error)
{
	printf("refused %s %s\n%s\n", where, strerrorname_np(error), said);
	return 1;
}

int main(int argc, char **argv)
{
	struct bpf_link *link[LINKS_MAX];
	struct bpf_object *object;
	struct bpf_map *map;
	int links = 0;
	char junk;

	if (argc != 2) {
		fprintf(stderr, "usage: policy FILE\n");
		return 2;
	}
	libbpf_set_print(on_libbpf);
	object = bpf_object__open(argv[1]);
	if (!object)
		return refused("open", errno);
	if (bpf_object__load(object))
		return refused("load", errno);
	bpf_object__for_each_map(map, object) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS || links == LINKS_MAX)
			continue;
		link[links] = bpf_map__attach_struct_ops(map);
		if (!link[links])
			return refused("attach", errno);
		links++;
	}
	printf("attached\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &junk, 1) > 0)
		;
	while (links)
		bpf_link__destroy(link[--links]);
	bpf_object__close(object);
	return 0;
}
