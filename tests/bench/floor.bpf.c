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

/* All that shunt's signals are made of, and nothing made of it. */
SEC("tp_btf")
int BPF_PROG(fields, struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *control = (const struct tcp_skb_cb *)skb->cb;
	const struct tcp_sock *tcp = tcp_of(sk);
	__u64 sum;

	if (!tcp)
		return 0;
	sum = bpf_ktime_get_ns() + tcp->snd_nxt + tcp->tcp_clock_cache;
	sum += tcp->first_tx_mstamp + tcp->tcp_wstamp_ns + tcp->rcv_nxt + tcp->snd_wnd;
	sum += control->seq + control->end_seq + control->tcp_flags;
	return sum & 1;
}
