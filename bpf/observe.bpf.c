/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observes every TCP connection of the host: on tracepoints alone, counting in
 * the kernel.  A healthy connection sends nothing to user space.
 *
 * The handshake's duration is not measured here but read: the socket knows when
 * its last SYN left and when the answer came (client, in nanoseconds), and the
 * SYN-ACK's round trip is its first RTT sample (server, in microseconds, by
 * tcp_synack_rtt_meas()).  So nothing has to be kept for an attempt, and a
 * refused or timed-out one cannot be taken for a latency.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exchange.bpf.h"
#include "listener.bpf.h"
#include "outcome.bpf.h"
#include "probe.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* The RTT of a live connection is sampled once in this time: 2^30 ns, a good second. */
#define RTT_UNIT(ns) ((__u8)((ns) >> 30))

/* The smoothed RTT in ns; the kernel keeps eight times the microseconds. */
static __always_inline __u64 rtt_of(const struct tcp_sock *tcp)
{
	return (tcp->srtt_us >> 3) * NSEC_PER_USEC;
}

/* When the programs were loaded, ns. */
const volatile __u64 shunt_loaded;

/* A handshake is given up after so long (tcp_syn_retries 6: 1 + 2 + … + 64 s). */
#define HANDSHAKE_MAX (127 * NSEC_PER_SEC)

/* How long the handshake took, or 0 where that cannot be known. */
static __always_inline __u64 handshake_duration(const struct sock *sk, const struct tcp_sock *tcp,
						enum shunt_role role)
{
	__u64 began;

	if (tcp->total_retrans) {
		began = retry_take(sk);
		if (!began) {
			/* Else the first try may have been before us. */
			if ((__s64)(tcp->tcp_clock_cache - shunt_loaded) > (__s64)HANDSHAKE_MAX)
				count_error(SHUNT_SITE_RETRY_MISSING, -2 /* ENOENT */);
			return 0;
		}
		return tcp->tcp_clock_cache - began;
	}
	/* Only the SYN has left, so that it is the last departure. */
	if (role == SHUNT_ROLE_CLIENT)
		return tcp->tcp_clock_cache - tcp->tcp_wstamp_ns;
	return rtt_of(tcp);
}

/*
 * Whether TCP Fast Open made this socket before its handshake was over.  Linux before
 * 6.16 does not say so; there the data that its SYN has brought tells, which nearly
 * every such SYN has.
 */
static __always_inline bool is_fastopen_child(const struct tcp_sock *tcp)
{
	if (bpf_core_field_exists(tcp->syn_fastopen_child))
		return BPF_CORE_READ_BITFIELD(tcp, syn_fastopen_child);
	return BPF_CORE_READ_BITFIELD(tcp, syn_data_acked);
}

/*
 * The kernel leaves out a run of a program that is running already on that CPU: an
 * interrupt amid a system call brings packets, and the changes of state that they
 * make are not told (recursion_misses).  Hence two nets: a connection that is not
 * known when a segment comes is taken up then, one that is still known when its
 * socket is destroyed is closed then.
 */

/* Set by the daemon once it sees that runs were left out. */
__u8 shunt_missing;

/* Orphans of before the daemon are gone after so long: what is unknown then was missed. */
#define ORPHANS_GONE (120 * NSEC_PER_SEC)

/* The socket's clock is as of its last segment, which may be older than we are. */
static __always_inline bool was_missed(const struct tcp_sock *tcp)
{
	return shunt_missing && (__s64)(tcp->tcp_clock_cache - shunt_loaded) > (__s64)ORPHANS_GONE;
}

static __always_inline void on_established(const struct sock *sk, const struct tcp_sock *tcp,
					   int oldstate)
{
	struct shunt_conn conn = {.established = tcp->tcp_clock_cache, .sent = first_said(tcp)};
	enum shunt_role role = SHUNT_ROLE_SERVER;
	struct cell cell;
	__u64 duration;
	__u8 watches;

	/*
	 * SYN_RECV is a listener's child, which has no struct socket until it is
	 * accepted (and that early only with TCP Fast Open); or an end that called
	 * connect() and met the peer's own SYN.
	 */
	if (oldstate == BPF_TCP_SYN_SENT || (sk->sk_socket && !is_fastopen_child(tcp)))
		role = SHUNT_ROLE_CLIENT;
	conn.flags = conn_flags(role);
	conn.rtt_unit = RTT_UNIT(conn.established);
	conn.slot = find_slot(sk, role);
	watches = watches_of(conn.slot);
	if (role == SHUNT_ROLE_SERVER && watches & SHUNT_WATCH_PROBERS)
		conn.flags |= begin_probe(sk, conn.slot);
	conn.flags |= SHUNT_TRIAL_FLAG(watches);
	if (!cell_of(conn.slot, &cell))
		return;

	tally(&cell.shard->counters.handshakes[SHUNT_HANDSHAKE_OK], 1);
	duration = handshake_duration(sk, tcp, role);
	if (duration)
		tally_duration(&cell, SHUNT_SIGNAL_HANDSHAKE, duration);
	conn_add(sk, &conn);
	if (conn.flags & SHUNT_CONN_TRIAL)
		note_trial(conn.slot, conn.established, TRIAL_GOES_ON, SHUNT_SIGNAL_HANDSHAKE,
			   duration);
}

