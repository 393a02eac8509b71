/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SYNs that this host answered with a reset: nobody listens there.
 *
 * Since Linux 6.10 tcp_send_reset fires without a socket too, with only the
 * packet (commit 19822a980e19, "trace: tcp: fully support trace_tcp_send_reset");
 * before that a refused SYN leaves no trace on the server, and the program finds
 * a socket every time and leaves.
 */
#ifndef SHUNT_BPF_REFUSE_H
#define SHUNT_BPF_REFUSE_H

#include "conn.bpf.h"

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

#define IPV4_DADDR_OFFSET 16
#define IPV6_DADDR_OFFSET 24

/* The endpoint that a packet came to; 0, or a negative errno of the reads. */
static __always_inline long packet_endpoint(const struct sk_buff *skb, __be16 port,
					    struct shunt_endpoint *ret_local)
{
	const void *network = skb->head + skb->network_header;
	__u8 version;
	__be32 ipv4;
	long error;

	error = bpf_probe_read_kernel(&version, sizeof(version), network);
	if (error)
		return error;
	ret_local->port = bpf_ntohs(port);
	ret_local->netns = skb->dev->nd_net.net->ns.inum;
	if (version >> 4 == 6)
		return bpf_probe_read_kernel(ret_local->addr, sizeof(ret_local->addr),
					     network + IPV6_DADDR_OFFSET);
	error = bpf_probe_read_kernel(&ipv4, sizeof(ipv4), network + IPV4_DADDR_OFFSET);
	map_ipv4(ret_local->addr, ipv4);
	return error;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(shunt_refuse, const struct sock *sk, const struct sk_buff *skb)
{
	struct shunt_endpoint local = {};
	struct shunt_cell *cell;
	struct tcp_ports ports;
	__u32 *slot;
	long error;

	if (sk || !skb)
		return 0;
	error = bpf_probe_read_kernel(&ports, sizeof(ports), skb->head + skb->transport_header);
	if (!error && (ports.flags & (TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT)) != TCP_FLAG_SYN_BIT)
		return 0;
	if (!error)
		error = packet_endpoint(skb, ports.dest, &local);
	if (error) {
		count_error(SHUNT_SITE_PACKET, error);
		return 0;
	}
	slot = find_inbound(&local, NULL);
	cell = cell_of(slot ? *slot : SHUNT_SLOT_UNKNOWN_SERVER);
	if (cell)
		count(&cell->handshakes[SHUNT_HANDSHAKE_REFUSED], 1);
	return 0;
}

#endif
