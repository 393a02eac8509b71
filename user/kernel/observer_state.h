/* SPDX-License-Identifier: GPL-2.0 */
/* What an observer is, shared by the files that make it up and by nobody else. */
#ifndef SHUNT_KERNEL_OBSERVER_STATE_H
#define SHUNT_KERNEL_OBSERVER_STATE_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/observer.h"
#include "observe.skel.h"

struct observer {
	struct observe_bpf *bpf;
	struct ring_buffer *events;
	observer_event_fn on_event;
	observer_probe_fn on_probe;
	void *userdata;
	struct bpf_link *queues; /* the walk over listeners, ready to be taken */
	struct bpf_link *answers; /* on every packet that leaves; or NULL */
	struct shunt_shard *shards; /* [row][slot], shared with the kernel */
	struct shunt_buckets *buckets; /* likewise */
	struct shunt_source_set *sources; /* shared with the kernel, once asked for */
	struct shunt_trial *trials; /* [slot], shared with the kernel */
	uint32_t slots;
	uint32_t cpus;
	bool answers_wanted;
	bool has[SIGNAL_MAX];
};

/* The rows of cells: one for each CPU, and the shared one. */
static inline uint32_t observer_rows(uint32_t cpus)
{
	return cpus + 1;
}

/* Unmaps what observer_sources() has mapped. */
void observer_unmap_sources(struct observer *observer);

/* Maps what trials are counted in, and unmaps it.  0 or a negative errno. */
int observer_map_trials(struct observer *observer);
void observer_unmap_trials(struct observer *observer);

#endif
