/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rewrites segments of a flow that is carried: addresses, ports, time to live, the largest
 * segment that may be sent, and checksums, by what differs (RFC 1624).  Nothing else of a
 * packet is touched, so that its options, extension headers and data stay what they were.
 */
#ifndef SHUNT_BPF_TRANSLATE_H
#define SHUNT_BPF_TRANSLATE_H

#include "answer.bpf.h"
#include "flow.bpf.h"

#define TCP_AT_MASK  0xfff
#define OPTION_END   0
#define OPTION_PAD   1
#define OPTION_MSS   2
#define OPTIONS_READ 10
#define IPV4_HEADERS 40 /* bytes of IP and TCP in a packet of full size */
#define IPV6_HEADERS 60

/* Whom a packet is to be from and for. */
struct ends_meant {
	const __u8 *from, *to;
	__u16 from_port, to_port;
};

/* What the sum over some words changes by, when these take the place of those. */
static __always_inline __u64 change_of(const __be32 *old, const __u8 *new, __u32 count)
{
	const __be32 *words = (const __be32 *)new;
	__u64 sum = 0;

	for (__u32 i = 0; i < count; i++)
		sum += (__u64)(__u32)~old[i] + words[i];
	return sum;
}

static __always_inline __u64 change_of_short(__be16 old, __be16 new)
{
	return (__u64)(__u16)~old + new;
}

static __always_inline __sum16 sum_after(__sum16 check, __u64 change)
{
	return ~fold((__u64)(__u16)~check + change);
}

/*
 * Keeps a SYN from announcing segments that would not fit where this host sends them on, for
 * it cannot cut them.  What the sum changes by.
 */
static __always_inline __u64 limit_mss(struct tcphdr *tcp, void *end, __u16 limit)
{
	__u32 length = tcp->doff * 4, at = sizeof(*tcp);

	for (int i = 0; i < OPTIONS_READ; i++) {
		__u8 *option = (void *)tcp + (at & 63);
		__u16 before, after;

		if (at + 4 > length || (void *)(option + 4) > end || option[0] == OPTION_END)
			return 0;
		if (option[0] == OPTION_PAD) {
			at++;
			continue;
		}
		if (option[0] != OPTION_MSS) {
			at += option[1] < 2 ? 2 : option[1];
			continue;
		}
		before = option[2] << 8 | option[3];
		if (option[1] != 4 || before <= limit)
			return 0;
		option[2] = limit >> 8;
		option[3] = limit & 0xff;
		/* Words of the sum are counted from the header's start. */
		after = limit;
		if (at & 1)
			return change_of_short(__builtin_bswap16(bpf_htons(before)),
					       __builtin_bswap16(bpf_htons(after)));
		return change_of_short(bpf_htons(before), bpf_htons(after));
	}
	return 0;
}

/* Addresses and time to live; what TCP's sum changes by.  -1: it must not be sent on. */
static __always_inline int translate_ip(void *at, void *end, bool ipv4,
					const struct ends_meant *meant, __u64 *ret_change)
{
	struct ipv6hdr *ip6 = at;
	struct iphdr *ip = at;
	__be16 before;

	if (ipv4) {
		if ((void *)(ip + 1) > end || ip->ttl <= 1)
			return -1;
		*ret_change = change_of(&ip->saddr, meant->from + 12, 1) +
			      change_of(&ip->daddr, meant->to + 12, 1);
		before = *(__be16 *)&ip->ttl;
		ip->ttl--;
		ip->check = sum_after(ip->check,
				      *ret_change + change_of_short(before, *(__be16 *)&ip->ttl));
		ip->saddr = ((const __be32 *)meant->from)[3];
		ip->daddr = ((const __be32 *)meant->to)[3];
		return 0;
	}
	if ((void *)(ip6 + 1) > end || ip6->hop_limit <= 1)
		return -1;
	*ret_change = change_of(ip6->saddr.in6_u.u6_addr32, meant->from, 4) +
		      change_of(ip6->daddr.in6_u.u6_addr32, meant->to, 4);
	ip6->hop_limit--;
	__builtin_memcpy(&ip6->saddr, meant->from, 16);
	__builtin_memcpy(&ip6->daddr, meant->to, 16);
	return 0;
}

