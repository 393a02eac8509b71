/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A walk over the open files of every process, in every network namespace, for
 * what was there before the daemon: first told (who listens, who is talked to),
 * then, once the daemon has named them, followed.
 *
 * Files rather than the kernel's socket tables, since those are read a network
 * namespace at a time, from within, and do not know whose a socket is.
 */
#ifndef SHUNT_BPF_WALK_H
#define SHUNT_BPF_WALK_H

#include "conn.bpf.h"
#include "listener.bpf.h"

static __always_inline struct sock *tcp_of_file(struct file *file)
{
	struct socket *socket;
	struct sock *sk;

	if (!file)
		return NULL;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return NULL;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return NULL;
	if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
		return NULL;
	return sk;
}

static __always_inline bool is_open(const struct sock *sk)
{
	switch (sk->__sk_common.skc_state) {
	case BPF_TCP_ESTABLISHED:
	case BPF_TCP_FIN_WAIT1:
	case BPF_TCP_FIN_WAIT2:
	case BPF_TCP_CLOSE_WAIT:
	case BPF_TCP_LAST_ACK:
	case BPF_TCP_CLOSING:
		return true;
	default:
		return false;
	}
}

/* Writes a struct shunt_event for each listener and each remote talked to. */
SEC("iter/task_file")
int shunt_list(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = tcp_of_file(ctx->file);
	struct task_struct *task = ctx->task;
	struct shunt_event event = {};

	if (!sk || !task)
		return 0;
	if (sk->__sk_common.skc_state == BPF_TCP_LISTEN) {
		mark_listener(sk);
		fill_listener(&event, sk, task);
	} else if (is_open(sk) && guess_role(sk) == SHUNT_ROLE_CLIENT) {
		fill_remote(&event, sk, task);
	} else {
		return 0;
	}
	bpf_seq_write(ctx->meta->seq, &event, sizeof(event));
	return 0;
}

/* Follows each connection that is open now, and was not seen being made. */
SEC("iter/task_file")
int shunt_seed(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = tcp_of_file(ctx->file);
	struct shunt_conn from = {}, *conn;
	struct shunt_shard *shard;
	enum shunt_role role;
	long error;

	if (!sk || !is_open(sk) || conn_find(sk))
		return 0;
	role = guess_role(sk);
	from.flags = conn_flags(role);
	from.slot = find_slot(sk, role);
	/* What was said before us is no request of which the answer could be timed. */
	from.sent = BPF_CORE_READ((const struct tcp_sock *)sk, snd_nxt);
	shard = shared_shard_of(from.slot);
	if (!shard)
		return 0;
	error = conn_insert(conn_set_of(sk), sk, &from);
	if (error) {
		count_error(SHUNT_SITE_SEED, error);
		return 0;
	}
	/* Closed before we added it: that close found no entry and was counted whole. */
	conn = conn_find(sk);
	if (!is_open(sk) && conn && conn_remove(sk, conn))
		return 0;
	count(&shard->counters.seeded, 1);
	return 0;
}

#endif
