/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queues of listening sockets.  Nothing fires where a SYN is dropped at a full
 * queue, but the socket keeps count: so every listener is marked with a socket
 * storage, and the daemon walks over the marked ones, in all network namespaces.
 */
#ifndef SHUNT_BPF_LISTENER_H
#define SHUNT_BPF_LISTENER_H

#include "service.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} shunt_listeners SEC(".maps");

/* The mark goes with the socket; a failure loses this listener's queue alone. */
static __always_inline void mark_listener(struct sock *sk)
{
	if (!bpf_sk_storage_get(&shunt_listeners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE))
		count_error(SHUNT_SITE_LISTENER, -12 /* ENOMEM */);
}

/* Writes a struct shunt_queue for each listener. */
SEC("iter/bpf_sk_storage_map")
int shunt_queues(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct shunt_queue queue = {};
	struct sock *sk = ctx->sk;

	if (!sk || sk->__sk_common.skc_state != BPF_TCP_LISTEN)
		return 0;
	local_endpoint(&sk->__sk_common, &queue.local);
	queue.socket = (__u64)sk;
	queue.length = sk->sk_ack_backlog;
	queue.limit = sk->sk_max_ack_backlog;
	queue.drops = sk->sk_drops.counter;
	bpf_seq_write(ctx->meta->seq, &queue, sizeof(queue));
	return 0;
}

#endif
