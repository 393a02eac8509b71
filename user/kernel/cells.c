/* SPDX-License-Identifier: GPL-2.0 */
/* What was counted, read out of the memory that is shared with the kernel: no system call. */
#include <stddef.h>
#include <string.h>

#include "kernel/observer_state.h"

/* How many slots are fetched ahead; past the last there is nothing to fetch, and no harm. */
#define AHEAD	   8
#define CACHE_LINE 64

static struct shunt_shard *shard_at(const struct observer *observer, uint32_t row, uint32_t slot)
{
	return &observer->shards[row * observer->slots + slot];
}

static struct shunt_buckets *buckets_at(const struct observer *observer, uint32_t row,
					uint32_t slot)
{
	return &observer->buckets[row * observer->slots + slot];
}

/* The kernel counts on meanwhile: each word is read once, and whole. */
static void add_words(__u64 *sum, const volatile __u64 *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += words[i];
}

static void add_counters(const struct shunt_shard *shard, struct shunt_cell *ret_cell)
{
	add_words((__u64 *)&ret_cell->counters, (const __u64 *)&shard->counters,
		  sizeof(ret_cell->counters) / sizeof(__u64));
	add_words(&ret_cell->responses, &shard->responses, 1);
	add_words(&ret_cell->responses, &shard->last_responses, 1);
	add_words(&ret_cell->response_time, &shard->sums[SHUNT_SIGNAL_RESPONSE], 1);
	add_words(&ret_cell->response_time, &shard->sums[SHUNT_HISTOGRAM_LAST_RESPONSE], 1);
}

/*
 * Whether a shard has counted nothing, as most have where there are many CPUs: its buckets,
 * 8 KiB that no cache holds, need not be read.  Whoever adds a duration to them has counted
 * something in the shard too, or has added to a sum what is not 0.
 */
static bool is_blank(const struct shunt_shard *shard)
{
	const volatile __u64 *word = &shard->responses;
	const size_t words = offsetof(struct shunt_shard, counters.answered) / sizeof(__u64);

	for (size_t i = 0; i < words; i++) {
		if (word[i])
			return false;
	}
	return true;
}

static void add_histograms(const struct observer *observer, uint32_t row, uint32_t slot,
			   struct shunt_cell *ret_cell)
{
	const struct shunt_buckets *buckets = buckets_at(observer, row, slot);
	const struct shunt_shard *shard = shard_at(observer, row, slot);

	for (unsigned i = 0; i < SHUNT_HISTOGRAM_MAX; i++) {
		unsigned signal = i == SHUNT_HISTOGRAM_LAST_RESPONSE ? SHUNT_SIGNAL_RESPONSE : i;
		struct shunt_histogram *histogram = &ret_cell->histograms[signal];

		add_words(&histogram->sum, &shard->sums[i], 1);
		add_words(histogram->buckets, buckets->buckets[i], SHUNT_BUCKETS);
	}
}

void observer_read_counters(const struct observer *observer, uint32_t slot,
			    struct shunt_cell *ret_cell)
{
	memset(ret_cell, 0, offsetof(struct shunt_cell, histograms));
	if (slot >= observer->slots)
		return;
	for (uint32_t row = 0; row < observer_rows(observer->cpus); row++)
		add_counters(shard_at(observer, row, slot), ret_cell);
}

/* Who is asked for one slot's activity is asked for that of the next few, too. */
static void fetch_ahead(const struct shunt_shard *shard, size_t size)
{
	for (size_t at = 0; at < size; at += CACHE_LINE)
		__builtin_prefetch((const char *)(shard + AHEAD) + at);
}

uint64_t observer_activity(const struct observer *observer, uint32_t slot)
{
	const size_t words = offsetof(struct shunt_shard, counters.retransmits) / sizeof(__u64);
	uint64_t sum = 0;

	for (uint32_t row = 0; slot < observer->slots && row < observer_rows(observer->cpus);
	     row++) {
		const struct shunt_shard *shard = shard_at(observer, row, slot);
		const volatile __u64 *word = &shard->responses;

		fetch_ahead(shard, words * sizeof(*word));

		for (size_t i = 0; i < words; i++)
			sum += word[i];
	}
	return sum;
}

void observer_read(const struct observer *observer, uint32_t slot, struct shunt_cell *ret_cell)
{
	observer_read_counters(observer, slot, ret_cell);
	memset(ret_cell->histograms, 0, sizeof(ret_cell->histograms));
	if (slot >= observer->slots)
		return;
	for (uint32_t row = 0; row < observer_rows(observer->cpus); row++) {
		if (!is_blank(shard_at(observer, row, slot)))
			add_histograms(observer, row, slot, ret_cell);
	}
}

void observer_clear(struct observer *observer, uint32_t slot)
{
	if (slot >= observer->slots)
		return;
	for (uint32_t row = 0; row < observer_rows(observer->cpus); row++) {
		memset(shard_at(observer, row, slot), 0, sizeof(struct shunt_shard));
		memset(buckets_at(observer, row, slot), 0, sizeof(struct shunt_buckets));
	}
}
