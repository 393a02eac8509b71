/* SPDX-License-Identifier: GPL-2.0 */
/*
 * witness FILE: keeps in FILE how many closes the kernel has told to no program, for as long as it
 * lives; see witness.bpf.c.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "witness.skel.h"

#define PERIOD_USEC 50000

static void tell(const char *path, uint64_t unseen)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%lu\n", unseen) < 0 || fclose(file))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct witness_bpf *bpf;
	uint64_t told = 0;

	if (argc != 2) {
		fputs("usage: witness FILE\n", stderr);
		return 2;
	}
	bpf = witness_bpf__open_and_load();
	if (!bpf || witness_bpf__attach(bpf))
		err(1, "bpf");
	for (tell(argv[1], 0);; usleep(PERIOD_USEC)) {
		uint64_t unseen = *(volatile __u64 *)&bpf->bss->witness_unseen;

		if (unseen != told)
			tell(argv[1], unseen);
		told = unseen;
	}
}
