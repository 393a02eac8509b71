/* SPDX-License-Identifier: GPL-2.0 */
/* A decision in plain words. */
#include <inttypes.h>
#include <stdio.h>

#include "engine/breaker.h"
#include "engine/text.h"

static const char *const states[BREAKER_STATE_MAX] = {
	[BREAKER_CLOSED] = "closed",
	[BREAKER_OPEN] = "open",
	[BREAKER_HALF_OPEN] = "half_open",
};

static const char *const reasons[BREAKER_REASON_MAX] = {
	[BREAKER_NO_REASON] = "none",
	[BREAKER_FAILURE_RATE] = "failure_rate",
	[BREAKER_CONSECUTIVE] = "consecutive_failures",
	[BREAKER_SLOW] = "slow",
	[BREAKER_FLAPPING] = "on_flapping",
	[BREAKER_TIMER] = "timer",
	[BREAKER_TRIALS_FAILED] = "trials_failed",
	[BREAKER_TRIALS_SLOW] = "trials_slow",
	[BREAKER_TRIALS_PASSED] = "trials_passed",
	[BREAKER_TRIALS_FEW] = "trials_few",
	[BREAKER_GUARD] = "guard",
	[BREAKER_OPERATOR] = "operator",
	[BREAKER_EXPIRED] = "expired",
	[BREAKER_MODE] = "mode",
};

/* The key below services.NAME.breaker. that decided. */
static const char *const keys[BREAKER_REASON_MAX] = {
	[BREAKER_FAILURE_RATE] = "failure_rate",
	[BREAKER_CONSECUTIVE] = "consecutive_failures",
	[BREAKER_SLOW] = "slow",
	[BREAKER_FLAPPING] = "on_flapping",
	[BREAKER_TIMER] = "open_for",
	[BREAKER_TRIALS_FAILED] = "failure_rate",
	[BREAKER_TRIALS_SLOW] = "slow",
	[BREAKER_TRIALS_PASSED] = "half_open.connections",
	[BREAKER_TRIALS_FEW] = "open_for_max",
	[BREAKER_MODE] = "mode",
};

static const char *const modes[] = {
	[CONFIG_MODE_OFF] = "off",
	[CONFIG_MODE_SHADOW] = "shadow",
	[CONFIG_MODE_ENFORCE] = "enforce",
};

const char *breaker_state_name(enum breaker_state state)
{
	return state < BREAKER_STATE_MAX ? states[state] : "unknown";
}

const char *breaker_reason_name(enum breaker_reason reason)
{
	return reason < BREAKER_REASON_MAX ? reasons[reason] : "unknown";
}

void breaker_path(const struct breaker_decision *decision, const char *name, char *ret_path,
		  size_t size)
{
	const char *key = decision->reason < BREAKER_REASON_MAX ? keys[decision->reason] : NULL;
	const char *guard = guard_path(guards_first(&decision->guards));

	if (!size)
		return;
	ret_path[0] = 0;
	if (key)
		snprintf(ret_path, size, "services.%s.breaker.%s", name, key);
	else if (decision->reason == BREAKER_GUARD && guard)
		snprintf(ret_path, size, "%s", guard);
}

/* ---- words ---- */

static double percent(double share)
{
	return share * 100;
}

static void say_failures(struct text *text, const struct breaker_numbers *numbers)
{
	say(text, "%" PRIu64 " of %" PRIu64 " connections failed in the last %.1f s",
	    numbers->failures, numbers->connections, seconds(numbers->window));
}

static void say_shares(struct text *text, const struct breaker_numbers *numbers)
{
	say(text, ", %.3g %% where %.3g %% is too much", percent(numbers->share),
	    percent(numbers->limit));
}

static void say_trials(struct text *text, const struct breaker_decision *decision)
{
	const struct breaker_numbers *numbers = &decision->numbers;

	if (decision->reason == BREAKER_TRIALS_SLOW)
		say(text, "%" PRIu64 " trials were slower than %.3g s", numbers->trials_slow,
		    seconds(numbers->slow_over));
	else
		say(text, "%" PRIu64 " of %" PRIu64 " trials failed", numbers->trials_failed,
		    numbers->trials);
	if (decision->reason == BREAKER_TRIALS_FEW)
		say(text, ", and no more came");
}

static const char *mode_name(uint32_t mode)
{
	return mode <= CONFIG_MODE_ENFORCE ? modes[mode] : "unknown";
}

static void say_order(struct text *text, const struct breaker_decision *decision)
{
	const char *order = decision->order == BREAKER_TRIP ? "trip" : "reset";

	if (decision->order == BREAKER_SET_MODE)
		say(text, "mode %s", mode_name(decision->mode));
	else
		say(text, "%s", order);
	say(text, " by %s: %s", *decision->who ? decision->who : "somebody unknown",
	    *decision->why ? decision->why : "no reason given");
	if (decision->reason == BREAKER_EXPIRED)
		say(text, " (has expired)");
}

