/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Turns a SYN into the reset that refuses it, in its own frame: RFC 9293, 3.10.7.1, as a
 * host without a listener answers.  Options and extension headers are not given back.
 */
#ifndef SHUNT_BPF_ANSWER_H
#define SHUNT_BPF_ANSWER_H

#include "parse.bpf.h"

#define ANSWER_TTL	   64
#define IPV4_DONT_FRAGMENT 0x4000
#define ECN_MASK	   3 /* of a traffic class: a reset is no ECN-capable transport's */

struct answer4 {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct answer6 {
	struct ipv6hdr ip;
	struct tcphdr tcp;
};

/* Ethernet and two tags are 22 bytes. */
#define NETWORK_AT_MASK 31

static __always_inline void swap_ends(struct ethhdr *ethernet)
{
	__u8 source[ETH_ALEN];

	__builtin_memcpy(source, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, source, ETH_ALEN);
}

/* Sums words of 32 bits; the folding comes later. */
static __always_inline __u64 sum_words(const void *from, __u32 count)
{
	const __u32 *words = from;
	__u64 sum = 0;

	for (__u32 i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

/* Neither family's pseudo-header needs more of the addresses than their 16 bytes' sum. */
static __always_inline void fill_tcp(struct tcphdr *ret_tcp, const struct request *request,
				     __u64 addresses)
{
	struct tcphdr tcp = {
		.source = bpf_htons(request->local.port),
		.dest = bpf_htons(request->remote_port),
		.ack_seq = bpf_htonl(request->follows),
		.doff = sizeof(tcp) / 4,
		.rst = 1,
		.ack = 1,
	};
	__u64 sum = addresses + bpf_htonl(IPPROTO_TCP) + bpf_htonl(sizeof(tcp));

	tcp.check = ~fold(sum + sum_words(&tcp, sizeof(tcp) / 4));
	*ret_tcp = tcp;
}

static __always_inline void fill_ipv4(struct answer4 *ret_answer, const struct request *request)
{
	const __be32 *local = (const __be32 *)request->local.addr;
	const __be32 *remote = (const __be32 *)request->remote;
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tos = request->traffic_class & ~ECN_MASK,
		.tot_len = bpf_htons(sizeof(*ret_answer)),
		.frag_off = bpf_htons(IPV4_DONT_FRAGMENT),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = local[3],
		.daddr = remote[3],
	};

	ip.check = ~fold(sum_words(&ip, sizeof(ip) / 4));
	ret_answer->ip = ip;
	fill_tcp(&ret_answer->tcp, request, (__u64)local[3] + remote[3]);
}

static __always_inline void fill_ipv6(struct answer6 *ret_answer, const struct request *request)
{
	__u8 class = request->traffic_class & ~ECN_MASK;
	struct ipv6hdr ip = {
		.version = 6,
		.priority = class >> 4,
		.flow_lbl = {(__u8)(class << 4)},
		.payload_len = bpf_htons(sizeof(struct tcphdr)),
		.nexthdr = IPPROTO_TCP,
		.hop_limit = ANSWER_TTL,
	};

	__builtin_memcpy(&ip.saddr, request->local.addr, 16);
	__builtin_memcpy(&ip.daddr, request->remote, 16);
	ret_answer->ip = ip;
	fill_tcp(&ret_answer->tcp, request,
		 sum_words(request->local.addr, 4) + sum_words(request->remote, 4));
}

/* Writes the answer behind Ethernet and tags, which stay but for the addresses. */
static __always_inline int write_answer(struct xdp_md *ctx, const struct request *request)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 network_at = request->network_at;
	void *at;

	/* At most two tags: the verifier must see it where the compiler knows it. */
	barrier_var(network_at);
	network_at &= NETWORK_AT_MASK;
	if (frame + sizeof(struct ethhdr) > end)
		return XDP_DROP;
	at = frame + network_at;
	if (at + sizeof(struct answer4) > end)
		return XDP_DROP;
	if (request->ipv4)
		fill_ipv4(at, request);
	else if (at + sizeof(struct answer6) <= end)
		fill_ipv6(at, request);
	else
		return XDP_DROP;
	swap_ends(frame);
	return XDP_TX;
}

/*
 * Makes the frame that of the answer, which is never longer.  XDP_TX, or XDP_PASS with the
 * frame as it was.
 */
static __always_inline int answer(struct xdp_md *ctx, const struct request *request)
{
	__u32 length = ctx->data_end - ctx->data;
	__u32 wanted = request->network_at +
		       (request->ipv4 ? sizeof(struct answer4) : sizeof(struct answer6));

	/* A frame in several buffers is no SYN that anybody sends. */
	if (bpf_xdp_get_buff_len(ctx) != length || wanted > length ||
	    bpf_xdp_adjust_tail(ctx, (int)wanted - (int)length)) {
		count_unjudged(SHUNT_UNJUDGED_UNANSWERED);
		return XDP_PASS;
	}
	return write_answer(ctx, request);
}

#endif
