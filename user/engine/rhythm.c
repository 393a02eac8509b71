/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/rhythm.h"

#include <math.h>
#include <stdbool.h>

#define TIMES SHUNT_SOURCE_TIMES
#define DEAD  SHUNT_SOURCE_UNITS_LEAST

/* The interval's bounds in units. */
#define LEAST (RHYTHM_INTERVAL_LEAST >> SHUNT_SOURCE_UNIT_LOG2)
#define MOST  (RHYTHM_INTERVAL_MOST >> SHUNT_SOURCE_UNIT_LOG2)

/* A pause of more intervals than this is no lost or timed-out check any more. */
#define PAUSE 8
/* Pauses among equal intervals: bursts. */
#define PAUSES_OF_BURSTS 2

/*
 * The chance of a false train that is spent on the first look at a source.  Later looks,
 * one an arrival, may spend 1/4, 1/9, 1/16… of that, so that all together cost 1.64 times
 * as much, however long the source lives.
 */
#define FIRST_CHANCE 1e-4
/* Beginnings of the rhythm that are tried beside the oldest arrival. */
#define BEGINNINGS (TIMES - RHYTHM_ARRIVALS_LEAST + 1)

/* Each of several trains must be unlikely alone, too: 1 in 100. */
#define TRAIN_LN   (-2 * 2.302585092994046)
#define CERTAIN_LN (12 * 2.302585092994046)

/* Times in units since the first, ascending. */
struct arrivals {
	uint32_t first;
	uint32_t at[TIMES];
	unsigned count;
};

/* An explanation of arrivals. */
struct finding {
	double chance; /* that it is none: the logarithm of the expected number of such findings */
	unsigned count;
	struct rhythm_train trains[RHYTHM_TRAINS]; /* `last` counts from the first arrival */
};