/* The packet in the frame; 0, or -1 where it must not be sent on. */
static __always_inline int translate(struct xdp_md *ctx, const struct request *request,
				     const struct ends_meant *meant, __u16 mss)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 network_at = request->network_at, tcp_at = request->tcp_at;
	struct tcphdr *tcp;
	__u64 change = 0;

	barrier_var(network_at);
	network_at &= NETWORK_AT_MASK;
	barrier_var(tcp_at);
	tcp_at &= TCP_AT_MASK;
	tcp = frame + tcp_at;
	if ((void *)(tcp + 1) > end ||
	    translate_ip(frame + network_at, end, request->ipv4, meant, &change))
		return -1;
	change += change_of_short(tcp->source, bpf_htons(meant->from_port)) +
		  change_of_short(tcp->dest, bpf_htons(meant->to_port));
	if (request->flags & TCP_SYN)
		change += limit_mss(tcp, end, mss);
	tcp->source = bpf_htons(meant->from_port);
	tcp->dest = bpf_htons(meant->to_port);
	tcp->check = sum_after(tcp->check, change);
	return 0;
}

/* Puts another header, of 14, 18 or 22 bytes, before the packet, and sends the frame off. */
static __always_inline int send_off(struct xdp_md *ctx, __u32 network_at, const __u8 *head,
				    __u32 length, __u32 interface)
{
	__u8 *frame, *end;

	if (network_at != length && bpf_xdp_adjust_head(ctx, (int)network_at - (int)length))
		return XDP_DROP;
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	frame = (void *)(long)ctx->data, end = (void *)(long)ctx->data_end;
	if (frame + ETH_HLEN > end)
		return XDP_DROP;
	__builtin_memcpy(frame, head, ETH_HLEN);
	if (length > ETH_HLEN) {
		if (frame + ETH_HLEN + 4 > end)
			return XDP_DROP;
		__builtin_memcpy(frame + ETH_HLEN, head + ETH_HLEN, 4);
	}
	if (length > ETH_HLEN + 4) {
		if (frame + SHUNT_HEAD_MAX > end)
			return XDP_DROP;
		__builtin_memcpy(frame + ETH_HLEN + 4, head + ETH_HLEN + 4, 4);
	}
	return interface == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(interface, 0);
}

static __always_inline int send_to_standby(struct xdp_md *ctx, __u32 network_at,
					   const struct shunt_flow *flow)
{
	return send_off(ctx, network_at, flow->way.ethernet, ETH_HLEN, flow->way.interface);
}

static __always_inline int send_to_client(struct xdp_md *ctx, __u32 network_at,
					  const struct shunt_flow *flow)
{
	return send_off(ctx, network_at, flow->client_head, flow->client_head_length,
			flow->client_interface);
}

/* ---- segments ---- */

static __always_inline int carry_there(struct xdp_md *ctx, const struct request *request,
				       struct shunt_flow *flow, __u32 index)
{
	const struct ends_meant meant = {
		.from = flow->way.source,
		.to = flow->standby.addr,
		.from_port = SHUNT_FLOW_PORT + index,
		.to_port = flow->standby.port,
	};

	track(flow, request->flags, true);
	if (translate(ctx, request, &meant, flow->mss))
		return XDP_DROP;
	return send_to_standby(ctx, request->network_at, flow);
}

static __always_inline int carry_back(struct xdp_md *ctx, const struct request *request,
				      struct shunt_flow *flow)
{
	const struct ends_meant meant = {
		.from = flow->ends.local,
		.to = flow->ends.remote,
		.from_port = flow->ends.local_port,
		.to_port = flow->ends.remote_port,
	};

