/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/quantile.h"

#include <math.h>

uint64_t histogram_count(const struct shunt_histogram *histogram)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		total += histogram->buckets[i];
	return total;
}

uint64_t histogram_above(const struct shunt_histogram *histogram, uint64_t ns)
{
	uint64_t above = 0;

	for (unsigned i = shunt_bucket(ns) + 1; i < SHUNT_BUCKETS; i++)
		above += histogram->buckets[i];
	return above;
}

void histogram_since(const struct shunt_histogram *now, const struct shunt_histogram *then,
		     struct shunt_histogram *ret_difference)
{
	ret_difference->sum = now->sum - then->sum;
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		ret_difference->buckets[i] = now->buckets[i] - then->buckets[i];
}

/* The duration that stands for a bucket, in seconds. */
static double middle_of(unsigned bucket)
{
	double upper = ((double)bucket - SHUNT_BUCKET_SECOND) / SHUNT_BUCKETS_PER_OCTAVE;

	if (bucket == 0)
		return exp2(upper);
	if (bucket == SHUNT_BUCKET_OVERFLOW)
		return exp2(upper - 1.0 / SHUNT_BUCKETS_PER_OCTAVE);
	return exp2(upper - 0.5 / SHUNT_BUCKETS_PER_OCTAVE);
}

double histogram_quantile(const struct shunt_histogram *histogram, double q)
{
	uint64_t count = histogram_count(histogram), seen = 0;
	uint64_t rank = (uint64_t)ceil(q * (double)count);

	if (!count)
		return NAN;
	if (rank < 1)
		rank = 1;
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank)
			return middle_of(i);
	}
	return middle_of(SHUNT_BUCKET_OVERFLOW);
}
