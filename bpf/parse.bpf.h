/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads the SYN in a frame: Ethernet, VLAN tags, IPv4 with options or IPv6 with extension
 * headers, TCP.  What is not understood is told from what is of no interest, and changed by
 * nobody.
 */
#ifndef SHUNT_BPF_PARSE_H
#define SHUNT_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "shunt/verdict.h"

#include "address.bpf.h"

#define VLAN_TAGS_MAX	   2 /* 802.1ad: the service's and the customer's */
#define EXTENSIONS_MAX	   6 /* RFC 8200, 4.1, has seven, two of which are not understood here */
#define IPV4_FRAGMENT_MASK 0x3fff /* more fragments, offset */

#define TCP_FLAGS_AT 13 /* bytes into its header */
#define TCP_FIN	     1
#define TCP_SYN	     2
#define TCP_RST	     4

/* Extension headers that may be stepped over (RFC 8200, 4). */
#define NEXT_HOP_BY_HOP	 0
#define NEXT_ROUTING	 43
#define NEXT_FRAGMENT	 44
#define NEXT_DESTINATION 60

struct vlan_tag {
	__be16 control;
	__be16 type; /* of what follows */
};

struct extension {
	__u8 next;
	__u8 length; /* in 8 bytes, less one */
	__u8 routing_type;
	__u8 segments_left;
};

/* A request for a connection or, where that is wanted, any segment; what its answer needs. */
struct request {
	struct shunt_endpoint local; /* netns and cgroup are not the packet's to tell */
	__u8 remote[16];
	__u16 remote_port;
	__u16 network_at; /* bytes of Ethernet and tags */
	__u16 tcp_space; /* bytes of TCP header and data, as IP says */
	__u16 tcp_at; /* from the start of the frame */
	__u8 ipv4;
	__u8 flags; /* of TCP */
	__u8 traffic_class; /* TOS */
	__u8 tcp_header; /* bytes */
	__u8 segments; /* set by the caller: any segment is wanted */
	__u32 follows; /* the sequence number after it, and after what data it brings */
};

enum parsed {
	PARSED_REQUEST,
	PARSED_SEGMENT, /* TCP, but no request; only where segments are wanted */
	PARSED_OTHER, /* no SYN, or no TCP: no business of ours */
	PARSED_ODD, /* …- PARSED_ODD is an enum shunt_unjudged */
};

/* Adds up the carries of a sum of words of 32 bits, into 16 (RFC 1071). */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* TCP flags of a request: SYN alone, whatever ECN and urgency say. */
static __always_inline bool is_request(const struct tcphdr *tcp)
{
	return tcp->syn && !tcp->ack && !tcp->rst && !tcp->fin;
}