	track(flow, request->flags, false);
	if (translate(ctx, request, &meant, flow->mss))
		return XDP_DROP;
	return send_to_client(ctx, request->network_at, flow);
}

#define NOT_CARRIED (-1)

/* What becomes of a segment that belongs to a flow, as an XDP action; else NOT_CARRIED. */
static __always_inline int carry(struct xdp_md *ctx, const struct request *request)
{
	struct shunt_ends ends = {};
	struct shunt_flow *flow;
	__u32 index = 0;

	take_ends(request, &ends);
	flow = find_by_standby(&ends);
	if (flow)
		return carry_back(ctx, request, flow);
	flow = find_by_client(&ends, &index);
	if (!flow)
		return NOT_CARRIED;
	if (flow->state == SHUNT_FLOW_OVER && (request->flags & TCP_SYN)) {
		part(flow, &ends);
		return NOT_CARRIED;
	}
	return carry_there(ctx, request, flow, index);
}

/* ---- the first segment ---- */

/*
 * Whether the checksum is in the packet.  A neighbour without a cable, such as a container,
 * may leave it to a card that will never see the packet; what is rewritten then is lost.
 */
static __always_inline bool is_summed(struct xdp_md *ctx, const struct request *request)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 sum = (__u64)bpf_htonl(IPPROTO_TCP) + bpf_htonl(request->tcp_space);
	__u32 tcp_at = request->tcp_at, *words;

	barrier_var(tcp_at);
	words = frame + (tcp_at & TCP_AT_MASK);
	if (request->ipv4)
		sum += (__u64)((const __be32 *)request->local.addr)[3] +
		       ((const __be32 *)request->remote)[3];
	else
		sum += sum_words(request->local.addr, 4) + sum_words(request->remote, 4);
	for (__u32 i = 0; i < 15 && i * 4 < request->tcp_header; i++) {
		if ((void *)(words + i + 1) > end)
			return false;
		sum += words[i];
	}
	/* One with data is no plain SYN: its sum is not worth the walk. */
	return request->tcp_header != request->tcp_space || fold(sum) == 0xffff;
}

/* The header that leads back to where the frame came from; tags and all. */
static __always_inline bool take_head(struct xdp_md *ctx, const struct request *request,
				      struct shunt_flow *ret_flow)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	__u8 *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	/* A packet behind it is longer than two tags. */
	if (frame + SHUNT_HEAD_MAX > end)
		return false;
	__builtin_memcpy(ret_flow->client_head, frame + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(ret_flow->client_head + ETH_ALEN, frame, ETH_ALEN);
	__builtin_memcpy(ret_flow->client_head + 2 * ETH_ALEN, frame + 2 * ETH_ALEN,
			 SHUNT_HEAD_MAX - 2 * ETH_ALEN);
	ret_flow->client_head_length = request->network_at;
	return true;
}

/* A request that may be carried by that way gets a flow; NULL: it is not carried. */
static __always_inline struct shunt_flow *begin_flow(struct xdp_md *ctx,
						     const struct request *request,
						     const struct shunt_target *target,
						     const struct shunt_way *way, __u16 mtu)
{
	struct shunt_ends ends = {};
	struct shunt_flow *flow;

	if (!mtu || is_ipv4(target->addr) != request->ipv4 || request->tcp_at > TCP_AT_MASK ||
	    !is_summed(ctx, request))
		return NULL;
	take_ends(request, &ends);
	flow = make_flow(&ends, target, way, ctx->ingress_ifindex);
	if (!flow)
		return NULL;
	take_head(ctx, request, flow);
	flow->mss = (way->mtu < mtu ? way->mtu : mtu) -
		    (request->ipv4 ? IPV4_HEADERS : IPV6_HEADERS);
	__sync_lock_test_and_set(&flow->state, SHUNT_FLOW_OPENING);
	return flow;
}

#endif
