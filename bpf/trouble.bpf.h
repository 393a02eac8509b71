/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries to the other end what a router says of a packet that this host has translated: too
 * big, unreachable (RFC 5508, RFC 7915, 4.2).  It came here, for this host was its sender;
 * and from here it goes on, as if this host were the router.
 */
#ifndef SHUNT_BPF_TROUBLE_H
#define SHUNT_BPF_TROUBLE_H

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

/* What is sure to be there of the packet that met trouble. */
struct ports {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

struct trouble4 {
	struct iphdr ip;
	struct icmp_header icmp;
	struct iphdr about;
	struct ports ports;
};

struct trouble6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	struct ipv6hdr about;
	struct ports ports;
};

/* Whom it is for, and how that one knows the packet which met trouble. */
struct news {
	struct shunt_flow *flow;
	bool for_client;
	struct ends_meant packet; /* as that one sent it */
};

/* Finds the flow by the packet as this host sent it. */
static __always_inline bool find_news(const struct shunt_ends *sent, struct news *ret_news)
{
	struct shunt_flow *flow = find_by_standby(sent);
	__u32 index = 0;

	ret_news->for_client = flow;
	if (flow) {
		ret_news->packet = (struct ends_meant){
			.from = flow->ends.remote,
			.to = flow->ends.local,
			.from_port = flow->ends.remote_port,
			.to_port = flow->ends.local_port,
		};
	} else {
		flow = find_by_client(sent, &index);
		if (!flow)
			return false;
		ret_news->packet = (struct ends_meant){
			.from = flow->standby.addr,
			.to = flow->way.source,
			.from_port = flow->standby.port,
			.to_port = SHUNT_FLOW_PORT + index,
		};
	}
	ret_news->flow = flow;
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

static __always_inline bool read_trouble4(struct trouble4 *at, void *end, struct news *ret_news)
{
	struct shunt_ends sent = {};

	if ((void *)(at + 1) > end || at->ip.protocol != PROTOCOL_ICMP || at->ip.ihl != 5 ||
	    at->ip.frag_off & bpf_htons(IPV4_FRAGMENT_MASK) || at->ip.ttl <= 1 ||
	    at->icmp.type != ICMP_UNREACHABLE || at->about.ihl != 5 ||
	    at->about.protocol != IPPROTO_TCP)
		return false;
	map_ipv4(sent.local, at->about.saddr);
	map_ipv4(sent.remote, at->about.daddr);
	sent.local_port = bpf_ntohs(at->ports.source);
	sent.remote_port = bpf_ntohs(at->ports.dest);
	return find_news(&sent, ret_news);
}

static __always_inline bool read_trouble6(struct trouble6 *at, void *end, struct news *ret_news)
{
	struct shunt_ends sent = {};

	if ((void *)(at + 1) > end || at->ip.nexthdr != PROTOCOL_ICMPV6 || at->ip.hop_limit <= 1 ||
	    (at->icmp.type != ICMPV6_TOO_BIG && at->icmp.type != ICMPV6_UNREACHABLE) ||
	    at->about.nexthdr != IPPROTO_TCP)
		return false;
	__builtin_memcpy(sent.local, &at->about.saddr, 16);
	__builtin_memcpy(sent.remote, &at->about.daddr, 16);
	sent.local_port = bpf_ntohs(at->ports.source);
	sent.remote_port = bpf_ntohs(at->ports.dest);
	return find_news(&sent, ret_news);
}

static __always_inline int pass_on(struct xdp_md *ctx, __u32 network_at, const struct news *news)
{
	if (news->for_client)
		return send_to_client(ctx, network_at, news->flow);
	return send_to_standby(ctx, network_at, news->flow);
}

/* The packet's sender gets the news from the address that it sent to. */
static __always_inline int carry_trouble4(struct xdp_md *ctx, __u32 network_at, struct trouble4 *at,
					  void *end)
{
	struct news news = {};
	__be16 before;

	if (!read_trouble4(at, end, &news))
		return NOT_CARRIED;
	before = *(__be16 *)&at->ip.ttl;
	at->ip.ttl--;
	at->ip.check = sum_after(at->ip.check, change_of_short(before, *(__be16 *)&at->ip.ttl));
	readdress4(&at->ip, news.packet.to, news.packet.from);
	readdress4(&at->about, news.packet.from, news.packet.to);
	at->icmp.check = sum_after(at->icmp.check, translate_ports(&at->ports, &news.packet));
	return pass_on(ctx, network_at, &news);
}

static __always_inline int carry_trouble6(struct xdp_md *ctx, __u32 network_at, struct trouble6 *at,
					  void *end)
{
	struct news news = {};
	__u64 change;

	if (!read_trouble6(at, end, &news))
		return NOT_CARRIED;
	at->ip.hop_limit--;
	change = readdress6(&at->ip, news.packet.to, news.packet.from) +
		 readdress6(&at->about, news.packet.from, news.packet.to) +
		 translate_ports(&at->ports, &news.packet);
	at->icmp.check = sum_after(at->icmp.check, change);
	return pass_on(ctx, network_at, &news);
}

/* What becomes of such news, as an XDP action; else NOT_CARRIED. */
static __always_inline int carry_trouble(struct xdp_md *ctx)
{
	/* The context has them as numbers of 32 bits.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be16 type = 0;
	void *at = find_network(frame, end, &type);

	if (at && type == bpf_htons(ETH_P_IP))
		return carry_trouble4(ctx, at - frame, at, end);
	if (at && type == bpf_htons(ETH_P_IPV6))
		return carry_trouble6(ctx, at - frame, at, end);
	return NOT_CARRIED;
}

#endif
