/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things are counted: one shard a CPU and service, one more that all CPUs share, and
 * the errors.
 *
 * The kernel does not run a program that is running already on that CPU: not in an
 * interrupt, nor in another task (bpf_prog_active and prog->active, since Linux 6.1 for
 * tracepoints too).  So where only one program counts something in the shard of its own
 * CPU, nothing can come between its load and its store, and an addition need not be
 * atomic, which would be most of its price.  Hence the rule:
 *
 *  - shunt_state alone adds successful handshakes, closes and the histograms of both, of
 *    the RTT and of the last response to the shards of the CPUs, shunt_segment alone those
 *    of the response and the zero windows: tally();
 *  - whoever else has some of that to tell, which is rare, adds it to the shared shard;
 *    there, and for all other counters, additions are atomic: count().
 */
#ifndef SHUNT_BPF_CELL_H
#define SHUNT_BPF_CELL_H

#include "shunt/abi.h"

/* How many slots there are; the shard of a slot is row * slots + slot. */
const volatile __u32 shunt_slots = 1;

/* How many CPUs there may be; the row after theirs is the shared one. */
const volatile __u32 shunt_cpus = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs and one, times slots, set before load */
	__type(key, __u32);
	__type(value, struct shunt_shard);
} shunt_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as many */
	__type(key, __u32);
	__type(value, struct shunt_buckets);
} shunt_histograms SEC(".maps");

__u64 shunt_errors[SHUNT_SITE_MAX][SHUNT_ERRNO_MAX];

/* Adds to a counter that others may be adding to. */
static __always_inline void count(__u64 *counter, __u64 add)
{
	__sync_fetch_and_add(counter, add);
}

/* Adds to a counter of this CPU's shard that nobody but this program adds to. */
static __always_inline void tally(__u64 *counter, __u64 add)
{
	*(volatile __u64 *)counter += add;
}

/* Counts a failed helper; `error` is its negative errno. */
static __always_inline void count_error(enum shunt_site site, long error)
{
	__u32 number = -error;

	if (number >= SHUNT_ERRNO_MAX)
		number = 0;
	__sync_fetch_and_add(&shunt_errors[site][number], 1);
}

static __always_inline struct shunt_shard *shard_at(__u32 index)
{
	struct shunt_shard *shard = bpf_map_lookup_elem(&shunt_cells, &index);

	if (!shard)
		count_error(SHUNT_SITE_CELL, -2 /* ENOENT */);
	return shard;
}

/* The shard of a slot in a row, or NULL (counted) where there is none. */
static __always_inline struct shunt_shard *shard_in(__u32 row, __u32 slot)
{
	return shard_at(row * shunt_slots + slot);
}

static __always_inline struct shunt_shard *shard_of(__u32 slot)
{
	return shard_in(bpf_get_smp_processor_id(), slot);
}

static __always_inline struct shunt_shard *shared_shard_of(__u32 slot)
{
	return shard_in(shunt_cpus, slot);
}

/* A shard and its histograms. */
struct cell {
	struct shunt_shard *shard;
	struct shunt_buckets *buckets;
};

/* Finds both of a slot in a row.  Whether they are there; the maps have as many entries. */
static __always_inline bool cell_in(__u32 row, __u32 slot, struct cell *ret_cell)
{
	__u32 index = row * shunt_slots + slot;
	struct shunt_shard *shard = shard_at(index);
	struct shunt_buckets *buckets;

	if (!shard)
		return false;
	buckets = bpf_map_lookup_elem(&shunt_histograms, &index);
	if (!buckets)
		return false;
	*ret_cell = (struct cell){shard, buckets};
	return true;
}

static __always_inline bool cell_of(__u32 slot, struct cell *ret_cell)
{
	return cell_in(bpf_get_smp_processor_id(), slot, ret_cell);
}

static __always_inline bool shared_cell_of(__u32 slot, struct cell *ret_cell)
{
	return cell_in(shunt_cpus, slot, ret_cell);
}

/* The bucket of a duration, in ns; never NULL, which the verifier does not know. */
static __always_inline __u64 *bucket_of(const struct cell *cell, __u32 histogram, __u64 ns)
{
	__u32 bucket = shunt_bucket(ns);

	return bucket < SHUNT_BUCKETS ? &cell->buckets->buckets[histogram][bucket] : NULL;
}

/* Adds a duration, in ns, to a histogram of this CPU's cell. */
static __always_inline void tally_duration(const struct cell *cell, __u32 histogram, __u64 ns)
{
	__u64 *bucket = bucket_of(cell, histogram, ns);

	if (!bucket)
		return;
	tally(bucket, 1);
	tally(&cell->shard->sums[histogram], ns);
}

/* …and to one of the shared cell. */
static __always_inline void count_duration(const struct cell *cell, __u32 histogram, __u64 ns)
{
	__u64 *bucket = bucket_of(cell, histogram, ns);

	if (!bucket)
		return;
	count(bucket, 1);
	count(&cell->shard->sums[histogram], ns);
}

#endif
