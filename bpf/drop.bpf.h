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

/*
 * Since Linux 6.11 the socket is told.  Before 6.13 the verifier takes it for one that is
 * always there and leaves a comparison with NULL out, but not one of a number.
 */
SEC("tp_btf/kfree_skb")
int BPF_PROG(shunt_drop, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	struct shunt_endpoint local = {}, remote = {};
	struct tcp_ports ports = {};
	__u32 *slot;

	if (!sk || !socket_number(sk) || sk->__sk_common.skc_state != BPF_TCP_LISTEN ||
	    sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (packet_ports(skb, &ports) || !(ports.flags & TCP_FLAG_RST_BIT))
		return 0;
	if (packet_local(skb, &ports, &local) || packet_remote(skb, &ports, &remote))
		return 0;
	slot = find_inbound(&local, sk);
	if (slot)
		end_packet_probe(*slot, &remote, SHUNT_PROBE_PASS);
	return 0;
}

#endif
