/* SPDX-License-Identifier: GPL-2.0 */
/* Quantiles of the kernel's histograms. */
#ifndef SHUNT_ENGINE_QUANTILE_H
#define SHUNT_ENGINE_QUANTILE_H

#include <stdint.h>

#include "shunt/histogram.h"

/* How many samples a histogram holds. */
uint64_t histogram_count(const struct shunt_histogram *histogram);

/* Subtracts an earlier reading of the same histogram from a later one. */
void histogram_since(const struct shunt_histogram *now, const struct shunt_histogram *then,
		     struct shunt_histogram *ret_difference);

/*
 * How many samples are certainly above a duration: those in higher buckets than its own.
 * What lies in its own bucket, less than 9.1 % wide, is taken to be below.
 */
uint64_t histogram_above(const struct shunt_histogram *histogram, uint64_t ns);

/*
 * The duration, in seconds, below which a share `q` (0 to 1) of the samples lies:
 * the geometric middle of the bucket that holds the sample of rank ceil(q * count),
 * so that it is off by at most 2^(1/16) - 1 = 4.4 %.  Samples outside the buckets
 * read as the outermost bound.  NAN where there are no samples.
 */
double histogram_quantile(const struct shunt_histogram *histogram, double q);

#endif
