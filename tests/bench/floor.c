/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attaches an empty program to each of the given tracepoints, and stays until it
 * is killed: what being called costs, below which no observer on these hooks can be.
 * The program on the tracepoint that --clock names looks at the clock: below that can be
 * none that measures durations there.
 *
 * They are attached as shunt's are (BTF-typed, by raw tracepoint), so that the
 * kernel does the same for both before and after the program's own instructions.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* return 0; */
static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* bpf_ktime_get_ns(); return 0; */
static const struct bpf_insn clock_alone[] = {
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* The file descriptors are kept by nobody: they end with this process. */
static int attach(const char *tracepoint, const struct bpf_insn *insns, size_t count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int type = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	int program;

	if (type < 0)
		return type;
	options.attach_btf_id = (__u32)type;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "floor", "GPL", insns, count, &options);
	return program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);
}

int main(int argc, char **argv)
{
	bool timed = argc > 3 && !strcmp(argv[1], "--clock");
	int first = timed ? 3 : 1;

	if (argc <= first) {
		fputs("usage: floor [--clock TRACEPOINT] TRACEPOINT...\n", stderr);
		return 2;
	}
	for (int i = first; i < argc; i++) {
		bool looks = timed && !strcmp(argv[i], argv[2]);
		int r = looks ? attach(argv[i], clock_alone, ARRAY_SIZE(clock_alone))
			      : attach(argv[i], nothing, ARRAY_SIZE(nothing));

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
