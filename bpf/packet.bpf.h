/* SPDX-License-Identifier: GPL-2.0 */
/* The ends of a packet that no socket tells of. */
#ifndef SHUNT_BPF_PACKET_H
#define SHUNT_BPF_PACKET_H

#include "service.bpf.h"

/* The parts of the headers that are needed, as they lie in the packet. */
struct tcp_ports {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 offset;
	__u8 flags;
};

#define TCP_FLAG_SYN_BIT 0x02
#define TCP_FLAG_ACK_BIT 0x10

#define IPV4_SADDR_OFFSET 12
#define IPV4_DADDR_OFFSET 16
#define IPV6_SADDR_OFFSET 8
#define IPV6_DADDR_OFFSET 24

/* One end of a packet; 0, or a negative errno of the reads. */
static __always_inline long packet_endpoint(const struct sk_buff *skb, __be16 port, __u32 ipv4_at,
					    __u32 ipv6_at, struct shunt_endpoint *ret_endpoint)
{
	const void *network = skb->head + skb->network_header;
	__u8 version;
	__be32 ipv4;
	long error;

	error = bpf_probe_read_kernel(&version, sizeof(version), network);
	if (error)
		return error;
	ret_endpoint->port = bpf_ntohs(port);
	ret_endpoint->netns = skb->dev->nd_net.net->ns.inum;
	if (version >> 4 == 6)
		return bpf_probe_read_kernel(ret_endpoint->addr, sizeof(ret_endpoint->addr),
					     network + ipv6_at);
	error = bpf_probe_read_kernel(&ipv4, sizeof(ipv4), network + ipv4_at);
	map_ipv4(ret_endpoint->addr, ipv4);
	return error;
}

/* Whom a packet that came in was meant for. */
static __always_inline long packet_local(const struct sk_buff *skb, const struct tcp_ports *ports,
					 struct shunt_endpoint *ret_local)
{
	return packet_endpoint(skb, ports->dest, IPV4_DADDR_OFFSET, IPV6_DADDR_OFFSET, ret_local);
}

/* …and who sent it. */
static __always_inline long packet_remote(const struct sk_buff *skb, const struct tcp_ports *ports,
					  struct shunt_endpoint *ret_remote)
{
	return packet_endpoint(skb, ports->source, IPV4_SADDR_OFFSET, IPV6_SADDR_OFFSET,
			       ret_remote);
}

/* The ports and flags of a packet.  0, or a negative errno of the read. */
static __always_inline long packet_ports(const struct sk_buff *skb, struct tcp_ports *ret_ports)
{
	return bpf_probe_read_kernel(ret_ports, sizeof(*ret_ports),
				     skb->head + skb->transport_header);
}

#endif
