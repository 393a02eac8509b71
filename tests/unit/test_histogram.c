/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's integer arithmetic against a reference in floating point. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

#include "engine/quantile.h"
#include "shunt/histogram.h"
#include "unit/random.h"

#define RANDOM_VALUES 1000000

/* The bounds of buckets 0 to 208 in ns, rounded down. */
static uint64_t floors[SHUNT_BUCKET_OVERFLOW];

/* 2^((bucket - 160) / 8) s, in ns; exact where that is a power of two. */
static long double bound_of(unsigned bucket)
{
	return 1e9L * ldexpl(exp2l((bucket % 8) / 8.0L), (int)(bucket / 8) - 20);
}

/*
 * A bound is either a power of two, and exact, or irrational, and then so far from
 * the next integer that the error of long double (some 2^-63 of the bound, which is
 * below 2^36) cannot move it to the other side.
 */
static void set_up(void)
{
	for (unsigned bucket = 0; bucket < SHUNT_BUCKET_OVERFLOW; bucket++) {
		long double bound = bound_of(bucket);

		floors[bucket] = (uint64_t)floorl(bound);
		if (bucket % 8)
			cr_assert_gt(fabsl(bound - rintl(bound)), 1e-6L, "bucket %u", bucket);
	}
}

/* The first bucket whose bound is not below the value. */
static unsigned reference(uint64_t ns)
{
	unsigned below = 0, above = SHUNT_BUCKET_OVERFLOW;

	while (below < above) {
		unsigned middle = (below + above) / 2;

		if (floors[middle] < ns)
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

TestSuite(histogram, .init = set_up);

Test(histogram, a_bound_belongs_to_its_own_bucket)
{
	for (unsigned bucket = 0; bucket < SHUNT_BUCKET_OVERFLOW; bucket++) {
		uint64_t bound = floors[bucket];

		cr_expect_eq(shunt_bucket(bound - 1), bucket, "%lu, below bound %u", bound - 1,
			     bucket);
		cr_expect_eq(shunt_bucket(bound), bucket, "%lu, bound %u", bound, bucket);
		cr_expect_eq(shunt_bucket(bound + 1), bucket + 1, "%lu, above bound %u", bound + 1,
			     bucket);
	}
}

Test(histogram, named_bounds)
{
	cr_expect_eq(shunt_bucket(1000000000), SHUNT_BUCKET_SECOND);
	cr_expect_eq(shunt_bucket(1000000001), SHUNT_BUCKET_SECOND + 1);
	cr_expect_eq(shunt_bucket(500000000), SHUNT_BUCKET_SECOND - SHUNT_BUCKETS_PER_OCTAVE);
	cr_expect_eq(shunt_bucket(64000000000), SHUNT_BUCKET_OVERFLOW - 1);
	cr_expect_eq(shunt_bucket(64000000001), SHUNT_BUCKET_OVERFLOW);
}

Test(histogram, extremes)
{
	const uint64_t top = 1ULL << 62;

	cr_expect_eq(shunt_bucket(0), 0);
	cr_expect_eq(shunt_bucket(1), 0);
	cr_expect_eq(shunt_bucket(511), 0);
	cr_expect_eq(shunt_bucket(512), 0);
	cr_expect_eq(shunt_bucket(top - 1), SHUNT_BUCKET_OVERFLOW);
	cr_expect_eq(shunt_bucket(top), SHUNT_BUCKET_OVERFLOW);
	cr_expect_eq(shunt_bucket(top + 1), SHUNT_BUCKET_OVERFLOW);
	cr_expect_eq(shunt_bucket(2 * top - 1), SHUNT_BUCKET_OVERFLOW);
	cr_expect_eq(shunt_bucket(2 * top), SHUNT_BUCKET_OVERFLOW);
	cr_expect_eq(shunt_bucket(UINT64_MAX), SHUNT_BUCKET_OVERFLOW);
}

Test(histogram, powers_of_two_and_neighbours)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t power = 1ULL << bit;

		for (uint64_t ns = power - 1; ns <= power + 1; ns++)
			cr_expect_eq(shunt_bucket(ns), reference(ns), "%lu", ns);
	}
}

/* Each magnitude as often as the others, each mantissa too. */
static uint64_t random_duration(uint64_t *state)
{
	uint64_t value = random_next(state);

	return value >> (random_next(state) % 64);
}

Test(histogram, equals_the_reference_and_never_falls)
{
	uint64_t state = 1, previous = 0;

	for (unsigned i = 0; i < RANDOM_VALUES; i++) {
		uint64_t ns = random_duration(&state);
		unsigned bucket = shunt_bucket(ns);
		uint64_t low = ns < previous ? ns : previous, high = ns ^ previous ^ low;

		cr_assert_eq(bucket, reference(ns), "%lu", ns);
		cr_assert_leq(shunt_bucket(low), shunt_bucket(high), "%lu %lu", low, high);
		previous = ns;
	}
}

/* What a quantile makes of one sample. */
static double read_back(uint64_t ns)
{
	struct shunt_histogram histogram = {0};

	histogram.buckets[shunt_bucket(ns)] = 1;
	return histogram_quantile(&histogram, 0.5) * 1e9;
}

Test(histogram, a_middle_is_off_by_4_percent_at_most)
{
	const double worst = exp2(1.0 / 16) - 1 + 1e-9;

	for (unsigned bucket = 1; bucket < SHUNT_BUCKET_OVERFLOW; bucket++) {
		const uint64_t ends[] = {floors[bucket - 1] + 1, floors[bucket]};

		for (unsigned i = 0; i < 2; i++) {
			double error = fabs(read_back(ends[i]) / (double)ends[i] - 1);

			cr_expect_leq(error, worst, "%lu off by %g", ends[i], error);
		}
	}
}

Test(histogram, log2_of_every_bit)
{
	for (unsigned bit = 0; bit < 31; bit++) {
		uint32_t power = 1U << bit;

		cr_expect_eq(shunt_log2(power), bit);
		cr_expect_eq(shunt_log2(2 * power - 1), bit);
	}
}

Test(histogram, above_is_a_comparison)
{
	const uint64_t values[] = {0, 1, 2, 0xffffffff, 0x100000000, INT64_MAX - 1, INT64_MAX};
	const unsigned count = sizeof(values) / sizeof(values[0]);

	for (unsigned i = 0; i < count * count; i++) {
		uint64_t a = values[i / count], b = values[i % count];

		cr_expect_eq(shunt_above(a, b), a > b, "%lu > %lu", a, b);
	}
}
