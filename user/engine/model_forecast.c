/* SPDX-License-Identifier: GPL-2.0 */
/* What a load balancer will do: when, and how likely. */
#include <errno.h>

#include "engine/model.h"
#include "engine/model_rules.h"

/* How a prober's checks follow one another. */
struct rhythm {
	enum model_pace pace;
	uint64_t interval; /* 0: unknown */
	uint64_t retry; /* the interval after a failure */
	uint64_t timeout;
};

static struct rhythm rhythm_of(const struct model_settings *settings, uint64_t observed)
{
	struct rhythm rhythm = {
		.pace = model_rules[settings->kind].pace,
		.interval = settings->interval,
	};

	/* nginx's interval is not between requests, which nobody configures. */
	if (rhythm.pace == MODEL_PASSIVE || (observed && !settings->interval_given))
		rhythm.interval = observed;
	rhythm.retry = settings->retry_interval ? settings->retry_interval : rhythm.interval;
	rhythm.timeout = settings->timeout ? settings->timeout : rhythm.interval;
	return rhythm;
}

/* From the begin of a check that takes `duration` to the begin of the next. */
static uint64_t period(const struct rhythm *rhythm, uint64_t interval, uint64_t duration)
{
	switch (rhythm->pace) {
	case MODEL_FROM_END:
		return interval + duration;
	case MODEL_FROM_BEGIN:
		return interval > duration ? interval : duration;
	default:
		return interval;
	}
}

/* From the begin of the first of so many failing checks to the end of the last. */
static uint64_t failures_take(const struct rhythm *rhythm, uint32_t checks, uint64_t duration)
{
	return (checks - 1) * period(rhythm, rhythm->retry, duration) + duration;
}

/* One request, or one that has begun, needs no rhythm to fail. */
static bool is_unknown(const struct rhythm *rhythm, uint32_t checks)
{
	return !rhythm->interval && (rhythm->pace != MODEL_PASSIVE || checks > 1);
}

int model_eject_bounds(const struct model_settings *settings, uint64_t observed,
		       struct model_ejection *ret_ejection)
{
	struct rhythm rhythm = rhythm_of(settings, observed);
	uint64_t wait = rhythm.pace == MODEL_PASSIVE ? 0 : rhythm.interval;
	uint64_t refused, black_hole;

	if (is_unknown(&rhythm, settings->fall))
		return -ENODATA;
	refused = failures_take(&rhythm, settings->fall, 0);
	black_hole = failures_take(&rhythm, settings->fall, rhythm.timeout);
	*ret_ejection = (struct model_ejection){
		.refused = {refused, refused + wait},
		.black_hole = {black_hole, black_hole + wait},
	};
	return 0;
}

/* When the next check is due. */
static uint64_t next_begin(const struct model *model, const struct rhythm *rhythm)
{
	bool unanswered = model->last == SHUNT_PROBE_TIMED_OUT ||
			  model->last == SHUNT_PROBE_NO_RESPONSE;
	uint64_t duration = unanswered ? rhythm->timeout : 0;
	uint64_t interval = model->run ? rhythm->retry : rhythm->interval;

	if (rhythm->pace == MODEL_PASSIVE)
		return model->last_at + interval;
	return model->last_at + period(rhythm, interval, duration) - duration;
}

int model_time_until_down(const struct model *model, const struct model_settings *settings,
			  uint64_t observed, uint64_t now, struct model_span *ret_span)
{
	struct rhythm rhythm = rhythm_of(settings, observed);
	uint32_t checks = model_checks_until_down(model, settings);
	uint64_t next, early, late;

	if (!checks) {
		*ret_span = (struct model_span){0};
		return 0;
	}
	if (!rhythm.interval)
		return -ENODATA;
	next = next_begin(model, &rhythm);
	/* A check that is due may be under way; one that is overdue may begin now. */
	early = next > now ? next : now;
	late = next + rhythm.timeout >= now ? next : now;
	*ret_span = (struct model_span){
		.earliest = early - now + failures_take(&rhythm, checks, 0),
		.latest = late + failures_take(&rhythm, checks, rhythm.timeout) - now,
	};
	return 0;
}

/* The chance that so many of `checks` fail, or more. */
static double at_least(uint32_t failures, uint32_t checks, double failure_rate)
{
	double chances[MODEL_FALL_MAX + 1] = {1}; /* of so many failures; the last one: or more */

	for (uint32_t check = 0; check < checks; check++) {
		for (uint32_t failed = failures; failed-- > 0;) {
			chances[failed + 1] += chances[failed] * failure_rate;
			chances[failed] *= 1 - failure_rate;
		}
	}
	return chances[failures];
}

double model_outlook(const struct model *model, const struct model_settings *settings,
		     double failure_rate)
{
	uint32_t left = model_checks_until_down(model, settings);
	bool at_once = left < settings->fall - model->run;
	double chance = 1;

	if (!left)
		return 1;
	if (at_once || model_rules[settings->kind].pace == MODEL_PASSIVE)
		return at_least(left, settings->fall, failure_rate);
	/* One pass restores it whole, and then fewer checks than it takes are to come. */
	while (left--)
		chance *= failure_rate;
	return chance;
}
