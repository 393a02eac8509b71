/* SPDX-License-Identifier: GPL-2.0 */
/* An observer's part in verdicts: what a data plane shares with it, and how trials go. */
#include <bpf/bpf.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/map.h"
#include "kernel/observer_state.h"

void observer_maps(const struct observer *observer, struct observer_maps *ret_maps)
{
	const struct observe_bpf *bpf = observer->bpf;

	*ret_maps = (struct observer_maps){
		.inbound = bpf_map__fd(bpf->maps.shunt_inbound),
		.outbound = bpf_map__fd(bpf->maps.shunt_outbound),
		.prefixes = bpf_map__fd(bpf->maps.shunt_prefixes),
		.probers = bpf_map__fd(bpf->maps.shunt_probers),
	};
}

int observer_map_trials(struct observer *observer)
{
	return map_mmap(bpf_map__fd(observer->bpf->maps.shunt_trials),
			sizeof(struct shunt_trial) * observer->slots, (void **)&observer->trials);
}

void observer_unmap_trials(struct observer *observer)
{
	if (observer->trials)
		munmap(observer->trials, sizeof(struct shunt_trial) * observer->slots);
	observer->trials = NULL;
}

/* A connection that is established amid this is none: what it would be judged by comes first. */
void observer_try(struct observer *observer, uint32_t slot, const struct observer_trial *trial)
{
	__u8 *watches = observer->bpf->bss->shunt_watches;
	struct shunt_trial *shared;

	if (slot >= observer->slots || slot >= SHUNT_SLOTS_MAX)
		return;
	if (!trial) {
		watches[slot] &= (__u8)~SHUNT_WATCH_TRIALS;
		return;
	}
	shared = &observer->trials[slot];
	shared->over = trial->over;
	shared->signal = trial->signal;
	__atomic_store_n(&shared->since, trial->since, __ATOMIC_RELEASE);
	watches[slot] |= SHUNT_WATCH_TRIALS;
}

void observer_tried(const struct observer *observer, uint32_t slot,
		    struct observer_tried *ret_tried)
{
	const volatile struct shunt_trial *shared;

	memset(ret_tried, 0, sizeof(*ret_tried));
	if (slot >= observer->slots)
		return;
	shared = &observer->trials[slot];
	ret_tried->passed = shared->passed;
	ret_tried->failed = shared->failed;
	ret_tried->slow = shared->slow;
}
