/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "unit/source_world.h"

/* An uptime just before the units wrap. */
#define START (((1ULL << 32) - 20000) << SHUNT_SOURCE_UNIT_LOG2)

static unsigned trains_at(const struct shunt_source *source, uint64_t at, struct rhythm *ret_rhythm)
{
	rhythm_find(source, units_of(at), ret_rhythm);
	return ret_rhythm->count;
}

/* ---- none ---- */

/* As the daemon looks: once a second, and not twice at the same arrivals. */
static unsigned false_trains(double rate, uint64_t span, uint64_t seed)
{
	struct shunt_source source = {0};
	uint64_t looked = START;
	unsigned found = 0;
	struct rhythm rhythm;

	for (uint64_t at = START; at < START + span; at += random_gap(&seed, rate)) {
		if (!source_note(&source, at) || at < looked + SECOND)
			continue;
		looked = at;
		found += trains_at(&source, at, &rhythm) > 0;
	}
	return found;
}

Test(rhythm, random_arrivals_of_a_day_have_none, .timeout = 600)
{
	static const double rates[] = {0.05, 0.5, 2, 10, 50, 200};

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		unsigned found = false_trains(rates[i], 24 * 3600 * SECOND, 17 + i);

		cr_expect_eq(found, 0, "%g/s: %u", rates[i], found);
	}
}

/* The first arrivals are the ones that are most easily taken for a train. */
Test(rhythm, few_random_arrivals_have_almost_none)
{
	unsigned sources = 100000, wrong = 0;
	uint64_t seed = 5;

	for (unsigned i = 0; i < sources; i++) {
		double rate = 0.05 * exp2(12 * random_share(&seed));
		struct shunt_source source = {0};
		bool found = false;
		uint64_t at = START;
		struct rhythm rhythm;

		for (unsigned n = 0; n < 40; n++, at += random_gap(&seed, rate)) {
			if (source_note(&source, at))
				found |= trains_at(&source, at, &rhythm) > 0;
		}
		wrong += found;
	}
	cr_expect_lt(wrong, 40, "%u of %u", wrong, sources);
}

Test(rhythm, every_minute_is_none)
{
	static const double jitters[] = {0, 0.001, 0.02};

	for (unsigned i = 0; i < 3; i++) {
		struct shunt_source source = {0};
		uint64_t at = START, seed = i;
		struct rhythm rhythm;

		for (unsigned n = 0; n < 100; n++) {
			source_note(&source, at);
			cr_assert_eq(trains_at(&source, at, &rhythm), 0);
			at += random_about(&seed, 60 * SECOND, jitters[i]);
		}
	}
}

/* So many connections at once, each half a second; with how many of those it was found, 0: never.
 */
static unsigned found_in_crowds(unsigned crowd)
{
	struct shunt_source source = {0};
	uint64_t at = START;
	struct rhythm rhythm;

	for (unsigned n = 1; n <= 40; n++, at += SECOND / 2) {
		for (unsigned i = 0; i < crowd; i++)
			source_note(&source, at + i * MSEC / 8);
		if (trains_at(&source, at, &rhythm))
			return n;
	}
	return 0;
}

Test(rhythm, crowds_are_none)
{
	cr_expect_gt(found_in_crowds(1), 0);
	cr_expect_gt(found_in_crowds(8), 0, "checkers of several backends, at one moment");
	cr_expect_eq(found_in_crowds(9), 0);
	cr_expect_eq(found_in_crowds(64), 0);
}

/* Who was crowded for a while, as when it was tried out, is a checker later. */
Test(rhythm, a_crowd_is_forgotten)
{
	struct shunt_source source = {0};
	uint64_t at = START;
	struct rhythm rhythm;

	for (unsigned i = 0; i < 64; i++)
		source_note(&source, at + i * MSEC / 8);
	for (unsigned n = 0; n < 20; n++) {
		at += 2 * SECOND;
		source_note(&source, at);
	}
	cr_expect_eq(trains_at(&source, at, &rhythm), 1);
	cr_expect_eq(source.crowded, 0);
}

/* ---- one ---- */

/* With how many arrivals it is found; 0: never. */
static unsigned found_with(uint64_t interval, double jitter, uint64_t seed,
			   struct rhythm *ret_rhythm)
{
	struct shunt_source source = {0};
	uint64_t at = START;

