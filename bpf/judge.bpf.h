/* SPDX-License-Identifier: GPL-2.0 */
/* Which ruling a packet that asks for a connection meets, and what it says of this one. */
#ifndef SHUNT_BPF_JUDGE_H
#define SHUNT_BPF_JUDGE_H

#include "inbound.bpf.h"
#include "parse.bpf.h"
#include "prober.bpf.h"
#include "ruling.bpf.h"

/* What may be found under a port that nobody has told of. */
#define PORT_KINDS (SHUNT_PORT_INBOUND | SHUNT_PORT_INBOUND_WILD | SHUNT_PORT_INBOUND_ANY_NETNS)

/* The daemon's own network namespace: its inode. */
const volatile __u32 shunt_netns;

/*
 * Whether a ruling is in force on the service that a request is for.  Not on one that a
 * cgroup narrows: which is meant no packet tells.
 */
static __always_inline bool find_ruling(const struct request *request, struct found *ret_found)
{
	struct shunt_endpoint local = request->local;
	__u32 *slot;

	local.netns = shunt_netns;
	slot = find_inbound_in(&local, 0, PORT_KINDS, &ret_found->by_wildcard);
	return slot && is_ruled(*slot, ret_found);
}

static __always_inline bool is_prober(const struct request *request, __u32 slot)
{
	struct shunt_prober_key key = {.slot = slot};

	__builtin_memcpy(key.addr, request->remote, sizeof(key.addr));
	return bpf_map_lookup_elem(&shunt_probers, &key);
}

/*
 * Whether a half-open ruling lets this one through.  A retransmitted SYN has the same four
 * numbers, and so the same answer.
 */
static __always_inline bool is_admitted(const struct request *request, const struct found *found)
{
	const __u64 *remote = (const __u64 *)request->remote;
	const __u64 *local = (const __u64 *)request->local.addr;
	__u64 hash = found->ruling.salt + 1;

	if (!found->ruling.admit)
		return false;
	hash = mix(hash, (__u64)request->remote_port << 16 | request->local.port);
	hash = mix(hash, remote[0]);
	hash = mix(hash, remote[1]);
	hash = mix(hash, local[0]);
	hash = mix(hash, local[1]);
	return hash >> 32 < found->ruling.admit;
}

/* What the ruling says of a request. */
static __always_inline __u32 judge(const struct request *request, const struct found *found)
{
	__u32 verdict = found->ruling.verdict;
	bool exempt = found->ruling.flags & SHUNT_RULING_EXEMPT;

	if (verdict == SHUNT_VERDICT_DRAIN)
		return is_prober(request, found->slot) ? verdict : SHUNT_VERDICT_PASS;
	if (verdict != SHUNT_VERDICT_DROP && verdict != SHUNT_VERDICT_REJECT &&
	    verdict != SHUNT_VERDICT_REDIRECT) {
		count_unjudged(SHUNT_UNJUDGED_UNSUPPORTED);
		return SHUNT_VERDICT_PASS;
	}
	if (is_admitted(request, found) || (exempt && is_prober(request, found->slot)))
		return SHUNT_VERDICT_PASS;
	return verdict;
}

#endif