__cold_path void on_failed(const struct sock *sk, const struct tcp_sock *tcp, enum shunt_role role)
{
	struct shunt_shard *shard = shared_shard_of(find_slot(sk, role));

	if (shard)
		count(&shard->counters.handshakes[failed_handshake(sk, tcp)], 1);
	if (tcp->total_retrans)
		retry_take(sk);
}

/* What opened unseen: before us, or in a run that was left out. */
static __always_inline __u64 *opened_unseen(struct shunt_shard *shard, const struct tcp_sock *tcp)
{
	if (was_missed(tcp))
		return &shard->counters.handshakes[SHUNT_HANDSHAKE_OK];
	return &shard->counters.seeded;
}

/* A connection whose beginning was not seen begins to be followed. */
__cold_path void take_up(const struct sock *sk, const struct tcp_sock *tcp)
{
	enum shunt_role role = guess_role(sk);
	struct shunt_conn conn = {.flags = conn_flags(role), .sent = tcp->snd_nxt};
	struct shunt_shard *shard;

	conn.slot = find_slot(sk, role);
	shard = shared_shard_of(conn.slot);
	if (!shard)
		return;
	count(opened_unseen(shard, tcp), 1);
	conn_add(sk, &conn);
}

/* …or is seen at its end alone. */
__cold_path void on_unfollowed(const struct sock *sk, const struct tcp_sock *tcp, int oldstate)
{
	struct shunt_shard *shard = shared_shard_of(find_slot(sk, guess_role(sk)));

	if (!shard)
		return;
	count(opened_unseen(shard, tcp), 1);
	count(&shard->counters.closes[closed_as(sk, oldstate)], 1);
}

static __always_inline enum shunt_close close_of(const struct sock *sk, const struct tcp_sock *tcp,
						 const struct shunt_conn *conn, int oldstate)
{
	enum shunt_close close = closed_as(sk, oldstate);
	struct shunt_shard *shared;

	/* Who closes with data unread has not even looked whether it was asked. */
	if (close != SHUNT_CLOSE_ORDERLY || sends_reset(sk, oldstate))
		return close;

	/* Has this service ever answered? */
	shared = shared_shard_of(conn->slot);
	if (!shared)
		return close;
	if (was_unanswered(sk, tcp, conn_role(conn)))
		return shared->counters.answered ? SHUNT_CLOSE_NO_RESPONSE : close;
	if (!shared->counters.answered && tcp->bytes_sent && has_received(sk, tcp))
		shared->counters.answered = 1;
	return close;
}

/*
 * When a connection came to its end.  A close of this end's own, with which the kernel
 * sends a reset, finds the socket's clock as the last segment left it; every other comes
 * with a segment or a timer that has just set it.
 */
static __always_inline __u64 closed_at(const struct sock *sk, const struct tcp_sock *tcp,
				       int oldstate)
{
	return sends_reset(sk, oldstate) ? bpf_ktime_get_ns() : tcp->tcp_clock_cache;
}

/* Whether it was a check that is over, and what it counted as until then is taken back. */
static __always_inline bool was_probe(const struct sock *sk, const struct tcp_sock *tcp,
				      const struct shunt_conn *conn, int oldstate)
{
	struct shunt_shard *shard;
	bool watched = watches_of(conn->slot) || conn->flags & SHUNT_CONN_PROBER;

	if (conn->flags & SHUNT_CONN_CLIENT || !watched || !end_probe(sk, tcp, conn, oldstate))
		return false;
	shard = shared_shard_of(conn->slot);
	if (shard)
		count(&shard->counters.handshakes[SHUNT_HANDSHAKE_OK], -1);
	return true;
}

