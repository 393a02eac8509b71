/* SPDX-License-Identifier: GPL-2.0 */
/* Checks that have ended, and checks that never came. */
#include <string.h>

#include "engine/prober.h"
#include "engine/rhythm.h"

#define MSEC 1000000ULL

/* From the end of a check to the tick that takes its event: two ticks. */
#define GRACE (200 * MSEC)
/* Intervals that agree with each other before they replace ours. */
#define ODD_ENOUGH 3
/* Probers that were never sure are forgotten sooner. */
#define UNCONFIRMED_GONE 2

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_confirmed(const struct prober *prober)
{
	return prober->configured || prober->seen >= PROBER_CONFIRMED;
}

static uint64_t timeout_of(const struct probers *probers, const struct prober *prober)
{
	return probers->settings.timeout ? probers->settings.timeout : prober->interval;
}

/* Every check ends here. */
static void record(struct probers *probers, struct prober *prober, const struct check *check)
{
	bool failed = check->outcome != SHUNT_PROBE_PASS;

	prober->counts[check->outcome]++;
	prober->recent = prober->recent << 1 | failed;
	prober->fresh += prober->fresh < PROBER_HISTORY;
	prober->last = (uint8_t)check->outcome;
	model_probe(&prober->model, &probers->settings, check->at, check->outcome);
}

static struct check check_of(const struct probers *probers, const struct prober *prober,
			     uint64_t at, enum shunt_probe_outcome outcome)
{
	return (struct check){
		.at = later(at, prober->model.last_at),
		.prober = (unsigned)(prober - probers->probers),
		.outcome = outcome,
	};
}

/* ---- lost ones ---- */

/*
 * The next one is lost: nothing of it was seen, and its time was up after `timeout`.  `told`:
 * that is certain enough to be counted.
 */
static struct check lose(struct probers *probers, struct prober *prober, uint64_t timeout,
			 bool told)
{
	uint64_t begin = prober->due_begin, end = prober->due_end, start = later(begin, end);
	bool dropped = probers->dropped_at &&
		       probers->dropped_at + prober_tolerance(prober) >= start;
	struct check check = check_of(probers, prober, start + timeout,
				      dropped ? SHUNT_PROBE_OVERFLOW : SHUNT_PROBE_TIMED_OUT);

	prober->missing++;
	prober->before = prober->model;
	prober->told = told;
	prober_expect(prober, start, start + timeout);
	if (prober->pace == PROBER_PACE_UNKNOWN) {
		prober->due_begin = begin + prober->interval;
		prober->due_end = end + timeout + prober->rest;
	}
	if (told)
		record(probers, prober, &check);
	return check;
}

static void forget(struct probers *probers, struct prober *prober)
{
	memset(prober, 0, sizeof(*prober));
	probers->changes++;
}

/* Whether one is missing for certain; where events were lost nothing is. */
static bool is_overdue(const struct probers *probers, const struct prober *prober,
		       const struct probers_tick *tick)
{
	uint64_t due = later(prober->due_begin, prober->due_end);

	return tick->now >
	       due + timeout_of(probers, prober) + prober_tolerance(prober) + GRACE + tick->late;
}

unsigned probers_overdue(struct probers *probers, const struct probers_tick *tick,
			 struct check ret_checks[CHECKS_PROBERS])
{
	unsigned count = 0;

	if (tick->lost)
		probers->lost_at = tick->now;
	if (tick->drops)
		probers->dropped_at = tick->now;
	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		struct prober *prober = &probers->probers[i];
		uint64_t due = later(prober->due_begin, prober->due_end);
		bool sure = is_confirmed(prober) && probers->lost_at < due;
		struct check check;

		if (!prober->used || !is_overdue(probers, prober, tick))
			continue;
		check = lose(probers, prober, timeout_of(probers, prober), sure);
		if (sure)
			ret_checks[count++] = check;
		if (prober->missing >= (is_confirmed(prober) ? PROBER_GONE : UNCONFIRMED_GONE))
			forget(probers, prober);
	}
	return count;
}

