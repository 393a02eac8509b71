/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leads connections to a standby on this host.  Nothing is translated: where the kernel looks
 * for the listener of a SYN it is given the standby's, and the connection keeps its addresses
 * and ports.  From then on the kernel finds it by those, as any other: it is the standby's
 * until it ends, whatever becomes of the verdict, of these programs and of the daemon.
 */
#ifndef SHUNT_BPF_LEAD_H
#define SHUNT_BPF_LEAD_H

#include "judge.bpf.h"
#include "standby.bpf.h"

/*
 * How long what XDP said of a SYN holds.  Its listener is looked for at once; but where SYN
 * cookies are sent it is looked for again as the handshake ends, a round trip later.  A client
 * sends a SYN again after a second, and that one is judged anew.
 */
#define LEAD_NSEC 900000000ULL

/* SYNs on their way from an interface to where their listener is looked for. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHUNT_LEADS_MAX);
	__type(key, struct shunt_ends);
	__type(value, struct shunt_lead);
} shunt_leads SEC(".maps");

static __always_inline void take_ends(const struct request *request, struct shunt_ends *ret_ends)
{
	__builtin_memcpy(ret_ends->local, request->local.addr, 16);
	__builtin_memcpy(ret_ends->remote, request->remote, 16);
	ret_ends->local_port = request->local.port;
	ret_ends->remote_port = request->remote_port;
}

/*
 * The standby's listening socket, to be released, for a client of that family; or NULL.
 * Where the target is of the other family, what listens at its port on all addresses will do.
 */
static __always_inline struct bpf_sock *find_standby(const struct shunt_target *target, bool ipv4)
{
	struct shunt_listener key = {.port = target->port};
	struct bpf_sock *sk;

	__builtin_memcpy(key.addr, target->addr, 16);
	if (is_ipv4(key.addr) == ipv4) {
		sk = bpf_map_lookup_elem(&shunt_standbys, &key);
		if (sk)
			return sk;
	}
	__builtin_memset(key.addr, 0, 16);
	if (ipv4)
		map_ipv4(key.addr, 0);
	return bpf_map_lookup_elem(&shunt_standbys, &key);
}

/* Whether there is a standby that would take a request. */
static __always_inline bool has_standby(const struct request *request,
					const struct shunt_target *target)
{
	struct bpf_sock *sk = find_standby(target, request->ipv4);

	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* Tells follow_lead() of a SYN that came in by an interface. */
static __always_inline void lead(const struct request *request, const struct shunt_target *target)
{
	struct shunt_lead lead = {.until = bpf_ktime_get_ns() + LEAD_NSEC, .target = *target};
	struct shunt_ends ends = {};

	take_ends(request, &ends);
	bpf_map_update_elem(&shunt_leads, &ends, &lead, BPF_ANY);
}

/* The kernel goes on with that socket, or with its own look-up where it cannot take it. */
static __always_inline void assign_standby(struct bpf_sk_lookup *ctx, const struct request *request,
					   const struct shunt_target *target)
{
	struct bpf_sock *sk = find_standby(target, request->ipv4);

	if (!sk)
		return;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
}

static __always_inline void follow_lead(struct bpf_sk_lookup *ctx, const struct request *request)
{
	struct shunt_ends ends = {};
	const struct shunt_lead *lead;

	take_ends(request, &ends);
	lead = bpf_map_lookup_elem(&shunt_leads, &ends);
	if (lead && bpf_ktime_get_ns() < lead->until)
		assign_standby(ctx, request, &lead->target);
}

#endif
