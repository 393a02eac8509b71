/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/sequential.h"

#include <math.h>
#include <string.h>

/* ns, see floor_of() */
#define APART 0.5e9

/* What one connection says for `bad` and against `good`: above 0 both. */
static double failure_weight(double good, double bad)
{
	return log(bad / good);
}

static double success_weight(double good, double bad)
{
	return log((1 - good) / (1 - bad));
}

/*
 * The lowest score from which the shortest run of failures that decides from 0 decides
 * too, if they come no more than half a second apart.
 */
static double floor_of(const struct sequential_limits *limits)
{
	const struct sequential_scores *scores = &limits->scores;
	double run = ceil(scores->bad / scores->failure);
	double kept = exp2(-(run - 1) * APART / (double)limits->half_life);

	return fmin(scores->bad / kept - run * scores->failure, 0);
}

void sequential_prepare(struct sequential_limits *limits)
{
	limits->scores = (struct sequential_scores){
		.success = success_weight(limits->good_share, limits->bad_share),
		.failure = failure_weight(limits->good_share, limits->bad_share),
		.recovery_success = success_weight(limits->good_share, limits->recovery_share),
		.recovery_failure = failure_weight(limits->good_share, limits->recovery_share),
		.bad = log((1 - limits->beta) / limits->alpha),
		.good = log(limits->beta / (1 - limits->alpha)),
	};
	limits->scores.floor = floor_of(limits);
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
	const struct sequential_scores *scores = &limits->scores;
	bool steady, clean;

	test->recovery += successes * scores->recovery_success -
			  failures * scores->recovery_failure;
	if (test->recovery <= 0) {
		test->recovery = 0;
		test->recovering_since = now;
	}
	test->recovery = fmin(test->recovery, scores->bad);

	steady = test->recovery >= scores->bad && now - test->recovering_since >= limits->steady;
	clean = (double)test->clean * scores->success >= -scores->good &&
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
	const struct sequential_scores *scores = &limits->scores;

	if (test->at)
		test->score *= exp2(-(double)(now - test->at) / (double)limits->half_life);
	test->score += failures * scores->failure - successes * scores->success;
	test->score = fmax(test->score, scores->floor);

	if (!test->bad && test->score >= scores->bad) {
		test->bad = true;
		test->bad_since = now;
		test->recovery = 0;
		test->recovering_since = now;
	}
	if (test->bad && test->score >= 2 * scores->bad)
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