static void say_guard(struct text *text, const struct breaker_decision *decision, enum guard guard)
{
	const struct guards_limits *limits = &decision->guards_limits;
	const struct guards_case *about = &decision->about;

	switch (guard) {
	case GUARD_PROTECT:
		say(text, "guards.protect names an endpoint of it");
		break;
	case GUARD_OPERATOR:
		say(text, "an operator's order stands against it");
		break;
	case GUARD_HOLD:
		say(text, "the observer was late or lost events, and holds");
		break;
	case GUARD_LAST:
		say(text,
		    "it would be the last: none of the other %" PRIu32 " of its kind is usable",
		    about->kind - 1);
		break;
	case GUARD_PANIC:
		say(text,
		    "%" PRIu32 " of %" PRIu32 " of its kind would be down or cut, more than "
		    "%.3g %%: the fault lies elsewhere",
		    about->kind - about->kind_usable, about->kind, percent(limits->panic));
		break;
	case GUARD_MAX_OPEN:
		say(text, "%" PRIu32 " would be open, and guards.max_open is %" PRIu32, about->open,
		    limits->max_open);
		break;
	case GUARD_MAX_OPEN_SHARE:
		say(text,
		    "%" PRIu32 " of %" PRIu32 " services would be open, and "
		    "guards.max_open_share is %.3g",
		    about->open, about->services, limits->max_open_share);
		break;
	case GUARD_VELOCITY:
		say(text,
		    "it would be trip %" PRIu32 " within a minute, and %" PRIu32 " are allowed",
		    about->trips, limits->velocity);
		break;
	case GUARD_MAX:
		break;
	}
}

static void say_reason(struct text *text, const struct breaker_decision *decision)
{
	const struct breaker_numbers *numbers = &decision->numbers;

	switch ((enum breaker_reason)decision->reason) {
	case BREAKER_FAILURE_RATE:
		say_failures(text, numbers);
		say_shares(text, numbers);
		break;
	case BREAKER_CONSECUTIVE:
		say(text, "%" PRIu64 " connections in a row failed, where %.0f are too many",
		    numbers->run, numbers->limit);
		break;
	case BREAKER_SLOW:
		say(text, "%" PRIu64 " of %" PRIu64 " took longer than %.3g s for %.1f s",
		    numbers->slow, numbers->samples, seconds(numbers->slow_over),
		    seconds(numbers->slow_lasts));
		say_shares(text, numbers);
		break;
	case BREAKER_FLAPPING:
		say(text, "it flaps (%" PRIu64 " times down, score %.2f) and ",
		    numbers->withdrawals, numbers->flap_score);
		say_failures(text, numbers);
		break;
	case BREAKER_TIMER:
		say(text, "it has been open for long enough");
		break;
	case BREAKER_TRIALS_FAILED:
	case BREAKER_TRIALS_SLOW:
	case BREAKER_TRIALS_PASSED:
	case BREAKER_TRIALS_FEW:
		say_trials(text, decision);
		break;
	case BREAKER_GUARD:
		say_guard(text, decision, guards_first(&decision->guards));
		break;
	case BREAKER_OPERATOR:
	case BREAKER_EXPIRED:
		say_order(text, decision);
		break;
	case BREAKER_MODE:
		say(text, "its mode is off");
		break;
	case BREAKER_NO_REASON:
	case BREAKER_REASON_MAX:
		break;
	}
}

static void say_what(struct text *text, const struct breaker_decision *decision, const char *name)
{
	const char *whose = decision->service == BREAKER_ALL ? "all services" : name;

	switch ((enum breaker_what)decision->what) {
	case BREAKER_MOVED:
		say(text, "%s: %s, was %s: ", whose, breaker_state_name(decision->to),
		    breaker_state_name(decision->from));
		break;
	case BREAKER_REFUSED:
		say(text, "%s: stays %s: ", whose, breaker_state_name(decision->from));
		break;
	case BREAKER_ORDERED:
	case BREAKER_LAPSED:
		say(text, "%s: ", whose);
		break;
	}
}

void breaker_explain(const struct breaker_decision *decision, const char *name, char *ret_text,
		     size_t size)
{
	enum guard guard = guards_first(&decision->guards);
	struct text text = {.buf = ret_text, .size = size};
	char path[BREAKER_PATH_MAX];

	if (!size)
		return;
	ret_text[0] = 0;
	breaker_path(decision, name, path, sizeof(path));
	say_what(&text, decision, name);
	say_reason(&text, decision);
	if (*path)
		say(&text, " (%s)", path);
	if (decision->what == BREAKER_REFUSED) {
		say(&text, "; refused by %s: ", guard_name(guard));
		say_guard(&text, decision, guard);
	} else if (guard != GUARD_MAX && decision->reason == BREAKER_OPERATOR) {
		say(&text, "; against %s: ", guard_name(guard));
		say_guard(&text, decision, guard);
	}
	if (decision->until)
		say(&text, "; for %.1f s", seconds(decision->until - decision->now));
}