/* ---- those that came ---- */

/* Nothing but the address tells these from other connections: they were given no byte. */
static bool is_ambiguous(const struct shunt_probe *event)
{
	return event->outcome != SHUNT_PROBE_PASS && event->outcome != SHUNT_PROBE_HTTP_ERROR &&
	       event->outcome != SHUNT_PROBE_NO_RESPONSE;
}

static bool may_be_of(const struct prober *prober, const struct shunt_probe *event)
{
	if (!prober->used || memcmp(prober->addr, event->addr, sizeof(prober->addr)))
		return false;
	return prober->size == event->size || (is_ambiguous(event) && !event->size);
}

static uint64_t misfit(const struct prober *prober, const struct shunt_probe *event)
{
	uint64_t begin = distance(event->at, prober->due_begin);
	uint64_t end = distance(event->at, prober->due_end);

	return begin < end ? begin : end;
}

/*
 * Whether a check can have begun then: at the expected time; late, as by a SYN that was sent
 * again, after checks that were lost, or by a prober that was held up; after a lost one also
 * early, for its timeout may be shorter than we think.  One that says what checks say may be
 * early in any case: the service answers sooner than it did.  Where others were seen to look
 * like checks, one that looks like them must come on time, unless checks were lost.
 */
static bool can_begin(const struct prober *prober, const struct shunt_probe *event)
{
	uint64_t tolerance = prober_tolerance(prober);

	if (misfit(prober, event) <= tolerance)
		return true;
	if (event->at > earlier(prober->due_begin, prober->due_end))
		return prober->missing || !prober->strays || !is_ambiguous(event);
	if (is_ambiguous(event))
		return prober->missing && !prober->strays &&
		       event->at + tolerance >= prober->last_start + prober->rest;
	return event->at >= prober->last_start + prober->interval / 4;
}

/*
 * The check that we took for lost a moment ago: it took long; or it only began now, for the
 * next one cannot have begun yet.
 */
static bool is_the_lost_one(const struct probers *probers, const struct prober *prober,
			    const struct shunt_probe *event)
{
	uint64_t tolerance = prober_tolerance(prober);
	uint64_t next = earlier(prober->due_begin, prober->due_end);

	if (prober->missing != 1)
		return false;
	if (distance(event->at, prober->last_start) <= tolerance)
		return true;
	return probers->settings.timeout && !prober->strays && event->at > prober->last_start &&
	       event->at + tolerance < next;
}

static struct prober *find(struct probers *probers, const struct shunt_probe *event)
{
	struct prober *found = NULL;

	for (unsigned i = 0; i < CHECKS_PROBERS; i++) {
		struct prober *prober = &probers->probers[i];

		if (!may_be_of(prober, event))
			continue;
		if (is_the_lost_one(probers, prober, event))
			return prober;
		if (can_begin(prober, event) &&
		    (!found || misfit(prober, event) < misfit(found, event)))
			found = prober;
	}
	return found;
}

static uint64_t smooth(uint64_t value, uint64_t sample)
{
	return value - value / 8 + sample / 8;
}

/* Three intervals in a row that are alike, and unlike ours: it was set up anew. */
static void doubt_interval(struct prober *prober, uint64_t interval)
{
	if (prober->odd && distance(interval, prober->odd_interval) <= interval / 20 + 5 * MSEC)
		prober->odd++;
	else
		prober->odd = 1;
	prober->odd_interval = interval;
	if (prober->odd < ODD_ENOUGH || interval < RHYTHM_INTERVAL_LEAST)
		return;
	prober->interval = interval;
	prober->odd = 0;
}