	for (unsigned n = 1; n <= 40; n++) {
		source_note(&source, at);
		if (trains_at(&source, at, ret_rhythm))
			return n;
		at += random_about(&seed, interval, jitter);
	}
	return 0;
}

Test(rhythm, steady_intervals_are_found_at_once)
{
	static const uint64_t intervals[] = {300 * MSEC, 500 * MSEC,  SECOND,	   2 * SECOND,
					     5 * SECOND, 10 * SECOND, 30 * SECOND, 35 * SECOND - 1};
	struct rhythm rhythm;

	for (unsigned i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		cr_expect_eq(found_with(intervals[i], 0, 1, &rhythm), 4);
		cr_expect_eq(rhythm.count, 1);
		cr_expect_float_eq((double)rhythm.trains[0].interval / (double)intervals[i], 1,
				   0.005);
	}
	cr_expect_leq(found_with(80 * MSEC, 0, 1, &rhythm), 6);
	cr_expect_eq(found_with(76 * MSEC, 0, 1, &rhythm), 0, "too short");
	cr_expect_eq(found_with(36 * SECOND, 0, 1, &rhythm), 0, "too long");
}

Test(rhythm, jitter_takes_few_more)
{
	static const struct {
		double jitter;
		unsigned with;
	} cases[] = {{0.005, 4}, {0.01, 5}, {0.025, 5}, {0.05, 7}};
	struct rhythm rhythm;

	for (unsigned i = 0; i < 4; i++) {
		unsigned late = 0;

		for (uint64_t seed = 1; seed <= 1000; seed++) {
			unsigned with = found_with(2 * SECOND, cases[i].jitter, seed, &rhythm);

			late += !with || with > cases[i].with;
		}
		cr_expect_lt(late, 20, "%g: %u of 1000", cases[i].jitter, late);
	}
}

/* A lost check leaves a gap of two intervals, one that times out a longer one. */
Test(rhythm, longer_gaps_do_not_hide_it)
{
	static const uint64_t longer[] = {4 * SECOND, 3 * SECOND, 12 * SECOND};

	for (unsigned i = 0; i < 3; i++) {
		struct shunt_source source = {0};
		uint64_t at = START;
		struct rhythm rhythm;

		for (unsigned n = 0; n < 16; n++) {
			source_note(&source, at);
			at += n == 2 || n == 9 || n == 14 ? longer[i] : 2 * SECOND;
		}
		cr_assert_eq(trains_at(&source, at - 2 * SECOND, &rhythm), 1);
		cr_expect_float_eq((double)rhythm.trains[0].interval / SECOND, 2, 0.002);
		cr_expect_eq(rhythm.trains[0].last, units_of(at - 2 * SECOND));
		cr_expect_gt(rhythm.trains[0].confidence, 0.99);
		cr_expect_eq(trains_at(&source, at + 20 * SECOND, &rhythm), 0, "it has gone");
	}
}

/* Whatever its other connections were before. */
Test(rhythm, a_late_beginner_is_found)
{
	struct shunt_source source = {0};
	uint64_t at = START, seed = 3;
	unsigned with = 0;
	struct rhythm rhythm;

	for (unsigned n = 0; n < 1000; n++, at += random_gap(&seed, 0.2))
		source_note(&source, at);
	for (; with < 16; with++, at += random_about(&seed, 2 * SECOND, 0.001)) {
		source_note(&source, at);
		if (trains_at(&source, at, &rhythm))
			break;
	}
	cr_expect_leq(with + 1, 8, "%u", with + 1);
	cr_expect_float_eq((double)rhythm.trains[0].interval / SECOND, 2, 0.01);
}

/* ---- several ---- */

struct checker {
	uint64_t interval, offset;
};

static unsigned trains_of(const struct checker *checkers, unsigned count, uint64_t seed,
			  struct rhythm *ret_rhythm)
{
	struct shunt_source source = {0};
	uint64_t next[4], at = 0;