/* Whose fault it is, as user/engine/fault.c has it: of a server only that it did not answer. */
static __always_inline bool is_fault(enum shunt_close close, enum shunt_role role)
{
	if (role == SHUNT_ROLE_SERVER)
		return close == SHUNT_CLOSE_NO_RESPONSE;
	return close == SHUNT_CLOSE_NO_RESPONSE || close == SHUNT_CLOSE_RESET_BY_PEER ||
	       close == SHUNT_CLOSE_TIMED_OUT;
}

/* A trial ends that was not answered. */
__cold_path void trial_closed(const struct shunt_conn *conn, enum shunt_close close, __u64 at)
{
	note_trial(conn->slot, conn->established,
		   is_fault(close, conn_role(conn)) ? TRIAL_FAILED : TRIAL_PASSED,
		   SHUNT_SIGNAL_CONNECTION, at - conn->established);
}

static __always_inline void on_closed(const struct sock *sk, const struct tcp_sock *tcp,
				      int oldstate)
{
	struct shunt_conn *conn = conn_find(sk);
	enum shunt_close close;
	struct cell cell;

	if (!conn) {
		on_unfollowed(sk, tcp, oldstate);
		return;
	}
	if (was_probe(sk, tcp, conn, oldstate)) {
		conn_remove(sk, conn);
		return;
	}
	if (cell_of(conn->slot, &cell)) {
		close = close_of(sk, tcp, conn, oldstate);
		if (conn->flags & SHUNT_CONN_TRIAL)
			trial_closed(conn, close, closed_at(sk, tcp, oldstate));
		tally(&cell.shard->counters.closes[close], 1);
		if (sends_reset(sk, oldstate))
			count(&cell.shard->counters.resets_sent, 1);
		if (conn->established)
			tally_duration(&cell, SHUNT_SIGNAL_CONNECTION,
				       closed_at(sk, tcp, oldstate) - conn->established);
		if (!(conn->flags & SHUNT_CONN_RTT_SAMPLED) && tcp->srtt_us)
			tally_duration(&cell, SHUNT_SIGNAL_RTT, rtt_of(tcp));
	}
	conn_remove(sk, conn);
}

/*
 * This end has said its last: the answer that it may have given is looked at now,
 * since from here on no segment is shown to us (tcp_probe is of ESTABLISHED alone).
 */
static __always_inline void on_last_word(const struct sock *sk, const struct tcp_sock *tcp)
{
	struct shunt_conn *conn = conn_find(sk);
	struct cell cell;
	__s64 duration;

	if (!conn || conn->flags & SHUNT_CONN_CLIENT)
		return;
	duration = take_answer(tcp, tcp->snd_nxt, conn);
	if (duration < 0 || !cell_of(conn->slot, &cell))
		return;
	tally(&cell.shard->last_responses, 1);
	tally_duration(&cell, SHUNT_HISTOGRAM_LAST_RESPONSE, duration);
	if (conn->flags & SHUNT_CONN_TRIAL)
		trial_answered(conn, duration);
}

