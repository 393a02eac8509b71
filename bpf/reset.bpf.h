/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resets, by direction.
 *
 * Those that end a connection of ours are counted as it closes (sends_reset()), when
 * its service is still known; here are the others: the reset that answers a packet,
 * first of all a SYN to a port on which nobody listens.
 *
 * Since Linux 6.10 tcp_send_reset fires without a socket too, with only the packet
 * (commit 19822a980e19, "trace: tcp: fully support trace_tcp_send_reset"); before
 * that a refused SYN leaves no trace on the server.
 */
#ifndef SHUNT_BPF_RESET_H
#define SHUNT_BPF_RESET_H

#include "packet.bpf.h"
#include "probe.bpf.h"

/* The service that a packet without a socket was meant for, or came from. */
static __always_inline long packet_slot(const struct sk_buff *skb, const struct tcp_ports *ports,
					__u32 *ret_slot)
{
	struct shunt_endpoint endpoint = {};
	__u32 *slot;
	long error;

	error = packet_local(skb, ports, &endpoint);
	if (error)
		return error;
	slot = find_inbound(&endpoint, NULL);
	if (slot) {
		*ret_slot = *slot;
		return 0;
	}
	error = packet_remote(skb, ports, &endpoint);
	if (error)
		return error;
	slot = find_outbound(&endpoint, NULL);
	*ret_slot = slot ? *slot : SHUNT_SLOT_UNKNOWN_SERVER;
	return 0;
}

/*
 * A health check that met nobody: none listens; or none does any more, since its SYN was
 * answered, and now comes its request.
 */
static __always_inline void refuse_probe(const struct sk_buff *skb, const struct tcp_ports *ports,
					 __u32 slot, bool is_syn)
{
	const struct tcp_skb_cb *control = (const struct tcp_skb_cb *)skb->cb;
	struct shunt_endpoint remote = {};
	__u32 size = control->end_seq - control->seq - (control->tcp_flags & TCPHDR_FIN);

	if (!watches_of(slot) || packet_remote(skb, ports, &remote))
		return;
	if (is_syn)
		end_packet_probe(slot, &remote, 0, SHUNT_PROBE_REFUSED);
	else if (size)
		end_packet_probe(slot, &remote, size, SHUNT_PROBE_RESET);
}

/* No socket wants this packet. */
static __always_inline void refuse_packet(const struct sk_buff *skb)
{
	struct tcp_ports ports = {};
	struct shunt_shard *shard;
	__u32 slot = 0;
	bool is_syn;
	long error;

	error = packet_ports(skb, &ports);
	if (!error)
		error = packet_slot(skb, &ports, &slot);
	if (error) {
		count_error(SHUNT_SITE_PACKET, error);
		return;
	}
	is_syn = (ports.flags & (TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT)) == TCP_FLAG_SYN_BIT;
	refuse_probe(skb, &ports, slot, is_syn);
	shard = shard_of(slot);
	if (!shard)
		return;
	count(&shard->counters.resets_sent, 1);
	if (is_syn)
		count(&shard->counters.handshakes[SHUNT_HANDSHAKE_REFUSED], 1);
}

/*
 * The socket that last seemed to receive a reset on each CPU.  The kernel calls
 * tcp_reset() on its own account too, for data that comes after close(2); that it
 * then answers with a reset, which it never does to one, tells the two apart.
 */
#define RESET_CPUS 1024 /* past these, two CPUs share one */
const void *shunt_last_reset[RESET_CPUS];

static __always_inline const void **last_reset(void)
{
	return &shunt_last_reset[bpf_get_smp_processor_id() % RESET_CPUS];
}

/* The shard of whoever a socket belongs to, followed or not. */
static __always_inline struct shunt_shard *shard_of_socket(const struct sock *sk)
{
	struct shunt_conn *conn = conn_find(sk);

	return shard_of(conn ? conn->slot : find_slot(sk, guess_role(sk)));
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(shunt_send_reset, const struct sock *sk, const struct sk_buff *skb)
{
	struct shunt_shard *shard;

	/* Without a packet it is a connection being cut short: counted as it closes. */
	if (!skb)
		return 0;
	if (!sk) {
		refuse_packet(skb);
		return 0;
	}
	/* Requests and sockets in TIME_WAIT are smaller than a socket. */
	if (sk->__sk_common.skc_state == BPF_TCP_TIME_WAIT ||
	    sk->__sk_common.skc_state == BPF_TCP_NEW_SYN_RECV)
		return 0;
	shard = shard_of_socket(sk);
	if (!shard)
		return 0;
	count(&shard->counters.resets_sent, 1);
	if (*last_reset() == sk) {
		count(&shard->counters.resets_received, -1);
		*last_reset() = NULL;
	}
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(shunt_receive_reset, struct sock *sk)
{
	struct shunt_shard *shard = shard_of_socket(sk);

	if (shard)
		count(&shard->counters.resets_received, 1);
	*last_reset() = sk;
	return 0;
}

#endif
