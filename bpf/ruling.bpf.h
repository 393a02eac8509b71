/* SPDX-License-Identifier: GPL-2.0 */
/* The rulings: whether one is in force, and what is counted of it. */
#ifndef SHUNT_BPF_RULING_H
#define SHUNT_BPF_RULING_H

#include "shunt/verdict.h"

/* How many slots there are; a slot's counters of a CPU are cpu * slots + slot. */
const volatile __u32 shunt_slots = 1;

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

/* Where connections go under REDIRECT, those of dependencies as well. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* slots, set before load */
	__type(key, __u32); /* slot */
	__type(value, struct shunt_target);
} shunt_targets SEC(".maps");

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

/* Whether a ruling is in force on a slot. */
static __always_inline bool is_ruled(__u32 slot, struct found *ret_found)
{
	volatile struct shunt_ruling *ruling = bpf_map_lookup_elem(&shunt_rulings, &slot);

	if (!ruling)
		return false;
	ret_found->slot = slot;
	ret_found->ruling.word = ruling->word;
	if (ret_found->ruling.verdict == SHUNT_VERDICT_PASS)
		return false;
	if (bpf_ktime_get_ns() >= ruling->until) {
		count_unjudged(SHUNT_UNJUDGED_EXPIRED);
		return false;
	}
	return true;
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

/* Counts a verdict; what is left of it to carry out. */
static __always_inline __u32 pronounce(const struct found *found, __u32 verdict)
{
	__u32 index = bpf_get_smp_processor_id() * shunt_slots + found->slot;
	struct shunt_verdict_counts *counts = bpf_map_lookup_elem(&shunt_verdicts, &index);
	bool shadow = found->ruling.flags & SHUNT_RULING_SHADOW;
	__u32 at = verdict;

	/*
	 * The verifier of Linux 6.1 forgets a comparison where the compiler keeps the number on
	 * the stack, so it is masked, where the compiler cannot know that it need not be.
	 */
	barrier_var(at);
	at &= 7;
	if (counts && at < SHUNT_VERDICT_MAX)
		__sync_fetch_and_add(shadow ? &counts->shadow[at] : &counts->connections[at], 1);
	return shadow ? SHUNT_VERDICT_PASS : verdict;
}

/*
 * Counts a local client that is refused.  Its reset is sent by TCP, as one of a port is on which
 * nobody listens; who observes must tell them apart.
 */
static __always_inline void count_local(const struct found *found)
{
	__u32 index = bpf_get_smp_processor_id() * shunt_slots + found->slot;
	struct shunt_verdict_counts *counts = bpf_map_lookup_elem(&shunt_verdicts, &index);

	if (counts)
		__sync_fetch_and_add(&counts->local, 1);
}

#endif