static double ln_choose(unsigned n, unsigned k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

static double tolerance(double interval)
{
	return interval / 20 + 4;
}

static bool is_possible(double interval)
{
	return interval >= (double)LEAST && interval <= (double)MOST;
}

static struct rhythm_train train_of(double interval, double deviation, uint32_t last,
				    unsigned arrivals)
{
	return (struct rhythm_train){
		.interval = (uint64_t)(interval * (double)RHYTHM_NS(1)),
		.jitter = (uint64_t)(deviation * (double)RHYTHM_NS(1)),
		.last = last,
		.arrivals = arrivals,
	};
}

/* Ascending. */
static void sort(uint32_t *values, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		uint32_t value = values[i];
		unsigned at = i;

		for (; at && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* ---- one train, some of whose intervals are longer ---- */

/*
 * The shortest `equal` of `count` gaps differ by less than some deviation.  Gaps of
 * independent arrivals, as shares of their sum, are uniform on a simplex: the chance is
 * the volume of a cube in it.
 */
static void judge_gaps(const struct arrivals *arrivals, const uint32_t *gaps, unsigned count,
		       unsigned equal, struct finding *best)
{
	double interval = 0, deviation, share, chance;

	for (unsigned i = 0; i < equal; i++)
		interval += (double)gaps[i] / equal;
	deviation = fmax(interval - gaps[0], gaps[equal - 1] - interval);
	if (!is_possible(interval) || deviation > 2 * tolerance(interval) ||
	    gaps[count - 1] > PAUSE * interval)
		return;
	share = (deviation + 1) / (interval - DEAD);
	chance = ln_choose(count, equal) + lgamma(equal) + (equal - 1) * log(2 * share / equal);
	if (chance >= best->chance)
		return;
	best->chance = chance;
	best->count = 1;
	best->trains[0] = train_of(interval, deviation, arrivals->at[count], count + 1);
}

static void find_one(const struct arrivals *arrivals, struct finding *best)
{
	unsigned count = arrivals->count - 1;
	uint32_t gaps[TIMES] = {0};

	for (unsigned i = 0; i < count; i++)
		gaps[i] = arrivals->at[i + 1] - arrivals->at[i];
	sort(gaps, count);
	for (unsigned longer = 0; longer <= count / 4; longer++)
		judge_gaps(arrivals, gaps, count, count - longer, best);
}

/* ---- several trains, and a few arrivals of none ---- */

struct search {
	const struct arrivals *arrivals;
	double density; /* arrivals a unit */
	unsigned taken; /* a set of arrivals */
	struct finding now; /* what explains those */
	struct finding *best;
};

/* The free arrival closest to that time; the number of arrivals if there is none. */
static unsigned closest(const struct search *search, unsigned taken, double at, double within)
{
	const struct arrivals *arrivals = search->arrivals;
	unsigned found = arrivals->count;

	for (unsigned i = 0; i < arrivals->count; i++) {
		double distance = fabs(arrivals->at[i] - at);

		if (taken & 1U << i || distance > within)
			continue;
		within = distance;
		found = i;
	}
	return found;
}

/* A train that is being followed. */
struct steps {
	unsigned members; /* a set of arrivals */
	unsigned arrivals;
	unsigned first, last;
	unsigned intervals; /* between these two; one more than arrivals tell if one is missing */
	double interval;
};

static double end_of(const struct arrivals *arrivals)
{
	return arrivals->at[arrivals->count - 1];
}

/* From the last arrival to the next; one may be missing. */
static bool step(const struct search *search, struct steps *steps)
{
	const struct arrivals *arrivals = search->arrivals;
	bool complete = steps->intervals == steps->arrivals - 1;

	for (unsigned far = 1; far <= 1U + complete; far++) {
		double due = arrivals->at[steps->last] + far * steps->interval;
		unsigned next = closest(search, search->taken | steps->members, due,
					tolerance(steps->interval));

		if (next == arrivals->count)
			continue;
		steps->members |= 1U << next;
		steps->arrivals++;
		steps->intervals += far;
		steps->last = next;
		steps->interval = (double)(arrivals->at[next] - arrivals->at[steps->first]) /
				  steps->intervals;
		return true;
	}
	return false;
}

/* Follows a train of which the first two arrivals are given, to the end, or fails. */
static bool follow(const struct search *search, unsigned first, unsigned second,
		   struct steps *ret_steps)
{
	const struct arrivals *arrivals = search->arrivals;
	struct steps steps = {
		.members = 1U << first | 1U << second,
		.arrivals = 2,
		.first = first,
		.last = second,
		.intervals = 1,
		.interval = arrivals->at[second] - arrivals->at[first],
	};

	if (!is_possible(steps.interval) ||
	    arrivals->at[first] > steps.interval + tolerance(steps.interval))
		return false;
	while (step(search, &steps))
		;
	if (steps.arrivals < RHYTHM_ARRIVALS_LEAST)
		return false;
	if (arrivals->at[steps.last] + steps.interval + tolerance(steps.interval) <
	    end_of(arrivals))
		return false;
	*ret_steps = steps;
	return true;
}

/* How far any interval of a train is from their mean. */
static double deviation_of(const struct arrivals *arrivals, const struct steps *steps)
{
	double farthest = 0;
	unsigned previous = steps->first;

	for (unsigned i = previous + 1; i < arrivals->count; i++) {
		double gap = arrivals->at[i] - arrivals->at[previous];

		if (!(steps->members & 1U << i))
			continue;
		farthest = fmax(
			farthest,
			fabs(gap - steps->interval * fmax(1, round(gap / steps->interval))));
		previous = i;
	}
	return farthest;
}

static void explain(struct search *search, unsigned strays);

/* Each arrival but two lies where one was expected, by this chance. */
static void explain_with(struct search *search, const struct steps *steps, unsigned strays)
{
	const struct arrivals *arrivals = search->arrivals;
	struct finding before = search->now;
	double deviation = deviation_of(arrivals, steps);
	double hit = fmin(1, search->density * (2 * deviation + 1));
	double chance = log(arrivals->count) + (steps->arrivals - 2) * log(hit);

	if (chance > TRAIN_LN)
		return;
	search->now.chance += chance;
	search->now.trains[search->now.count++] = train_of(
		steps->interval, deviation, arrivals->at[steps->last], steps->arrivals);
	search->taken |= steps->members;
	explain(search, strays);
	search->taken &= ~steps->members;
	search->now = before;
}

/* Whom does the oldest arrival belong to that nobody has taken? */
static void explain(struct search *search, unsigned strays)
{
	const struct arrivals *arrivals = search->arrivals;
	unsigned first = (unsigned)__builtin_ctz(~search->taken);
	struct steps steps;

	if (first >= arrivals->count) {
		double chance = search->now.chance + ln_choose(arrivals->count, strays);

		if (search->now.count && chance < search->best->chance) {
			*search->best = search->now;
			search->best->chance = chance;
		}
		return;
	}
	if (search->now.count < RHYTHM_TRAINS) {
		for (unsigned second = first + 1; second < arrivals->count; second++) {
			if (!(search->taken & 1U << second) &&
			    follow(search, first, second, &steps))
				explain_with(search, &steps, strays);
		}
	}
	if (strays < arrivals->count / 5) {
		search->taken |= 1U << first;
		explain(search, strays + 1);
		search->taken &= ~(1U << first);
	}
}

static void find_several(const struct arrivals *arrivals, struct finding *best)
{
	double gap = end_of(arrivals) / (arrivals->count - 1);
	struct search search = {.arrivals = arrivals, .best = best};

	/* All together no faster than one may: what is left of dense arrivals is regular. */
	if (gap < (double)LEAST)
		return;
	search.density = 1 / (gap - DEAD);
	explain(&search, 0);
}

/* ---- the ring ---- */

/* All that are noted; as connections end, which is not always as they began. */
static void read_all(const struct shunt_source *source, struct arrivals *ret_arrivals)
{
	unsigned count = source->count < TIMES ? source->count : TIMES;
	uint32_t first = source->times[(source->count - count) % TIMES];

	for (unsigned i = 0; i < count; i++) {
		uint32_t at = source->times[(source->count - count + i) % TIMES];

		if ((int32_t)(at - first) < 0)
			first = at;
	}
	for (unsigned i = 0; i < count; i++)
		ret_arrivals->at[i] = source->times[(source->count - count + i) % TIMES] - first;
	sort(ret_arrivals->at, count);
	ret_arrivals->count = count;
	ret_arrivals->first = first;
}

static void take_newest(const struct arrivals *all, unsigned count, struct arrivals *ret_arrivals)
{
	unsigned skipped = all->count - count;

	ret_arrivals->count = count;
	ret_arrivals->first = all->first + all->at[skipped];
	for (unsigned i = 0; i < count; i++)
		ret_arrivals->at[i] = all->at[skipped + i] - all->at[skipped];
}

/*
 * Whoever opens many connections at once, as a benchmark or a pool does, may do so at a steady
 * interval.  A checker opens one, and those behind one address a few.
 */
static bool comes_in_crowds(const struct shunt_source *source)
{
	unsigned count = source->count < TIMES ? source->count : TIMES;

	return (unsigned)__builtin_popcount(source->crowded) > count / 4;
}

/* Without a single gap of an interval's length there is no train that could be found. */
static bool is_dense(const struct arrivals *arrivals)
{
	for (unsigned i = 1; i < arrivals->count; i++) {
		if (arrivals->at[i] - arrivals->at[i - 1] >= LEAST)
			return false;
	}
	return true;
}

/* A client that comes at this interval, rests for long, and comes so again. */
static bool comes_in_bursts(const struct arrivals *arrivals, double interval)
{
	unsigned pauses = 0, equal = 0;

	for (unsigned i = 1; i < arrivals->count; i++) {
		double gap = arrivals->at[i] - arrivals->at[i - 1];

		if (fabs(gap - interval) <= tolerance(interval))
			equal++;
		if (gap <= PAUSE * interval || !equal)
			continue;
		pauses++;
		equal = 0;
	}
	return pauses >= PAUSES_OF_BURSTS;
}

static double allowed_chance(const struct shunt_source *source, bool all)
{
	double looks = source->count - RHYTHM_ARRIVALS_LEAST + 1.0;

	return log(FIRST_CHANCE / (looks * looks * (all ? 1 : BEGINNINGS)));
}

static void tell(const struct arrivals *arrivals, const struct finding *finding, uint32_t now,
		 struct rhythm *ret_rhythm)
{
	for (unsigned i = 0; i < finding->count; i++) {
		struct rhythm_train train = finding->trains[i];
		int32_t silent;

		train.last += arrivals->first;
		train.confidence = fmin(1, -finding->chance / CERTAIN_LN);
		/* The kernel goes on while the caller's `now` stands. */
		silent = (int32_t)(now - train.last);
		if (silent < 0 || RHYTHM_NS(silent) <= PAUSE / 2 * train.interval)
			ret_rhythm->trains[ret_rhythm->count++] = train;
	}
}

void rhythm_find(const struct shunt_source *source, uint32_t now, struct rhythm *ret_rhythm)
{
	struct arrivals all, arrivals;

	*ret_rhythm = (struct rhythm){0};
	if (source->count < RHYTHM_ARRIVALS_LEAST || comes_in_crowds(source))
		return;
	read_all(source, &all);
	if (is_dense(&all))
		return;
	for (unsigned count = all.count; count >= RHYTHM_ARRIVALS_LEAST; count--) {
		struct finding best = {.chance = allowed_chance(source, count == all.count)};

		take_newest(&all, count, &arrivals);
		find_one(&arrivals, &best);
		/* Costly, so that a source that changes its ways waits until they fill the ring. */
		if (count == all.count)
			find_several(&arrivals, &best);
		if (!best.count)
			continue;
		if (!comes_in_bursts(&all, (double)best.trains[0].interval / (double)RHYTHM_NS(1)))
			tell(&arrivals, &best, now, ret_rhythm);
		return;
	}
}
