/* SPDX-License-Identifier: GPL-2.0 */
/* What is remembered of an open connection, and of a handshake tried again. */
#ifndef SHUNT_BPF_CONN_H
#define SHUNT_BPF_CONN_H

#include "event.bpf.h"

struct conn {
	__u32 slot;
	__u32 role; /* enum shunt_role */
	__u64 established; /* ns; 0: before the daemon was there */
	__u64 rtt_sampled; /* ns */
};

/*
 * Keyed by the socket's address: an entry is added when the connection is
 * established and removed when the socket comes to CLOSE, which every socket
 * does before its memory is freed (inet_csk_destroy_sock() warns otherwise).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u64);
	__type(value, struct conn);
} shunt_conns SEC(".maps");

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
static __always_inline void retry_add(const struct attempt *attempt, __u64 began)
{
	long error = bpf_map_update_elem(&shunt_retries, attempt, &began, BPF_NOEXIST);

	if (error && error != -17 /* EEXIST */)
		count_error(SHUNT_SITE_RETRY_INSERT, error);
}

/* When the handshake began, or 0; forgets it. */
static __always_inline __u64 retry_take(const struct sock *sk)
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

/* The service that a socket belongs to, as this role sees it. */
static __always_inline __u32 find_slot(const struct sock *sk, enum shunt_role role)
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
 * Begins to follow a connection.  An entry that is already there belonged to a
 * socket whose close was missed, and whose memory has come back to us.
 */
static __always_inline void conn_add(const struct sock *sk, const struct conn *conn)
{
	__u64 key = (__u64)sk;
	struct shunt_cell *cell;
	struct conn *stale;
	long error;

	error = bpf_map_update_elem(&shunt_conns, &key, conn, BPF_NOEXIST);
	if (!error)
		return;
	stale = bpf_map_lookup_elem(&shunt_conns, &key);
	if (stale && (cell = cell_of(stale->slot))) {
		count(&cell->closes[SHUNT_CLOSE_OTHER], 1);
		error = bpf_map_update_elem(&shunt_conns, &key, conn, BPF_EXIST);
		count_error(SHUNT_SITE_CONN_STALE, -17 /* EEXIST */);
	}
	if (error)
		count_error(SHUNT_SITE_CONN_INSERT, error);
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