static __always_inline int parse_tcp(void *at, void *end, struct request *ret_request)
{
	struct tcphdr *tcp = at;
	__u32 header;

	if ((void *)(tcp + 1) > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	if (!is_request(tcp) && !ret_request->segments)
		return PARSED_OTHER;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > ret_request->tcp_space)
		return PARSED_ODD + SHUNT_UNJUDGED_MALFORMED;
	if (at + header > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	ret_request->tcp_header = header;
	ret_request->local.port = bpf_ntohs(tcp->dest);
	ret_request->remote_port = bpf_ntohs(tcp->source);
	ret_request->follows = bpf_ntohl(tcp->seq) + 1 + ret_request->tcp_space - header;
	ret_request->flags = ((const __u8 *)tcp)[TCP_FLAGS_AT];
	return is_request(tcp) ? PARSED_REQUEST : PARSED_SEGMENT;
}

/* An address that no unicast packet comes from (RFC 1122, 3.2.1.3). */
static __always_inline bool is_martian4(__be32 address)
{
	__u32 number = bpf_ntohl(address);

	return number >> 24 == 0 || number >> 24 == 127 || number >= 0xe0000000;
}

/* Multicast, the unspecified, loopback, and IPv4 in disguise. */
static __always_inline bool is_martian6(const struct in6_addr *address)
{
	const __be32 *words = address->in6_u.u6_addr32;

	if (address->in6_u.u6_addr8[0] == 0xff)
		return true;
	if (words[0] || words[1])
		return false;
	return words[2] == bpf_htonl(0xffff) || (!words[2] && bpf_ntohl(words[3]) <= 1);
}

/* The sum over a sound header, folded, is all ones (RFC 791); routers change headers. */
static __always_inline bool is_sound(const struct iphdr *ip, void *end)
{
	const __u32 *words = (const __u32 *)ip;
	__u64 sum = 0;

	for (__u32 i = 0; i < 15 && i < ip->ihl; i++) {
		if ((void *)(words + i + 1) > end)
			return false;
		sum += words[i];
	}
	return fold(sum) == 0xffff;
}

static __always_inline int parse_ipv4(void *at, void *end, struct request *ret_request)
{
	struct iphdr *ip = at;
	__u32 header, total;
	int parsed;

	if ((void *)(ip + 1) > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || total < header)
		return PARSED_ODD + SHUNT_UNJUDGED_MALFORMED;
	if (ip->protocol != IPPROTO_TCP)
		return PARSED_OTHER;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
		return PARSED_ODD + SHUNT_UNJUDGED_FRAGMENT;
	if (at + total > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	ret_request->tcp_space = total - header;
	ret_request->tcp_at = ret_request->network_at + header;
	parsed = parse_tcp(at + header, end, ret_request);
	if (parsed != PARSED_REQUEST && parsed != PARSED_SEGMENT)
		return parsed;
	if (parsed == PARSED_REQUEST && !is_sound(ip, end))
		return PARSED_ODD + SHUNT_UNJUDGED_MALFORMED;
	if (is_martian4(ip->saddr) || is_martian4(ip->daddr))
		return PARSED_ODD + SHUNT_UNJUDGED_SOURCE;
	ret_request->ipv4 = 1;
	ret_request->traffic_class = ip->tos;
	map_ipv4(ret_request->remote, ip->saddr);
	map_ipv4(ret_request->local.addr, ip->daddr);
	return parsed;
}

/*
 * Steps over one extension header.  What kind of header follows, or a negative
 * PARSED_OTHER or PARSED_ODD.
 */
static __always_inline int step_over(__u8 kind, void *end, void **at, __u32 *left)
{
	struct extension *extension = *at;
	__u32 length;

	if (kind == NEXT_FRAGMENT)
		return -(PARSED_ODD + SHUNT_UNJUDGED_FRAGMENT);
	if (kind != NEXT_HOP_BY_HOP && kind != NEXT_ROUTING && kind != NEXT_DESTINATION)
		return -PARSED_OTHER;
	if ((void *)(extension + 1) > end)
		return -(PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED);
	length = (extension->length + 1) * 8;
	if (length > *left)
		return -(PARSED_ODD + SHUNT_UNJUDGED_MALFORMED);
	/* On its way to somewhere else still. */
	if (kind == NEXT_ROUTING && extension->segments_left)
		return -(PARSED_ODD + SHUNT_UNJUDGED_HEADER);
	*at += length;
	*left -= length;
	return extension->next;
}

/* Finds the TCP header; its space is what is left of the packet then. */
static __always_inline int skip_extensions(__u8 kind, void *end, void **at, __u32 *left)
{
	int next = kind;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (next == IPPROTO_TCP)
			return PARSED_REQUEST;
		next = step_over(next, end, at, left);
		if (next < 0)
			return -next;
	}
	return next == IPPROTO_TCP ? PARSED_REQUEST : PARSED_ODD + SHUNT_UNJUDGED_HEADER;
}

static __always_inline int parse_ipv6(void *at, void *end, struct request *ret_request)
{
	struct ipv6hdr *ip = at;
	__u32 left;
	int parsed;

	if ((void *)(ip + 1) > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	if (ip->version != 6)
		return PARSED_ODD + SHUNT_UNJUDGED_MALFORMED;
	left = bpf_ntohs(ip->payload_len);
	at = ip + 1;
	parsed = skip_extensions(ip->nexthdr, end, &at, &left);
	if (parsed != PARSED_REQUEST)
		return parsed;
	ret_request->tcp_space = left;
	ret_request->tcp_at = ret_request->network_at + sizeof(*ip) + bpf_ntohs(ip->payload_len) -
			      left;
	parsed = parse_tcp(at, end, ret_request);
	if (parsed != PARSED_REQUEST && parsed != PARSED_SEGMENT)
		return parsed;
	if ((void *)(ip + 1) + bpf_ntohs(ip->payload_len) > end)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	if (is_martian6(&ip->saddr) || is_martian6(&ip->daddr))
		return PARSED_ODD + SHUNT_UNJUDGED_SOURCE;
	ret_request->traffic_class = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	__builtin_memcpy(ret_request->remote, &ip->saddr, 16);
	__builtin_memcpy(ret_request->local.addr, &ip->daddr, 16);
	return parsed;
}

/* What comes after Ethernet and its tags, and of what type; NULL: the frame ends before. */
static __always_inline void *find_network(void *frame, void *end, __be16 *ret_type)
{
	struct ethhdr *ethernet = frame;
	void *at = ethernet + 1;
	__be16 type;

	if (at > end)
		return NULL;
	type = ethernet->h_proto;
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(type); i++) {
		struct vlan_tag *tag = at;

		if ((void *)(tag + 1) > end)
			return NULL;
		type = tag->type;
		at = tag + 1;
	}
	*ret_type = type;
	return at;
}

static __always_inline int parse_frame(void *frame, void *end, struct request *ret_request)
{
	__be16 type = 0;
	void *at = find_network(frame, end, &type);

	if (!at)
		return PARSED_ODD + SHUNT_UNJUDGED_TRUNCATED;
	ret_request->network_at = at - frame;
	if (type == bpf_htons(ETH_P_IP))
		return parse_ipv4(at, end, ret_request);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(at, end, ret_request);
	return is_vlan(type) ? PARSED_ODD + SHUNT_UNJUDGED_HEADER : PARSED_OTHER;
}

#endif
