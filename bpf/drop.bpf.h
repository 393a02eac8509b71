/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that are dropped, for the one kind that nothing else shows: a checker that
 * only wants to connect (HAProxy's TCP check) resets the connection instead of completing
 * its handshake, so that it never becomes a socket.  The kernel drops the request and the
 * packet, with the listener as the socket that it was for (docs/probes.md).
 */
#ifndef SHUNT_BPF_DROP_H
#define SHUNT_BPF_DROP_H

#include "packet.bpf.h"
#include "probe.bpf.h"

#define TCP_FLAG_RST_BIT 0x04

#define IPV4_PROTOCOL_OFFSET 9
#define IPV6_NEXT_OFFSET     6

static __always_inline bool is_tcp(const struct sk_buff *skb)
{
	const void *network = skb->head + skb->network_header;
	__u8 version = 0, protocol = 0;

	bpf_probe_read_kernel(&version, sizeof(version), network);
	bpf_probe_read_kernel(
		&protocol, sizeof(protocol),
		network + (version >> 4 == 6 ? IPV6_NEXT_OFFSET : IPV4_PROTOCOL_OFFSET));
	return protocol == IPPROTO_TCP;
}

/*
 * Since Linux 6.11 the socket is told.  Before 6.13 the verifier takes it for one that is
 * always there and leaves a comparison with NULL out, but not one of a number.  There is
 * none where the listener has gone since it answered the SYN: the checker, which had its
 * answer, does not know that.
 */
SEC("tp_btf/kfree_skb")
int BPF_PROG(shunt_drop, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	struct shunt_endpoint local = {}, remote = {};
	struct tcp_ports ports = {};
	__u32 *slot;

	if (!sk || !socket_number(sk)) {
		if (!skb->dev || !is_tcp(skb))
			return 0;
		sk = NULL;
	} else if (sk->__sk_common.skc_state != BPF_TCP_LISTEN || sk->sk_protocol != IPPROTO_TCP) {
		return 0;
	}
	if (packet_ports(skb, &ports) || !(ports.flags & TCP_FLAG_RST_BIT))
		return 0;
	if (packet_local(skb, &ports, &local) || packet_remote(skb, &ports, &remote))
		return 0;
	slot = find_inbound(&local, sk);
	if (slot)
		end_packet_probe(*slot, &remote, 0, SHUNT_PROBE_PASS);
	return 0;
}

#endif
