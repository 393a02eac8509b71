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

/* The index of the highest bit set, for a value below 2^31; BPF has no clz. */
static inline __u32 shunt_log2(__u32 value)
{
	__u32 log2, step;

	log2 = (0xffff - value) >> 31 << 4;
	value >>= log2;
	step = (0xff - value) >> 31 << 3;
	value >>= step;
	log2 += step;
	step = (0xf - value) >> 31 << 2;
	value >>= step;
	log2 += step;
	step = (0x3 - value) >> 31 << 1;
	value >>= step;
	return log2 + step + (value >> 1);
}

/* Longer ones, 68.7 s and more, are of the last bucket. */
#define SHUNT_DURATION_LOG2 36

/* A sixteenth of an octave: how many bounds lie below it, and the one within it, or its end. */
#define SHUNT_STEP(below, bound) ((bound) >> (62 - SHUNT_DURATION_LOG2) << 8 | (below))

/*
 * The bucket of a duration in nanoseconds.
 *
 * A power of two lies between any two bounds an octave apart, so every octave
 * [2^k, 2^(k+1)) ns holds the same eight mantissas: those of 10^9 * 2^(i/8).
 * They are kept below as integers with the top bit at 62, rounded down; the
 * duration is shifted up likewise, which loses nothing, so that "greater than
 * the integer" is "greater than the bound" and no value is ever put a bucket
 * too low or too high.  No sixteenth of an octave holds two of them.
 */
static inline __u32 shunt_bucket(__u64 ns)
{
	static const __u64 steps[16] = {
		SHUNT_STEP(0, 0x40ffd3d4aa4e5371ULL), /* 2^(1/8) */
		SHUNT_STEP(1, 0x46e1dc4b00b253ecULL), /* 2^(2/8) */
		SHUNT_STEP(2, 0x4c00000000000000ULL),
		SHUNT_STEP(2, 0x4d4c3382a6a891c8ULL), /* 2^(3/8) */
		SHUNT_STEP(3, 0x5400000000000000ULL),
		SHUNT_STEP(3, 0x544b2fba5f832838ULL), /* 2^(4/8) */
		SHUNT_STEP(4, 0x5bec4509686ecf50ULL), /* 2^(5/8) */
		SHUNT_STEP(5, 0x6000000000000000ULL),
		SHUNT_STEP(5, 0x6400000000000000ULL),
		SHUNT_STEP(5, 0x643e1f3e81e6df61ULL), /* 2^(6/8) */
		SHUNT_STEP(6, 0x6c00000000000000ULL),
		SHUNT_STEP(6, 0x6d50be1668caaaedULL), /* 2^(7/8) */
		SHUNT_STEP(7, 0x7400000000000000ULL),
		SHUNT_STEP(7, 0x7735940000000000ULL), /* 1 */
		SHUNT_STEP(8, 0x7c00000000000000ULL),
		SHUNT_STEP(8, 0x8000000000000000ULL),
	};
	/* What the sum below makes of the last value of bucket 0. */
	const __u32 first = SHUNT_BUCKETS_PER_OCTAVE * 10 - 1;
	__u32 log2, index;
	__u64 mantissa, step;

	if (ns < 512)
		return 0;
	if (ns >> SHUNT_DURATION_LOG2)
		return SHUNT_BUCKET_OVERFLOW;

	log2 = 9 + shunt_log2(ns >> 9);
	mantissa = ns << (SHUNT_DURATION_LOG2 - log2);
	step = steps[mantissa >> (SHUNT_DURATION_LOG2 - 4) & 15];
	index = SHUNT_BUCKETS_PER_OCTAVE * log2 + (step & 15);
	index += shunt_above(mantissa, step >> 8);
	return index < first ? 0 : index - first;
}

#endif
