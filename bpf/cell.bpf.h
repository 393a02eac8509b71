/* SPDX-License-Identifier: GPL-2.0 */
/* Where things are counted: one cell a CPU and service, and the errors. */
#ifndef SHUNT_BPF_CELL_H
#define SHUNT_BPF_CELL_H

#include "shunt/abi.h"

/* How many slots each CPU has; the cell of a slot is cpu * slots + slot. */
const volatile __u32 shunt_slots = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs times slots, set before load */
	__type(key, __u32);
	__type(value, struct shunt_cell);
} shunt_cells SEC(".maps");

__u64 shunt_errors[SHUNT_SITE_MAX][SHUNT_ERRNO_MAX];

/*
 * Adds to a counter of this CPU's cell.  The add is atomic because a softirq
 * may interrupt a program in process context on the same CPU and count in the
 * same cell; the line is this CPU's own, so that it costs no traffic.
 */
static __always_inline void count(__u64 *counter, __u64 add)
{
	__sync_fetch_and_add(counter, add);
}

/* Counts a failed helper; `error` is its negative errno. */
static __always_inline void count_error(enum shunt_site site, long error)
{
	__u32 number = -error;

	if (number >= SHUNT_ERRNO_MAX)
		number = 0;
	__sync_fetch_and_add(&shunt_errors[site][number], 1);
}

/* This CPU's cell of a slot, or NULL (counted) where there is none. */
static __always_inline struct shunt_cell *cell_of(__u32 slot)
{
	__u32 index = bpf_get_smp_processor_id() * shunt_slots + slot;
	struct shunt_cell *cell = bpf_map_lookup_elem(&shunt_cells, &index);

	if (!cell)
		count_error(SHUNT_SITE_CELL, -2 /* ENOENT */);
	return cell;
}

/* Adds a duration, in ns, to a histogram. */
static __always_inline void observe(struct shunt_cell *cell, enum shunt_signal signal, __u64 ns)
{
	__u32 bucket = shunt_bucket(ns);

	/* The verifier does not follow the clamp through the branches. */
	if (bucket >= SHUNT_BUCKETS)
		return;
	count(&cell->histograms[signal].buckets[bucket], 1);
	count(&cell->histograms[signal].sum, ns);
}

#endif
