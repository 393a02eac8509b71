/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attaches an empty program to each of the given tracepoints, and stays until it
 * is killed: what being called costs, below which no observer on these hooks can be.
 * The program on the tracepoint that --clock, --look or --fields names does a little more;
 * see floor.bpf.c.
 *
 * They are attached as shunt's are (BTF-typed, by raw tracepoint), so that the
 * kernel does the same for both before and after the program's own instructions.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "floor.skel.h"

/* Nobody keeps the object: it ends with this process. */
static int attach(const char *tracepoint, const char *name)
{
	struct floor_bpf *bpf = floor_bpf__open();
	struct bpf_program *program, *chosen;
	int error;

	if (!bpf)
		return -errno;
	chosen = bpf_object__find_program_by_name(bpf->obj, name);
	if (!chosen)
		return -ENOENT;
	bpf_object__for_each_program(program, bpf->obj)
		bpf_program__set_autoload(program, program == chosen);
	error = bpf_program__set_attach_target(chosen, 0, tracepoint);
	if (!error)
		error = floor_bpf__load(bpf);
	return error ? error : floor_bpf__attach(bpf);
}

int main(int argc, char **argv)
{
	bool more = argc > 3 && !strncmp(argv[1], "--", 2);
	int first = more ? 3 : 1;

	if (argc <= first) {
		fputs("usage: floor [--clock|--look|--fields TRACEPOINT] TRACEPOINT...\n", stderr);
		return 2;
	}
	for (int i = first; i < argc; i++) {
		const char *name = more && !strcmp(argv[i], argv[2]) ? argv[1] + 2 : "empty";
		int error = attach(argv[i], name);

		if (error) {
			fprintf(stderr, "floor: %s: %s\n", argv[i], strerror(-error));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
