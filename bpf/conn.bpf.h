/* SPDX-License-Identifier: GPL-2.0 */
/* What is remembered of an open connection, and of a handshake tried again. */
#ifndef SHUNT_BPF_CONN_H
#define SHUNT_BPF_CONN_H

#include "event.bpf.h"

/*
 * A connection is found by its socket's address, in a table of our own: a set of
 * SHUNT_CONN_WAYS entries to each hash, among the variables, where neither a helper is
 * called nor a bound checked to look up, to add or to remove, and so costs a fraction of
 * what the kernel's hash or a socket storage do (docs/cost.md has the figures).  Where a
 * set is full, the connection goes to a hash of the kernel's.
 *
 * An entry is added when the connection is established and removed when the socket
 * comes to CLOSE, which every socket does before its memory is freed
 * (inet_csk_destroy_sock() warns otherwise).  All of that happens under the socket's
 * lock, so that one entry has one writer; only claiming a free one is a race, which
 * the compare-and-swap settles.
 *
 * It has pages of its own, which the daemon unmaps (table_hide()).
 */
struct shunt_conn_set shunt_conns[SHUNT_CONN_SETS] __attribute__((aligned(4096)));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u64);
	__type(value, struct shunt_conn);
} shunt_conns_overflow SEC(".maps");

/* Open connections from known probers: mostly none, and packets need not be looked at. */
__s64 shunt_suspected;

/* How many connections are in the overflow; mostly none, and it need not be asked. */
__u64 shunt_overflowed;

/* The owner of an entry that is being filled in; no socket lies there. */
#define CONN_CLAIMED 1UL

/*
 * The address of a socket as a number, with which the verifier allows arithmetic: all that
 * it lets a loader with CAP_PERFMON do with two pointers is to take one from the other
 * (adjust_reg_min_max_vals()), and so it is counted from where something of ours lies.
 */
static __always_inline __u64 socket_number(const struct sock *sk)
{
	__u64 number = (__u64)sk - (__u64)&shunt_overflowed;

	barrier_var(number);
	return number;
}

/*
 * The set of a socket, by its address rather than by the kernel's hash of the
 * connection: the allocator gives out the address that was freed last, and its set
 * is then still in the cache.
 */
static __always_inline struct shunt_conn_set *conn_set_of(const struct sock *sk)
{
	/* Fibonacci hashing: the top bits of the product are mixed best. */
	__u64 index = (socket_number(sk) * 0x9e3779b97f4a7c15ULL) >> (64 - SHUNT_CONN_SETS_LOG2);

	return &shunt_conns[index];
}

static __always_inline enum shunt_role conn_role(const struct shunt_conn *conn)
{
	return conn->flags & SHUNT_CONN_CLIENT ? SHUNT_ROLE_CLIENT : SHUNT_ROLE_SERVER;
}

static __always_inline __u8 conn_flags(enum shunt_role role)
{
	return role == SHUNT_ROLE_CLIENT ? SHUNT_CONN_CLIENT : 0;
}

static __always_inline struct shunt_conn *conn_find_in(struct shunt_conn_set *set,
						       const struct sock *sk)
{
	__u64 socket = (__u64)sk;

	for (int i = 0; i < SHUNT_CONN_WAYS; i++) {
		if (set->ways[i].socket == (__u64)sk)
			return &set->ways[i];
	}
	if (!shunt_overflowed)
		return NULL;
	return bpf_map_lookup_elem(&shunt_conns_overflow, &socket);
}

/* What is remembered of a connection, or NULL. */
static __always_inline struct shunt_conn *conn_find(const struct sock *sk)
{
	return conn_find_in(conn_set_of(sk), sk);
}

static __always_inline void conn_fill(struct shunt_conn *conn, const struct shunt_conn *from)
{
	conn->established = from->established;
	conn->request_at = 0;
	conn->sent = from->sent;
	conn->slot = from->slot;
	conn->rtt_unit = from->rtt_unit;
	conn->flags = from->flags;
}

/* Adds one that is not there to its set.  0, or a negative errno of the overflow. */
static __always_inline long conn_insert(struct shunt_conn_set *set, const struct sock *sk,
					const struct shunt_conn *from)
{
	__u64 socket = (__u64)sk;
	long error;

	for (int i = 0; i < SHUNT_CONN_WAYS; i++) {
		struct shunt_conn *conn = &set->ways[i];

		if (conn->socket || __sync_val_compare_and_swap(&conn->socket, 0, CONN_CLAIMED))
			continue;
		conn_fill(conn, from);
		conn->socket = (__u64)sk;
		return 0;
	}
	error = bpf_map_update_elem(&shunt_conns_overflow, &socket, from, BPF_NOEXIST);
	if (!error)
		__sync_fetch_and_add(&shunt_overflowed, 1);
	return error;
}

