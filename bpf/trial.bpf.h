/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trials: the connections that a half-open breaker lets through, and how they go.
 *
 * Whether new connections of a service are trials is a bit of a byte that is looked at in any
 * case, and is kept with the connection, so that all others pay for no more than a bit.
 */
#ifndef SHUNT_BPF_TRIAL_H
#define SHUNT_BPF_TRIAL_H

#include "cell.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* slots, set before load */
	__type(key, __u32);
	__type(value, struct shunt_trial);
} shunt_trials SEC(".maps");

/* A connection's flag from the slot's watches, without a branch. */
#define SHUNT_TRIAL_FLAG(watches) (((watches)&SHUNT_WATCH_TRIALS) << 3)
_Static_assert(SHUNT_CONN_TRIAL == SHUNT_WATCH_TRIALS << 3, "one is shifted to the other");

/* What is known of a trial: it was answered, it has ended, it was measured. */
enum trial_end { TRIAL_GOES_ON, TRIAL_PASSED, TRIAL_FAILED };

/*
 * Takes what became of a trial, and a duration of it, in ns, of an enum shunt_signal.
 * Global, so that the verifier looks at it once and not at every place from which it is
 * called.
 */
__noinline int note_trial(__u32 slot, __u64 established, __u32 end, __u32 signal, __u64 duration)
{
	struct shunt_trial *trial = bpf_map_lookup_elem(&shunt_trials, &slot);

	/* One of a time before: it was let through by another half-open, or by none. */
	if (!trial || established < trial->since)
		return 0;
	if (end == TRIAL_PASSED)
		__sync_fetch_and_add(&trial->passed, 1);
	else if (end == TRIAL_FAILED)
		__sync_fetch_and_add(&trial->failed, 1);
	if (trial->over && signal == trial->signal && duration > trial->over)
		__sync_fetch_and_add(&trial->slow, 1);
	return 0;
}

#endif
