/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/sequential.h"

#include <math.h>
#include <string.h>

/* ns, see floor_of() */
#define APART 0.5e9

/* What one connection says for `bad_share` and against `good_share`. */
struct weights {
	double success, failure; /* both above 0 */
};

static struct weights weights_of(double good_share, double bad_share)
{
	return (struct weights){
		.success = log((1 - good_share) / (1 - bad_share)),
		.failure = log(bad_share / good_share),
	};
}

/* Wald's bounds. */
static double bad_bound(const struct sequential_limits *limits)
{
	return log((1 - limits->beta) / limits->alpha);
}

static double good_bound(const struct sequential_limits *limits)
{
	return log(limits->beta / (1 - limits->alpha));
}

/*
 * The lowest score from which the shortest run of failures that decides from 0 decides
 * too, if they come no more than half a second apart.
 */
static double floor_of(const struct sequential_limits *limits, const struct weights *weights)
{
	double bound = bad_bound(limits);
	double run = ceil(bound / weights->failure);
	double kept = exp2(-(run - 1) * APART / (double)limits->half_life);

	return fmin(bound / kept - run * weights->failure, 0);
}

void sequential_forget(struct sequential *test)
{
	memset(test, 0, sizeof(*test));
}

/* Keeps what is shown to people recent. */
static void fade_counts(struct sequential *test, const struct sequential_limits *limits,
			uint64_t now)
{
	while (now - test->since >= 2 * limits->recent) {
		test->since = now - (now - test->since) / 2;
		test->successes /= 2;
		test->failures /= 2;
	}
}

static void add_counts(struct sequential *test, const struct sequential_limits *limits,
		       uint64_t now, uint64_t successes, uint64_t failures)
{
	if (!test->bad && test->score <= 0) {
		test->since = test->at ? test->at : now;
		test->successes = 0;
		test->failures = 0;
	}
	test->successes += successes;
	test->failures += failures;
	fade_counts(test, limits, now);

	if (failures) {
		test->failed_at = now;
		test->clean = 0;
	} else {
		test->clean += successes;
	}
}

static void recover(struct sequential *test, const struct sequential_limits *limits, uint64_t now,
		    double successes, double failures)
{
	struct weights weights = weights_of(limits->good_share, limits->recovery_share);
	double bound = bad_bound(limits);
	bool steady, clean;

	test->recovery += successes * weights.success - failures * weights.failure;
	if (test->recovery <= 0) {
		test->recovery = 0;
		test->recovering_since = now;
	}
	test->recovery = fmin(test->recovery, bound);

	steady = test->recovery >= bound && now - test->recovering_since >= limits->steady;
	weights = weights_of(limits->good_share, limits->bad_share);
	clean = (double)test->clean * weights.success >= -good_bound(limits) &&
		now - test->failed_at >= limits->clean;
	if (!steady && !clean)
		return;
	test->bad = false;
	test->certain = false;
	test->score = 0;
}

static void detect(struct sequential *test, const struct sequential_limits *limits, uint64_t now,
		   double successes, double failures)
{
	struct weights weights = weights_of(limits->good_share, limits->bad_share);
	double bound = bad_bound(limits);

	if (test->at)
		test->score *= exp2(-(double)(now - test->at) / (double)limits->half_life);
	test->score += failures * weights.failure - successes * weights.success;
	test->score = fmax(test->score, floor_of(limits, &weights));

	if (!test->bad && test->score >= bound) {
		test->bad = true;
		test->bad_since = now;
		test->recovery = 0;
		test->recovering_since = now;
	}
	if (test->bad && test->score >= 2 * bound)
		test->certain = true;
}

void sequential_add(struct sequential *test, const struct sequential_limits *limits, uint64_t now,
		    uint64_t successes, uint64_t failures)
{
	if (test->bad && now - test->at >= limits->expires)
		sequential_forget(test);
	if (!successes && !failures)
		return;
	add_counts(test, limits, now, successes, failures);
	if (test->bad)
		recover(test, limits, now, (double)successes, (double)failures);
	detect(test, limits, now, (double)successes, (double)failures);
	test->at = now;
}