/* Forgets a connection that conn_find() gave.  Whether it was still there. */
static __always_inline bool conn_remove(const struct sock *sk, struct shunt_conn *conn)
{
	__u64 socket = (__u64)sk;

	/* An entry of the overflow names no owner. */
	if (conn->socket == (__u64)sk) {
		conn->socket = 0;
		return true;
	}
	if (bpf_map_delete_elem(&shunt_conns_overflow, &socket))
		return false;
	__sync_fetch_and_sub(&shunt_overflowed, 1);
	return true;
}

/* A handshake by its remote end and local port. */
struct attempt {
	struct shunt_endpoint remote;
	__u64 local_port;
};

/*
 * When handshakes that needed another try began, since the socket forgets it:
 * tcp_clean_rtx_queue() zeroes retrans_stamp as the SYN is acknowledged.  Those
 * that never end are evicted; a lost entry costs one duration and is counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct attempt);
	__type(value, __u64); /* ns */
} shunt_retries SEC(".maps");

static __always_inline void attempt_of(const struct sock_common *common,
				       struct attempt *ret_attempt)
{
	remote_endpoint(common, &ret_attempt->remote);
	ret_attempt->local_port = common->skc_num;
}

/* Keeps when a handshake began; the first word stands. */
__cold_path void retry_add(const struct attempt *attempt, __u64 began)
{
	long error = bpf_map_update_elem(&shunt_retries, attempt, &began, BPF_NOEXIST);

	if (error && error != -17 /* EEXIST */)
		count_error(SHUNT_SITE_RETRY_INSERT, error);
}

/* When the handshake began, or 0; forgets it. */
__cold_path __u64 retry_take(const struct sock *sk)
{
	struct attempt attempt = {};
	__u64 *found, began;

	attempt_of(&sk->__sk_common, &attempt);
	attempt.local_port = local_port(sk);
	found = bpf_map_lookup_elem(&shunt_retries, &attempt);
	if (!found)
		return 0;
	began = *found;
	bpf_map_delete_elem(&shunt_retries, &attempt);
	return began;
}

/*
 * The service that a socket belongs to, as this role sees it.  A function of its own:
 * long, and once a connection, it would only part what runs more often.
 */
static __noinline __u32 find_slot(const struct sock *sk, enum shunt_role role)
{
	struct shunt_endpoint endpoint = {};
	__u32 *slot;

	if (role == SHUNT_ROLE_SERVER) {
		local_endpoint(&sk->__sk_common, &endpoint);
		endpoint.port = local_port(sk);
		slot = find_inbound(&endpoint, sk);
		return slot ? *slot : SHUNT_SLOT_UNKNOWN_SERVER;
	}
	remote_endpoint(&sk->__sk_common, &endpoint);
	slot = find_outbound(&endpoint, sk);
	if (slot)
		return *slot;
	note_remote(sk, &endpoint);
	return SHUNT_SLOT_UNKNOWN_CLIENT;
}

/*
 * Begins to follow a connection.  One that is there already belonged to a socket
 * whose close was missed, and whose memory has come back to us.
 */
static __always_inline void conn_add(const struct sock *sk, const struct shunt_conn *from)
{
	struct shunt_conn_set *set = conn_set_of(sk);
	struct shunt_conn *stale = conn_find_in(set, sk);
	struct shunt_shard *shard;
	long error;

	if (stale) {
		shard = shared_shard_of(stale->slot);
		if (stale->flags & SHUNT_CONN_PROBER)
			__sync_fetch_and_sub(&shunt_suspected, 1);
		/* How it ended nobody knows, which is no evidence of a failure. */
		if (shard)
			count(&shard->counters.closes[SHUNT_CLOSE_ORDERLY], 1);
		/*
		 * One that was older than us may have closed as shunt_seed added it: the
		 * tracepoint comes before the change of state by which that would tell.
		 */
		if (stale->established)
			count_error(SHUNT_SITE_CONN_STALE, -17 /* EEXIST */);
		conn_fill(stale, from);
		return;
	}
	error = conn_insert(set, sk, from);
	if (!error)
		return;
	count_error(SHUNT_SITE_CONN_INSERT, error);
	/* Its close will be counted as one that was open before us: take that off now. */
	shard = shared_shard_of(from->slot);
	if (shard)
		count(&shard->counters.seeded, -1);
}

/*
 * The role of a connection that nobody saw being made: server where its local
 * end is one that a service listens on, else client.
 */
static __always_inline enum shunt_role guess_role(const struct sock *sk)
{
	struct shunt_endpoint local = {};

	local_endpoint(&sk->__sk_common, &local);
	local.port = local_port(sk);
	return find_inbound(&local, sk) ? SHUNT_ROLE_SERVER : SHUNT_ROLE_CLIENT;
}

#endif
