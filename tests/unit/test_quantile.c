/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "engine/quantile.h"

/* The middles of some buckets, in seconds, by hand: 2^((b - 160.5) / 8). */
#define MIDDLE_10  2.172066946e-06
#define MIDDLE_11  2.3686558e-06
#define MIDDLE_160 0.9576032807
#define MIDDLE_208 61.28660996

struct quantile_case {
	double q;
	unsigned buckets[2];
	uint64_t counts[2];
	double seconds;
};

ParameterizedTestParameters(quantile, rank)
{
	static struct quantile_case cases[] = {
		/* One sample is every quantile. */
		{0.0, {160}, {1}, MIDDLE_160},
		{0.5, {160}, {1}, MIDDLE_160},
		{1.0, {160}, {1}, MIDDLE_160},
		/* Rank ceil(q * count): the median of two is the first. */
		{0.5, {10, 11}, {1, 1}, MIDDLE_10},
		{0.51, {10, 11}, {1, 1}, MIDDLE_11},
		{0.5, {10, 11}, {1, 2}, MIDDLE_11},
		{0.0, {10, 11}, {1, 1000}, MIDDLE_10},
		{1.0, {10, 11}, {1000, 1}, MIDDLE_11},
		/* A share that falls on a rank is that rank, not the next. */
		{0.95, {10, 11}, {95, 5}, MIDDLE_10},
		{0.95, {10, 11}, {94, 6}, MIDDLE_11},
		{0.99, {10, 11}, {99, 1}, MIDDLE_10},
		{0.99, {10, 11}, {98, 2}, MIDDLE_11},
		{0.99, {10, 11}, {9900, 100}, MIDDLE_10},
		{0.99, {10, 11}, {9899, 101}, MIDDLE_11},
		/* Outside the buckets: the outermost bounds. */
		{0.5, {0}, {7}, 0.00000095367431640625},
		{0.5, {208}, {7}, MIDDLE_208},
		{0.5, {209}, {7}, 64.0},
		{0.99, {208, 209}, {99, 1}, MIDDLE_208},
		{1.0, {208, 209}, {99, 1}, 64.0},
		/* Counts that no 32 bits hold. */
		{0.5, {10, 11}, {1ULL << 40, (1ULL << 40) + 2}, MIDDLE_11},
		{0.5, {10, 11}, {1ULL << 40, 1ULL << 40}, MIDDLE_10},
	};

	return cr_make_param_array(struct quantile_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct quantile_case *c, quantile, rank)
{
	struct shunt_histogram histogram = {0};

	for (unsigned i = 0; i < 2; i++)
		histogram.buckets[c->buckets[i]] += c->counts[i];
	cr_assert_float_eq(histogram_quantile(&histogram, c->q), c->seconds, c->seconds * 1e-4,
			   "q %g of %lu in %u, %lu in %u: %g", c->q, c->counts[0], c->buckets[0],
			   c->counts[1], c->buckets[1], histogram_quantile(&histogram, c->q));
}

Test(quantile, nothing_is_not_a_number)
{
	const struct shunt_histogram empty = {.sum = 5};

	cr_assert(isnan(histogram_quantile(&empty, 0)));
	cr_assert(isnan(histogram_quantile(&empty, 0.5)));
	cr_assert(isnan(histogram_quantile(&empty, 1)));
}

Test(quantile, never_falls_as_q_grows)
{
	struct shunt_histogram histogram = {0};
	double previous = 0;

	for (unsigned i = 0; i < SHUNT_BUCKETS; i += 3)
		histogram.buckets[i] = i % 7;
	for (unsigned i = 0; i <= 1000; i++) {
		double quantile = histogram_quantile(&histogram, i / 1000.0);

		cr_assert_geq(quantile, previous, "q %g", i / 1000.0);
		previous = quantile;
	}
}

Test(quantile, count_is_every_bucket)
{
	struct shunt_histogram histogram = {.sum = 12345};

	cr_assert_eq(histogram_count(&histogram), 0);
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		histogram.buckets[i] = 1ULL << 32;
	cr_assert_eq(histogram_count(&histogram), SHUNT_BUCKETS * (1ULL << 32));
}

Test(quantile, since_is_the_difference)
{
	struct shunt_histogram then = {.sum = 10}, now = {.sum = 1000}, difference;

	for (unsigned i = 0; i < SHUNT_BUCKETS; i++) {
		then.buckets[i] = i;
		now.buckets[i] = 3ULL * i + (i == 160);
	}
	histogram_since(&now, &then, &difference);
	cr_assert_eq(difference.sum, 990);
	for (unsigned i = 0; i < SHUNT_BUCKETS; i++)
		cr_assert_eq(difference.buckets[i], 2ULL * i + (i == 160), "bucket %u", i);
	/* It may be its own argument. */
	histogram_since(&now, &now, &now);
	cr_assert_eq(histogram_count(&now), 0);
	cr_assert_eq(now.sum, 0);
}

Test(quantile, above_is_what_is_certainly_above)
{
	struct shunt_histogram histogram = {0};
	const uint64_t second = 1000000000;

	histogram.buckets[SHUNT_BUCKET_SECOND] = 100; /* up to 1 s, and a little less */
	histogram.buckets[SHUNT_BUCKET_SECOND + 1] = 10;
	histogram.buckets[SHUNT_BUCKET_OVERFLOW] = 1;
	cr_expect_eq(histogram_above(&histogram, second), 11);
	cr_expect_eq(histogram_above(&histogram, second + 1), 1, "some of the ten may be below");
	cr_expect_eq(histogram_above(&histogram, second / 2), 111);
	cr_expect_eq(histogram_above(&histogram, 0), 111);
	cr_expect_eq(histogram_above(&histogram, 64 * second), 1);
	cr_expect_eq(histogram_above(&histogram, 65 * second), 0);
}
