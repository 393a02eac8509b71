/* SPDX-License-Identifier: GPL-2.0 */
/* How an attempt or a connection ended, from what the kernel left in the socket. */
#ifndef SHUNT_BPF_OUTCOME_H
#define SHUNT_BPF_OUTCOME_H

#include "shunt/abi.h"

#define EPIPE	     32
#define ENETUNREACH  101
#define ECONNABORTED 103
#define ECONNRESET   104
#define ETIMEDOUT    110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113

#define RCV_SHUTDOWN  1
#define SEND_SHUTDOWN 2
#define SHUTDOWN_MASK (RCV_SHUTDOWN | SEND_SHUTDOWN)

/*
 * An attempt that never became a connection.  The kernel's verdict is in
 * sk_err; where there is none the application closed the socket itself, which
 * means that it gave up waiting: an ICMP error that the kernel only noted
 * (sk_err_soft, tcp_v4_err() on a socket in use) then tells why.
 */
static __always_inline enum shunt_handshake failed_handshake(const struct sock *sk,
							     const struct tcp_sock *tcp)
{
	int error = sk->sk_err ? sk->sk_err : sk->sk_err_soft;

	switch (error) {
	case ECONNREFUSED:
		return SHUNT_HANDSHAKE_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return SHUNT_HANDSHAKE_RESET;
	case EHOSTUNREACH:
		return SHUNT_HANDSHAKE_HOST_UNREACHABLE;
	case ENETUNREACH:
		return SHUNT_HANDSHAKE_NET_UNREACHABLE;
	case ETIMEDOUT:
		return SHUNT_HANDSHAKE_TIMED_OUT;
	case 0:
		/* No packet left: no free local port, say (tcp_v4_connect()). */
		return tcp->segs_out ? SHUNT_HANDSHAKE_TIMED_OUT : SHUNT_HANDSHAKE_OTHER;
	default:
		return SHUNT_HANDSHAKE_OTHER;
	}
}

/*
 * A connection cut short here: straight from a state in which it could still
 * talk to CLOSE, without an error, which is when this end sends a reset.
 *
 * Only an application that asked for it (linger 0, or connect(2) to AF_UNSPEC)
 * has reset the connection.  Two that did not: a listener that goes away with
 * connections nobody accepted (inet_csk_listen_stop(): they have no struct
 * socket), and a close with data unread (tcp_close(): both directions are shut
 * by then), where RFC 2525, 2.17 makes the kernel send a reset on its own.
 */
static __always_inline enum shunt_close aborted_close(const struct sock *sk)
{
	unsigned long linger = 1UL << bpf_core_enum_value(enum sock_flags, SOCK_LINGER);

	if (!sk->sk_socket)
		return SHUNT_CLOSE_ORDERLY;
	if (sk->__sk_common.skc_flags & linger && !sk->sk_lingertime)
		return SHUNT_CLOSE_RESET_BY_LOCAL;
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		return SHUNT_CLOSE_ORDERLY;
	return SHUNT_CLOSE_RESET_BY_LOCAL;
}

/*
 * Whether the kernel sends a reset with this change to CLOSE: the connection is cut
 * short (tcp_need_reset()), or tcp_abort() does it, of which sk_err tells.
 */
static __always_inline bool sends_reset(const struct sock *sk, int oldstate)
{
	if (sk->sk_err == ECONNABORTED)
		return true;
	return !sk->sk_err && (oldstate == BPF_TCP_ESTABLISHED || oldstate == BPF_TCP_CLOSE_WAIT);
}

/* Whether the peer has said its last; tcp_fin() sets the flag. */
static __always_inline bool is_finished(const struct sock *sk)
{
	unsigned long done = 1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return sk->__sk_common.skc_flags & done;
}

/* Whether the peer sent any data: bytes_received counts its FIN as a byte, if it came. */
static __always_inline bool has_received(const struct sock *sk, const struct tcp_sock *tcp)
{
	return tcp->bytes_received > is_finished(sk);
}

/* An orderly close in which the asking end said something and the other never a byte. */
static __always_inline bool was_unanswered(const struct sock *sk, const struct tcp_sock *tcp,
					   enum shunt_role role)
{
	bool sent = tcp->bytes_sent, received = has_received(sk, tcp);

	return role == SHUNT_ROLE_CLIENT ? sent && !received : received && !sent;
}

/* How a connection that was open in `oldstate` came to CLOSE. */
static __always_inline enum shunt_close closed_as(const struct sock *sk, int oldstate)
{
	switch (sk->sk_err) {
	case 0:
		if (oldstate == BPF_TCP_ESTABLISHED || oldstate == BPF_TCP_CLOSE_WAIT)
			return aborted_close(sk);
		return SHUNT_CLOSE_ORDERLY;
	case ECONNRESET:
	case EPIPE:
		/*
		 * Once both ends are done with it, a reset only tidies up: the
		 * peer's, or our own for data that came after close(2), for which
		 * tcp_rcv_state_process() calls tcp_reset() as well.
		 */
		if (sk->sk_shutdown == SHUTDOWN_MASK)
			return SHUNT_CLOSE_ORDERLY;
		return SHUNT_CLOSE_RESET_BY_PEER;
	case ECONNABORTED: /* tcp_abort(): `ss -K` */
		return SHUNT_CLOSE_RESET_BY_LOCAL;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		/* tcp_write_err() prefers the last ICMP error to its own. */
		return SHUNT_CLOSE_TIMED_OUT;
	default:
		return SHUNT_CLOSE_OTHER;
	}
}

#endif
