/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/status_histograms.h"

#include <stdint.h>

static const char *const names[SHUNT_SIGNAL_MAX] = {
	[SHUNT_SIGNAL_HANDSHAKE] = "handshake",
	[SHUNT_SIGNAL_RESPONSE] = "response",
	[SHUNT_SIGNAL_RTT] = "rtt",
	[SHUNT_SIGNAL_CONNECTION] = "connection",
};

/* Bucket 0 is an octave by itself, and so is the overflow. */
static unsigned octave_of(unsigned bucket)
{
	return (bucket + SHUNT_BUCKETS_PER_OCTAVE - 1) / SHUNT_BUCKETS_PER_OCTAVE;
}

static void sum_octaves(const struct shunt_histogram *histogram, uint64_t *ret_counts)
{
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		ret_counts[octave_of(i)] += histogram->buckets[i];
}

static json_t *octaves(const uint64_t *counts, unsigned first, unsigned last)
{
	json_t *object = json_object(), *array = json_array();
	int failed = 0;

	for (unsigned i = first; i <= last; i++)
		failed |= json_array_append_new(array, json_integer((json_int_t)counts[i]));
	failed |= json_object_set_new(object, "first_le_log2",
				      json_integer((int)first + STATUS_OCTAVE_LOWEST));
	failed |= json_object_set_new(object, "counts", array);
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/* 0 where there is nothing to add, too. */
static int add_histogram(json_t *object, const char *name, const struct shunt_histogram *histogram)
{
	uint64_t counts[STATUS_OCTAVES] = {0};
	unsigned first = 0, last = STATUS_OCTAVES - 1;

	sum_octaves(histogram, counts);
	while (first < last && !counts[first])
		first++;
	while (last > first && !counts[last])
		last--;
	if (!counts[first])
		return 0;
	return json_object_set_new(object, name, octaves(counts, first, last));
}

json_t *status_histograms(const struct shunt_cell *cell)
{
	json_t *object = json_object();
	int failed = 0;

	for (unsigned i = 0; i < SHUNT_SIGNAL_MAX; i++)
		failed |= add_histogram(object, names[i], &cell->histograms[i]);
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}
