/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries a router's ICMP error about a packet that this host has translated to who sent it:
 * too big, unreachable (RFC 5508, RFC 7915, 4.2).  It comes here, for to the router this host
 * is the sender; and from here it goes on, as if this host were the router.
 */
#ifndef SHUNT_BPF_ICMP_H
#define SHUNT_BPF_ICMP_H

#include "translate.bpf.h"

#define PROTOCOL_ICMP	   1
#define PROTOCOL_ICMPV6	   58
#define ICMP_UNREACHABLE   3 /* with "fragmentation needed" */
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_TOO_BIG	   2

struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 check;
	__be32 rest;
};

/* What an error is sure to have of the embedded packet, behind its IP header (RFC 792). */
struct ports {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

struct icmp_error4 {
	struct iphdr ip;
	struct icmp_header icmp;
	struct iphdr embedded;
	struct ports ports;
};

struct icmp_error6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	struct ipv6hdr embedded;
	struct ports ports;
};

/* The packet that an error is about: whose it is, and how that one knows it. */
struct embedded {
	struct shunt_flow *flow;
	bool for_client; /* who has sent it, else the standby */
	struct ends_meant packet; /* as it was sent */
};

/* Finds the flow by the packet as this host sent it. */
static __always_inline bool find_embedded(const struct shunt_ends *sent,
					  struct embedded *ret_embedded)
{
	struct shunt_flow *flow = find_by_standby(sent);
	__u32 index = 0;

	ret_embedded->for_client = flow;
	if (flow) {
		ret_embedded->packet = (struct ends_meant){
			.from = flow->ends.remote,
			.to = flow->ends.local,
			.from_port = flow->ends.remote_port,
			.to_port = flow->ends.local_port,
		};
	} else {
		flow = find_by_client(sent, &index);
		if (!flow)
			return false;
		ret_embedded->packet = (struct ends_meant){
			.from = flow->standby.addr,
			.to = flow->way.source,
			.from_port = flow->standby.port,
			.to_port = SHUNT_FLOW_PORT + index,
		};
	}
	ret_embedded->flow = flow;
	return true;
}

/* Its ports; what a sum over them changes by. */
static __always_inline __u64 translate_ports(struct ports *ports, const struct ends_meant *packet)
{
	__u64 change = change_of_short(ports->source, bpf_htons(packet->from_port)) +
		       change_of_short(ports->dest, bpf_htons(packet->to_port));

	ports->source = bpf_htons(packet->from_port);
	ports->dest = bpf_htons(packet->to_port);
	return change;
}

/* Addresses and checksum of a header; its sum, checksum and all, stays what it was. */
static __always_inline void readdress4(struct iphdr *ip, const __u8 *from, const __u8 *to)
{
	ip->check = sum_after(ip->check, change_of(&ip->saddr, from + 12, 1) +
						 change_of(&ip->daddr, to + 12, 1));
	ip->saddr = ((const __be32 *)from)[3];
	ip->daddr = ((const __be32 *)to)[3];
}

static __always_inline __u64 readdress6(struct ipv6hdr *ip, const __u8 *from, const __u8 *to)
{
	__u64 change = change_of(ip->saddr.in6_u.u6_addr32, from, 4) +
		       change_of(ip->daddr.in6_u.u6_addr32, to, 4);

	__builtin_memcpy(&ip->saddr, from, 16);
	__builtin_memcpy(&ip->daddr, to, 16);
	return change;
}

static __always_inline bool read_icmp4(struct icmp_error4 *at, void *end,
				       struct embedded *ret_embedded)
{
	struct shunt_ends sent = {};

	if ((void *)(at + 1) > end || at->ip.protocol != PROTOCOL_ICMP || at->ip.ihl != 5 ||
	    at->ip.frag_off & bpf_htons(IPV4_FRAGMENT_MASK) || at->ip.ttl <= 1 ||
	    at->icmp.type != ICMP_UNREACHABLE || at->embedded.ihl != 5 ||
	    at->embedded.protocol != IPPROTO_TCP)
		return false;
	map_ipv4(sent.local, at->embedded.saddr);
	map_ipv4(sent.remote, at->embedded.daddr);
	sent.local_port = bpf_ntohs(at->ports.source);
	sent.remote_port = bpf_ntohs(at->ports.dest);
	return find_embedded(&sent, ret_embedded);
}

static __always_inline bool read_icmp6(struct icmp_error6 *at, void *end,
				       struct embedded *ret_embedded)
{
	struct shunt_ends sent = {};

	if ((void *)(at + 1) > end || at->ip.nexthdr != PROTOCOL_ICMPV6 || at->ip.hop_limit <= 1 ||
	    (at->icmp.type != ICMPV6_TOO_BIG && at->icmp.type != ICMPV6_UNREACHABLE) ||
	    at->embedded.nexthdr != IPPROTO_TCP)
		return false;
	__builtin_memcpy(sent.local, &at->embedded.saddr, 16);
	__builtin_memcpy(sent.remote, &at->embedded.daddr, 16);
	sent.local_port = bpf_ntohs(at->ports.source);
	sent.remote_port = bpf_ntohs(at->ports.dest);
	return find_embedded(&sent, ret_embedded);
}

static __always_inline int pass_on(struct xdp_md *ctx, __u32 network_at,
				   const struct embedded *embedded)
{
	if (embedded->for_client)
		return send_to_client(ctx, network_at, embedded->flow);
	return send_to_standby(ctx, network_at, embedded->flow);
}

/* Who has sent the packet gets the error from the address that it was sent to. */
static __always_inline int carry_icmp4(struct xdp_md *ctx, __u32 network_at, struct icmp_error4 *at,
				       void *end)
{
	struct embedded embedded = {};
	__be16 before;

	if (!read_icmp4(at, end, &embedded))
		return NOT_CARRIED;
	before = *(__be16 *)&at->ip.ttl;
	at->ip.ttl--;
	at->ip.check = sum_after(at->ip.check, change_of_short(before, *(__be16 *)&at->ip.ttl));
	readdress4(&at->ip, embedded.packet.to, embedded.packet.from);
	readdress4(&at->embedded, embedded.packet.from, embedded.packet.to);
	at->icmp.check = sum_after(at->icmp.check, translate_ports(&at->ports, &embedded.packet));
	return pass_on(ctx, network_at, &embedded);
}

static __always_inline int carry_icmp6(struct xdp_md *ctx, __u32 network_at, struct icmp_error6 *at,
				       void *end)
{
	struct embedded embedded = {};
	__u64 change;

	if (!read_icmp6(at, end, &embedded))
		return NOT_CARRIED;
	at->ip.hop_limit--;
	change = readdress6(&at->ip, embedded.packet.to, embedded.packet.from) +
		 readdress6(&at->embedded, embedded.packet.from, embedded.packet.to) +
		 translate_ports(&at->ports, &embedded.packet);
	at->icmp.check = sum_after(at->icmp.check, change);
	return pass_on(ctx, network_at, &embedded);
}

/* What becomes of an ICMP error, as an XDP action; else NOT_CARRIED. */
static __always_inline int carry_icmp(struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be16 type = 0;
	void *at = find_network(frame, end, &type);

	if (at && type == bpf_htons(ETH_P_IP))
		return carry_icmp4(ctx, at - frame, at, end);
	if (at && type == bpf_htons(ETH_P_IPV6))
		return carry_icmp6(ctx, at - frame, at, end);
	return NOT_CARRIED;
}

#endif
