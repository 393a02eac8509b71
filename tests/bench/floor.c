/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attaches an empty program to each of the given tracepoints, and stays until it
 * is killed: what being called costs, below which no observer on these hooks can be.
 *
 * They are attached as shunt's are (BTF-typed, by raw tracepoint), so that the
 * kernel does the same for both before and after the program's own instructions.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* return 0; */
static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* The file descriptors are kept by nobody: they end with this process. */
static int attach(const char *tracepoint)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int type = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	int program;

	if (type < 0)
		return type;
	options.attach_btf_id = (__u32)type;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "floor", "GPL", nothing,
				sizeof(nothing) / sizeof(nothing[0]), &options);
	return program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: floor TRACEPOINT...\n", stderr);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		int r = attach(argv[i]);

		if (r < 0) {
			fprintf(stderr, "floor: %s: %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
