/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an observer cannot do without: to be called; where it measures how long an answer took,
 * to look at the clock; and to look at the socket, for whether it was an answer.  None of them
 * keeps anything.  floor.c attaches them.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../../bpf/socket.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf")
int empty(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("tp_btf")
int clock(void *ctx)
{
	(void)ctx;
	return bpf_ktime_get_ns() & 1;
}

/* What was sent, and when: once for each segment that comes. */
SEC("tp_btf")
int BPF_PROG(look, struct sock *sk)
{
	const struct tcp_sock *tcp = tcp_of(sk);

	if (!tcp)
		return 0;
	return (bpf_ktime_get_ns() + tcp->snd_nxt + tcp->tcp_clock_cache) & 1;
}