	for (unsigned i = 0; i < count; i++)
		next[i] = START + checkers[i].offset;
	while (source.count < 40) {
		unsigned first = 0;

		for (unsigned i = 1; i < count; i++)
			first = next[i] < next[first] ? i : first;
		at = next[first];
		source_note(&source, at);
		next[first] += checkers[first].interval + random_next(&seed) % (3 * MSEC);
	}
	return trains_at(&source, at, ret_rhythm);
}

Test(rhythm, several_behind_one_address_are_told_apart)
{
	static const struct checker checkers[][4] = {
		{{2 * SECOND, 0}, {2 * SECOND, 700 * MSEC}},
		{{2 * SECOND, 0}, {3 * SECOND, 330 * MSEC}},
		{{SECOND, 0}, {SECOND, 200 * MSEC}, {SECOND, 550 * MSEC}},
		{{2 * SECOND, 0},
		 {2 * SECOND, 300 * MSEC},
		 {2 * SECOND, 1100 * MSEC},
		 {2 * SECOND, 1700 * MSEC}},
	};
	static const unsigned counts[] = {2, 2, 3, 4};
	struct rhythm rhythm;

	for (unsigned i = 0; i < 4; i++) {
		unsigned missed = 0;

		for (uint64_t seed = 1; seed <= 100; seed++) {
			bool right = trains_of(checkers[i], counts[i], seed, &rhythm) == counts[i];

			for (unsigned k = 0; right && k < counts[i]; k++)
				right = rhythm.trains[k].interval / (100 * MSEC) ==
						SECOND / (100 * MSEC) ||
					rhythm.trains[k].interval / (100 * MSEC) == 20 ||
					rhythm.trains[k].interval / (100 * MSEC) == 30;
			missed += !right;
		}
		cr_expect_leq(missed, 3, "%u: %u of 100", i, missed);
	}
}

/* Requests in quick succession and then a pause are no checks, once that is seen. */
Test(rhythm, bursts_are_none)
{
	struct shunt_source source = {0};
	uint64_t at = START;
	struct rhythm rhythm;

	for (unsigned burst = 0; burst < 20; burst++, at += 10 * SECOND) {
		for (unsigned n = 0; n < 7; n++, at += 500 * MSEC) {
			source_note(&source, at);
			if (burst >= 3)
				cr_assert_eq(trains_at(&source, at, &rhythm), 0, "%u.%u", burst, n);
		}
	}
}

/* Two connections that come within 25 ms of each other are noted as one. */
Test(rhythm, one_of_several_may_miss_one)
{
	struct shunt_source source = {0};
	struct rhythm rhythm;

	for (unsigned n = 0; n < 8; n++) {
		source_note(&source, START + n * 2 * SECOND);
		if (n != 4)
			source_note(&source, START + n * 2 * SECOND + 600 * MSEC);
	}
	cr_assert_eq(trains_at(&source, START + 15 * SECOND, &rhythm), 2);
	cr_expect_eq(rhythm.trains[1].arrivals, 7);
	cr_expect_float_eq((double)rhythm.trains[1].interval / SECOND, 2, 0.002);
}

/* They are noted as they end, so that a slow answer comes after a later one. */
Test(rhythm, the_order_of_their_ends_does_not_matter)
{
	struct shunt_source source = {0};
	struct rhythm rhythm;
	uint32_t swapped;

	for (unsigned n = 0; n < 21; n++)
		source_note(&source, START + n * SECOND);
	swapped = source.times[7];
	source.times[7] = source.times[8];
	source.times[8] = swapped;
	swapped = source.times[4];
	source.times[4] = source.times[5];
	source.times[5] = swapped;
	cr_assert_eq(trains_at(&source, START + 20 * SECOND, &rhythm), 1);
	cr_expect_float_eq((double)rhythm.trains[0].interval / SECOND, 1, 0.002);
	cr_expect_eq(rhythm.trains[0].arrivals, 16);
	cr_expect_eq(rhythm.trains[0].last, units_of(START + 20 * SECOND));
}

Test(rhythm, nothing_has_none)
{
	struct shunt_source source = {0};
	struct rhythm rhythm;

	cr_expect_eq(trains_at(&source, START, &rhythm), 0);
	for (unsigned n = 0; n < 3; n++)
		source_note(&source, START + n * SECOND);
	cr_expect_eq(trains_at(&source, START + 2 * SECOND, &rhythm), 0, "three are too few");
}