static __always_inline void on_close_state(const struct sock *sk, const struct tcp_sock *tcp,
					   int oldstate)
{
	switch (oldstate) {
	case BPF_TCP_CLOSE:
		break;
	case BPF_TCP_LISTEN:
		tell_unlisten(sk);
		break;
	case BPF_TCP_SYN_SENT:
		on_failed(sk, tcp, SHUNT_ROLE_CLIENT);
		break;
	case BPF_TCP_SYN_RECV:
		on_failed(sk, tcp, SHUNT_ROLE_SERVER);
		break;
	default:
		on_closed(sk, tcp, oldstate);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(shunt_state, struct sock *sk, int oldstate, int newstate)
{
	struct tcp_sock *tcp;

	if (newstate == BPF_TCP_SYN_SENT || newstate == BPF_TCP_SYN_RECV)
		return 0;
	/* SCTP and MPTCP have states too; MPTCP's subflows are TCP. */
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	tcp = tcp_of(sk);
	if (!tcp)
		return 0;

	switch (newstate) {
	case BPF_TCP_ESTABLISHED:
		on_established(sk, tcp, oldstate);
		break;
	case BPF_TCP_FIN_WAIT1:
	case BPF_TCP_LAST_ACK:
		on_last_word(sk, tcp);
		break;
	case BPF_TCP_CLOSE:
		on_close_state(sk, tcp, oldstate);
		break;
	case BPF_TCP_LISTEN:
		mark_listener(sk);
		tell_listen(sk);
		break;
	default:
		break;
	}
	return 0;
}

/* Samples the RTT of a connection that has lived for a while, now and then. */
__cold_path void sample_rtt(const struct sock *sk, const struct tcp_sock *tcp,
			    struct shunt_conn *conn)
{
	struct cell cell;

	if (!tcp->srtt_us || !shared_cell_of(conn->slot, &cell))
		return;
	conn->flags |= SHUNT_CONN_RTT_SAMPLED;
	count_duration(&cell, SHUNT_SIGNAL_RTT, rtt_of(tcp));

	/* A remote that is talked to for long is busy, however few its connections. */
	if (conn->slot == SHUNT_SLOT_UNKNOWN_CLIENT) {
		struct shunt_endpoint remote = {};

		remote_endpoint(&sk->__sk_common, &remote);
		note_remote(sk, &remote);
	}
}

/* Set once the walk over the connections that are older than the daemon is over. */
__u8 shunt_seeded;

/* Every segment received on an established connection, before it is looked at. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(shunt_segment, struct sock *sk, const struct sk_buff *skb)
{
	struct shunt_conn *conn = conn_find(sk);
	struct tcp_sock *tcp = tcp_of(sk);
	__u8 rtt_unit;

	if (!tcp)
		return 0;
	if (!conn) {
		if (shunt_seeded)
			take_up(sk, tcp);
		return 0;
	}
	if (conn_role(conn) == SHUNT_ROLE_SERVER)
		server_segment(tcp, skb, conn);
	else
		client_segment(tcp, skb, conn);
	notice_window(tcp, conn);
	/* The clock as of the segment before this one; it need not be read for that. */
	rtt_unit = RTT_UNIT(tcp->tcp_clock_cache);
	if (rtt_unit != conn->rtt_unit) {
		conn->rtt_unit = rtt_unit;
		sample_rtt(sk, tcp, conn);
	}
	return 0;
}

/*
 * Whatever the last change of state was, it is over; nothing to do if that was seen.
 * Durations are left out: when it ended is not known.
 */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(shunt_destroy, struct sock *sk)
{
	struct shunt_conn *conn = conn_find(sk);
	struct shunt_shard *shard;
	struct tcp_sock *tcp;

	if (!conn)
		return 0;
	tcp = tcp_of(sk);
	shard = shared_shard_of(conn->slot);
	if (tcp && was_probe(sk, tcp, conn, BPF_TCP_LAST_ACK))
		shard = NULL;
	if (tcp && shard)
		count(&shard->counters.closes[close_of(sk, tcp, conn, BPF_TCP_LAST_ACK)], 1);
	conn_remove(sk, conn);
	return 0;
}

/*
 * When the first SYN left, seen as it is sent again: retrans_stamp holds that
 * in the socket's timestamp clock, 32 bits of milliseconds or microseconds.
 */
static __always_inline __u64 first_syn(const struct tcp_sock *tcp)
{
	__u64 unit = NSEC_PER_MSEC;
	__u32 age;

	if (bpf_core_field_exists(tcp->tcp_usec_ts) && BPF_CORE_READ_BITFIELD(tcp, tcp_usec_ts))
		unit = NSEC_PER_USEC;
	age = (__u32)(tcp->tcp_clock_cache / unit) - tcp->retrans_stamp;
	return tcp->tcp_clock_cache - age * unit;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(shunt_retransmit, struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct shunt_shard *shard;
	struct shunt_conn *conn;

	if (!tcp)
		return 0;
	if (sk->__sk_common.skc_state == BPF_TCP_SYN_SENT) {
		struct attempt attempt = {};

		attempt_of(&sk->__sk_common, &attempt);
		retry_add(&attempt, first_syn(tcp));
		shard = shard_of(find_slot(sk, SHUNT_ROLE_CLIENT));
	} else {
		conn = conn_find(sk);
		shard = conn ? shard_of(conn->slot) : NULL;
	}
	if (shard)
		count(&shard->counters.retransmits, 1);
	return 0;
}

/* When a SYN-ACK is sent again; the request knows when the first one was. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(shunt_retransmit_synack, const struct sock *listener, const struct request_sock *req)
{
	const struct tcp_request_sock *tcp_req = (const void *)req;
	struct attempt attempt = {};
	struct shunt_shard *shard;

	attempt_of(&req->__req_common, &attempt);
	retry_add(&attempt, BPF_CORE_READ(tcp_req, snt_synack) * NSEC_PER_USEC);
	shard = shard_of(find_slot(listener, SHUNT_ROLE_SERVER));
	if (shard)
		count(&shard->counters.retransmits, 1);
	return 0;
}

#include "drop.bpf.h"
#include "reset.bpf.h"
#include "walk.bpf.h"