static void learn_interval(struct prober *prober, uint64_t start)
{
	uint64_t tolerance = prober_tolerance(prober);
	uint64_t interval = start - prober->last_start;
	uint64_t rest = start > prober->last_end ? start - prober->last_end : 0;
	bool by_begin = distance(interval, prober->interval) <= tolerance;
	bool by_end = distance(rest, prober->rest) <= tolerance;

	if (prober->missing)
		return;
	if (prober->pace == PROBER_PACE_UNKNOWN && by_begin != by_end &&
	    distance(prober->due_begin, prober->due_end) > 2 * tolerance)
		prober->pace = by_begin ? PROBER_FROM_BEGIN : PROBER_FROM_END;
	if (by_end)
		prober->rest = smooth(prober->rest, rest);
	if (by_begin) {
		prober->jitter = smooth(prober->jitter, distance(interval, prober->interval));
		prober->interval = smooth(prober->interval, interval);
		prober->odd = 0;
	} else if (!by_end) {
		doubt_interval(prober, interval);
		if (!prober->odd)
			prober->rest = rest;
	}
}

/* Among other connections that look alike: the first that fits is early more often than not. */
static bool is_lost_in_traffic(const struct prober *prober, const struct shunt_probe *event)
{
	return prober->strays && is_ambiguous(event) && !prober->missing;
}

/* When it is taken to have begun. */
static uint64_t start_of(const struct prober *prober, const struct shunt_probe *event)
{
	if (!is_lost_in_traffic(prober, event))
		return event->at;
	return distance(event->at, prober->due_begin) < distance(event->at, prober->due_end)
		       ? prober->due_begin
		       : prober->due_end;
}

/*
 * A check that came so late had one before it that was lost, and of which it is not known yet:
 * begun when it was due, and over a rest before this one.  A timeout that is not configured
 * may be any.  Returns how long the lost one took, or a negative number where none was lost.
 */
static int64_t lost_before(const struct probers *probers, const struct prober *prober,
			   const struct shunt_probe *event)
{
	uint64_t due = later(prober->due_begin, prober->due_end);
	uint64_t next = prober->interval, timeout = timeout_of(probers, prober);
	uint64_t late = event->at > due ? event->at - due : 0;

	if (prober->pace == PROBER_FROM_END)
		next = prober->rest + probers->settings.timeout;
	if (!is_confirmed(prober) || probers->lost_at >= due ||
	    late + prober_tolerance(prober) < next)
		return -1;
	if (prober->pace != PROBER_FROM_END || late >= prober->rest + timeout)
		return (int64_t)timeout;
	return late > prober->rest ? (int64_t)(late - prober->rest) : 0;
}

static void note_stray(struct probers *probers, const struct shunt_probe *event)
{
	for (unsigned i = 0; i < CHECKS_PROBERS; i++)
		probers->probers[i].strays += may_be_of(&probers->probers[i], event);
}

/* It had only taken longer, or come later, than we thought a check may. */
static void take_back(struct prober *prober)
{
	if (!prober->told)
		return;
	prober->counts[prober->last]--;
	prober->recent >>= 1;
	prober->fresh -= prober->fresh > 0;
	prober->model = prober->before;
}

static struct check take(struct probers *probers, struct prober *prober,
			 const struct shunt_probe *event)
{
	struct check check = check_of(probers, prober, event->at + event->duration,
				      (enum shunt_probe_outcome)event->outcome);
	uint64_t start = start_of(prober, event);

	check.http_status = event->status;
	if (!is_lost_in_traffic(prober, event))
		learn_interval(prober, start);
	prober_expect(prober, start, start + event->duration);
	prober->seen++;
	prober->missing = 0;
	prober->strays = 0;
	record(probers, prober, &check);
	return check;
}

unsigned probers_event(struct probers *probers, const struct shunt_probe *event,
		       struct check ret_checks[PROBERS_EVENT_CHECKS])
{
	struct prober *prober = find(probers, event);
	unsigned count = 0;
	int64_t timeout;

	if (!prober) {
		note_stray(probers, event);
		return 0;
	}
	if (is_the_lost_one(probers, prober, event))
		take_back(prober);
	while (count < PROBERS_EVENT_CHECKS - 1 &&
	       (timeout = lost_before(probers, prober, event)) >= 0)
		ret_checks[count++] = lose(probers, prober, (uint64_t)timeout, true);
	ret_checks[count++] = take(probers, prober, event);
	return count;
}
