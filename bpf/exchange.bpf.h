/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exchanges: how long the answering end took, from the last byte of a request to
 * the first byte of what it said next.
 *
 * There is no need for a hook on sending: what the socket keeps of its last
 * departure is still there when the next segment comes in.
 *
 *  - Server: a segment with data is (the end of) a request, and its time is taken.
 *    By the time the answer is acknowledged, or the connection closed, the socket
 *    knows when the first segment of that flight left: first_tx_mstamp, which
 *    tcp_rate_skb_sent() sets where nothing else was in flight.
 *  - Client: where bytes were sent since the last look, the socket's clock stands
 *    at that departure, since it is refreshed by every segment that comes or goes;
 *    the next segment with data is the answer.
 *
 * So of several requests at once (pipelining) the last one's end counts, each turn
 * of a ping-pong ("100 Continue") is an exchange of its own, what the server says
 * unasked (SMTP's greeting) is none, and a stream one way has none.
 */
#ifndef SHUNT_BPF_EXCHANGE_H
#define SHUNT_BPF_EXCHANGE_H

#include "conn.bpf.h"
#include "trial.bpf.h"

#define NSEC_PER_USEC 1000ULL

#define TCPHDR_FIN 0x01

/* Whether a segment brings data that was not here before; not a FIN, nor a probe. */
static __always_inline bool brings_data(const struct tcp_sock *tcp, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *control = (const struct tcp_skb_cb *)skb->cb;
	__u32 end = control->end_seq - (control->tcp_flags & TCPHDR_FIN);

	return (__s32)(end - control->seq) > 0 && (__s32)(end - tcp->rcv_nxt) > 0;
}

/*
 * When the first byte of the last flight left, in ns.  Kept in microseconds; where
 * the last departure is of the same one it is this very segment, and known exactly.
 */
static __always_inline __u64 flight_began(const struct tcp_sock *tcp)
{
	__u64 began = tcp->first_tx_mstamp * NSEC_PER_USEC;

	return tcp->tcp_wstamp_ns - began < NSEC_PER_USEC ? tcp->tcp_wstamp_ns : began;
}

/* What would be next to be sent, had no data been yet. */
static __always_inline __u32 first_said(const struct tcp_sock *tcp)
{
	return tcp->snd_nxt - (__u32)(tcp->bytes_sent - tcp->bytes_retrans);
}

/*
 * How long the answer took that a server has given, or -1: where it has given none, or
 * where the flight is older than the request, and so was not its answer's beginning.
 */
static __always_inline __s64 take_answer(const struct tcp_sock *tcp, __u32 snd_nxt,
					 struct shunt_conn *conn)
{
	__u64 request_at = conn->request_at;

	if (!request_at || snd_nxt == conn->sent)
		return -1;
	conn->request_at = 0;
	return (__s64)(flight_began(tcp) - request_at);
}

/* A trial that is answered has passed, though it may go on for long. */
__cold_path void trial_answered(struct shunt_conn *conn, __u64 duration)
{
	conn->flags &= ~SHUNT_CONN_TRIAL;
	note_trial(conn->slot, conn->established, TRIAL_PASSED, SHUNT_SIGNAL_RESPONSE, duration);
}

static __always_inline void tally_response(struct shunt_conn *conn, __u64 duration)
{
	struct cell cell;

	if (!cell_of(conn->slot, &cell))
		return;
	tally(&cell.shard->responses, 1);
	tally_duration(&cell, SHUNT_SIGNAL_RESPONSE, duration);
	if (conn->flags & SHUNT_CONN_TRIAL)
		trial_answered(conn, duration);
}

static __always_inline void server_segment(const struct tcp_sock *tcp, const struct sk_buff *skb,
					   struct shunt_conn *conn)
{
	__u32 snd_nxt = tcp->snd_nxt;
	__s64 duration = take_answer(tcp, snd_nxt, conn);

	if (duration >= 0)
		tally_response(conn, duration);
	if (!brings_data(tcp, skb))
		return;
	conn->request_at = bpf_ktime_get_ns();
	conn->sent = snd_nxt;
}

static __always_inline void client_segment(const struct tcp_sock *tcp, const struct sk_buff *skb,
					   struct shunt_conn *conn)
{
	__u64 request_at = conn->request_at;
	__u32 snd_nxt = tcp->snd_nxt;

	if (snd_nxt != conn->sent) {
		conn->sent = snd_nxt;
		/* The last departure may have been a second try; the flight's first was not. */
		request_at = tcp->bytes_retrans ? flight_began(tcp) : tcp->tcp_clock_cache;
		conn->request_at = request_at;
	}
	if (!request_at || !brings_data(tcp, skb))
		return;
	conn->request_at = 0;
	tally_response(conn, bpf_ktime_get_ns() - request_at);
}

/* The peer has no room left: counted when it says so, not for as long as it lasts. */
static __always_inline void notice_window(const struct tcp_sock *tcp, struct shunt_conn *conn)
{
	bool closed = !tcp->snd_wnd;
	struct shunt_shard *shard;

	if (closed == !!(conn->flags & SHUNT_CONN_WINDOW_CLOSED))
		return;
	conn->flags ^= SHUNT_CONN_WINDOW_CLOSED;
	if (closed && (shard = shard_of(conn->slot)))
		tally(&shard->counters.zero_windows, 1);
}

#endif
