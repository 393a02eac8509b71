/* SPDX-License-Identifier: GPL-2.0 */
/* Which ruling a request for a connection meets, and what it says of this one. */
#ifndef SHUNT_BPF_RULING_H
#define SHUNT_BPF_RULING_H

#include "parse.bpf.h"
#include "prober.bpf.h"

/* How many slots there are; a slot's counters of a CPU are cpu * slots + slot. */
const volatile __u32 shunt_slots = 1;

/* The daemon's own network namespace: its inode. */
const volatile __u32 shunt_netns;

/* How many slots have a verdict that is not PASS.  0: nothing is looked at. */
__u32 shunt_armed;

__u64 shunt_unjudged[SHUNT_UNJUDGED_MAX];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* slots, set before load */
	__type(key, __u32);
	__type(value, struct shunt_ruling);
} shunt_rulings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs times slots, set before load */
	__type(key, __u32);
	__type(value, struct shunt_verdict_counts);
} shunt_verdicts SEC(".maps");

/* The observer's, where there is one, as shunt_probers is: see bpf/service.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct shunt_endpoint);
	__type(value, __u32); /* slot */
} shunt_inbound SEC(".maps");

/* A ruling that was found to be in force. */
struct found {
	__u32 slot;
	bool by_wildcard; /* the service is named by its port alone */
	struct shunt_ruling ruling;
};

static __always_inline void count_unjudged(__u32 why)
{
	if (why < SHUNT_UNJUDGED_MAX)
		__sync_fetch_and_add(&shunt_unjudged[why], 1);
}

/*
 * The slot of a local endpoint, as find_inbound() of bpf/service.bpf.h finds it for a
 * service that no cgroup narrows; which cgroup is meant no packet tells.
 */
static __always_inline __u32 *find_service(const struct shunt_endpoint *local,
					   bool *ret_by_wildcard)
{
	struct shunt_endpoint exact = *local, wildcard = *local;
	__u32 *slot;

	make_wildcard(wildcard.addr);
	exact.netns = wildcard.netns = shunt_netns;
	*ret_by_wildcard = false;
	if ((slot = bpf_map_lookup_elem(&shunt_inbound, &exact)))
		return slot;
	*ret_by_wildcard = true;
	if ((slot = bpf_map_lookup_elem(&shunt_inbound, &wildcard)))
		return slot;
	exact.netns = wildcard.netns = 0;
	*ret_by_wildcard = false;
	if ((slot = bpf_map_lookup_elem(&shunt_inbound, &exact)))
		return slot;
	*ret_by_wildcard = true;
	return bpf_map_lookup_elem(&shunt_inbound, &wildcard);
}

/* Whether a ruling is in force on the service that a request is for. */
static __always_inline bool find_ruling(const struct request *request, struct found *ret_found)
{
	__u32 *slot = find_service(&request->local, &ret_found->by_wildcard);
	volatile struct shunt_ruling *ruling;

	if (!slot)
		return false;
	ret_found->slot = *slot;
	ruling = bpf_map_lookup_elem(&shunt_rulings, &ret_found->slot);
	if (!ruling)
		return false;
	ret_found->ruling.word = ruling->word;
	if (ret_found->ruling.verdict == SHUNT_VERDICT_PASS)
		return false;
	if (bpf_ktime_get_ns() >= ruling->until) {
		count_unjudged(SHUNT_UNJUDGED_EXPIRED);
		return false;
	}
	return true;
}

static __always_inline bool is_prober(const struct request *request, __u32 slot)
{
	struct shunt_prober_key key = {.slot = slot};

	__builtin_memcpy(key.addr, request->remote, sizeof(key.addr));
	return bpf_map_lookup_elem(&shunt_probers, &key);
}

/* The finalizer of MurmurHash3, which is public domain: every bit depends on every other. */
static __always_inline __u64 mix(__u64 hash, __u64 more)
{
	hash ^= more;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	return hash ^ hash >> 33;
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
	if (verdict != SHUNT_VERDICT_DROP && verdict != SHUNT_VERDICT_REJECT) {
		count_unjudged(SHUNT_UNJUDGED_UNSUPPORTED);
		return SHUNT_VERDICT_PASS;
	}
	if (is_admitted(request, found) || (exempt && is_prober(request, found->slot)))
		return SHUNT_VERDICT_PASS;
	return verdict;
}

/* Counts a verdict; what is left of it to carry out. */
static __always_inline __u32 pronounce(const struct found *found, __u32 verdict)
{
	__u32 index = bpf_get_smp_processor_id() * shunt_slots + found->slot;
	struct shunt_verdict_counts *counts = bpf_map_lookup_elem(&shunt_verdicts, &index);
	bool shadow = found->ruling.flags & SHUNT_RULING_SHADOW;

	if (counts && verdict < SHUNT_VERDICT_MAX)
		__sync_fetch_and_add(
			shadow ? &counts->shadow[verdict] : &counts->connections[verdict], 1);
	return shadow ? SHUNT_VERDICT_PASS : verdict;
}

#endif
