/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A base-2 exponential histogram of durations, the same on both sides.
 *
 * Eight buckets an octave: bucket bounds are 2^(i/8) seconds, which is schema 3
 * of Prometheus' native histograms and scale 3 of OpenTelemetry's.  A quantile
 * taken at the geometric middle of a bucket is off by at most 2^(1/16) - 1,
 * 4.4 %.  Bounds are upper and inclusive, as Prometheus' `le` is.
 *
 * Bucket 0 holds all that is at most 2^-20 s (0.95 µs), buckets 1 to 208 end
 * at 2^((b - 160) / 8) s, up to 64 s, and bucket 209 holds what is longer.
 */
#ifndef SHUNT_HISTOGRAM_H
#define SHUNT_HISTOGRAM_H

#include <linux/types.h>

#define SHUNT_BUCKETS_PER_OCTAVE 8
#define SHUNT_BUCKETS		 210
#define SHUNT_BUCKET_OVERFLOW	 (SHUNT_BUCKETS - 1)
/* The bucket whose upper bound is one second (2^(0/8)). */
#define SHUNT_BUCKET_SECOND 160

struct shunt_histogram {
	__u64 sum; /* ns */
	__u64 buckets[SHUNT_BUCKETS];
};

/*
 * Whether a > b, as 1 or 0, for both below 2^63.  BPF cannot set a register from
 * a comparison but by a branch, and each branch doubles the verifier's paths.
 */
static inline __u64 shunt_above(__u64 a, __u64 b)
{
	return (b - a) >> 63;
}

/* The index of the highest bit set, for a value below 2^63; BPF has no clz. */
static inline __u32 shunt_log2(__u64 value)
{
	__u32 log2 = 0, step;

	step = shunt_above(value, 0xffffffff) << 5;
	value >>= step;
	log2 += step;
	step = shunt_above(value, 0xffff) << 4;
	value >>= step;
	log2 += step;
	step = shunt_above(value, 0xff) << 3;
	value >>= step;
	log2 += step;
	step = shunt_above(value, 0xf) << 2;
	value >>= step;
	log2 += step;
	step = shunt_above(value, 0x3) << 1;
	value >>= step;
	log2 += step;
	return log2 + shunt_above(value, 0x1);
}

/*
 * The bucket of a duration in nanoseconds.
 *
 * A power of two lies between any two bounds an octave apart, so every octave
 * [2^k, 2^(k+1)) ns holds the same eight mantissas: those of 10^9 * 2^(i/8).
 * They are kept below as integers with the top bit at 62, rounded down; the
 * duration is shifted up likewise, which loses nothing, so that "greater than
 * the integer" is "greater than the bound" and no value is ever put a bucket
 * too low or too high.
 */
static inline __u32 shunt_bucket(__u64 ns)
{
	/* What the sum below makes of the last value of bucket 0. */
	const __u32 first = SHUNT_BUCKETS_PER_OCTAVE * 10 - 1;
	__u32 log2, index;
	__u64 mantissa;

	if (ns < 512)
		return 0;
	if (ns >> 62)
		return SHUNT_BUCKET_OVERFLOW;

	log2 = shunt_log2(ns);
	mantissa = ns << (62 - log2);
	index = SHUNT_BUCKETS_PER_OCTAVE * log2;
	index += shunt_above(mantissa, 0x40ffd3d4aa4e5371ULL); /* 2^(1/8) */
	index += shunt_above(mantissa, 0x46e1dc4b00b253ecULL); /* 2^(2/8) */
	index += shunt_above(mantissa, 0x4d4c3382a6a891c8ULL); /* 2^(3/8) */
	index += shunt_above(mantissa, 0x544b2fba5f832838ULL); /* 2^(4/8) */
	index += shunt_above(mantissa, 0x5bec4509686ecf50ULL); /* 2^(5/8) */
	index += shunt_above(mantissa, 0x643e1f3e81e6df61ULL); /* 2^(6/8) */
	index += shunt_above(mantissa, 0x6d50be1668caaaedULL); /* 2^(7/8) */
	index += shunt_above(mantissa, 0x7735940000000000ULL); /* 1 */

	if (index < first)
		return 0;
	index -= first;
	return index < SHUNT_BUCKET_OVERFLOW ? index : SHUNT_BUCKET_OVERFLOW;
}

#endif
