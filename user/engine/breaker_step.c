/* SPDX-License-Identifier: GPL-2.0 */
/* A tick of all breakers: orders that expire, evidence, guards that last, then the rules. */
#include <string.h>

#include "engine/breaker_parts.h"

/* ---- who is due ---- */

/* One that exists and is awake, or to which something happened; all, if that is not known. */
static bool take_due(struct breaker_round *round, const uint64_t *stirred)
{
	const struct breakers *breakers = round->breakers;
	uint32_t words = (breakers->count + 63) / 64;
	bool any = false;

	for (uint32_t w = 0; w < words; w++) {
		round->due[w] = stirred ? breakers->awake[w] | stirred[w] : UINT64_MAX;
		any |= round->due[w] != 0;
	}
	return any;
}

/* Calls `fn` for each that is due, in order. */
static void each(struct breaker_round *round, void (*fn)(struct breaker_round *round, uint32_t i))
{
	uint32_t count = round->breakers->count;

	for (uint32_t w = 0; w * 64 < count; w++) {
		for (uint64_t left = round->due[w]; left; left &= left - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(left);

			if (i < count && breaker_exists(round->rules, i))
				fn(round, i);
		}
	}
}

/* …and from the last to the first. */
static void each_backwards(struct breaker_round *round,
			   void (*fn)(struct breaker_round *round, uint32_t i))
{
	uint32_t count = round->breakers->count;

	for (uint32_t w = (count + 63) / 64; w-- > 0;) {
		uint64_t left = round->due[w];

		while (left) {
			uint32_t bit = 63 - (uint32_t)__builtin_clzll(left);
			uint32_t i = w * 64 + bit;

			left &= ~(1ULL << bit);
			if (i < count && breaker_exists(round->rules, i))
				fn(round, i);
		}
	}
}

/* ---- orders that expire ---- */

static bool has_expired(const struct breaker_standing *standing, uint64_t now)
{
	return standing->order && now >= standing->until;
}

/* Says whose order has ended; the order is gone then. */
static struct breaker_decision draft_end(const struct breaker_round *round, uint32_t i,
					 struct breaker_standing *standing)
{
	struct breaker_decision draft = breaker_draft(round, i, BREAKER_LAPSED, BREAKER_EXPIRED);

	draft.order = standing->order;
	draft.mode = standing->mode;
	memcpy(draft.who, standing->who, sizeof(draft.who));
	memcpy(draft.why, standing->why, sizeof(draft.why));
	memset(standing, 0, sizeof(*standing));
	return draft;
}

static void expire(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	struct breaker_decision draft;

	if (has_expired(&breaker->mode, round->now)) {
		draft = draft_end(round, i, &breaker->mode);
		breaker_tell(round, &draft);
	}
	if (!has_expired(&breaker->order, round->now))
		return;
	draft = draft_end(round, i, &breaker->order);
	if (breaker->state != BREAKER_OPEN || draft.order != BREAKER_TRIP) {
		breaker_tell(round, &draft);
		return;
	}
	/* From here on it is as if a rule had opened it, and the guards are asked. */
	draft.what = BREAKER_MOVED;
	breaker_move(round, i, BREAKER_HALF_OPEN, &draft);
}

static void expire_for_all(struct breaker_round *round)
{
	struct breakers *breakers = round->breakers;
	struct breaker_decision draft;

	if (!has_expired(&breakers->mode, round->now))
		return;
	draft = draft_end(round, BREAKER_ALL, &breakers->mode);
	breaker_tell(round, &draft);
}

/* ---- modes, evidence ---- */

static void switch_off(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	struct breaker_decision draft = breaker_draft(round, i, BREAKER_MOVED, BREAKER_MODE);

	memset(&breaker->order, 0, sizeof(breaker->order));
	if (breaker->state == BREAKER_CLOSED)
		evidence_forget(&breaker->evidence);
	else
		breaker_move(round, i, BREAKER_CLOSED, &draft);
}

static void take_input(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	const struct breaker_input *input = &round->inputs[i];

	if (breaker_mode(round->breakers, round->rules, i) == CONFIG_MODE_OFF) {
		switch_off(round, i);
	} else if (breaker->state == BREAKER_CLOSED) {
		breaker_gather(breaker, &round->rules->services[i], input, round->now);
	} else if (breaker->state == BREAKER_HALF_OPEN) {
		breaker->trials_passed += input->trials_passed;
		breaker->trials_failed += input->trials_failed;
		breaker->trials_slow += input->trials_slow;
	}
}

/* ---- guards ---- */

/*
 * What was allowed when it was cut may not be now: others have fallen ill since, and it
 * would be the last.  Then it is let go, and so is the latest in line of too many.
 */
static void release(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	uint32_t which = breaker->by_hand ? GUARD_BIT(GUARD_PROTECT) : GUARDS_LASTING;
	struct breaker_decision draft;

	if (breaker->state == BREAKER_CLOSED)
		return;
	draft = breaker_draft(round, i, BREAKER_MOVED, BREAKER_GUARD);
	draft.about = breaker_case(round, i, round->census.open_by_rule);
	draft.guards = guards_ask(&round->guards_limits, &draft.about, which);
	if (!draft.guards.refused)
		return;
	memset(&breaker->order, 0, sizeof(breaker->order));
	breaker_move(round, i, BREAKER_CLOSED, &draft);
}

/* Asks the guards, and tells if one refuses: at first, and again after a while. */
static bool is_refused(struct breaker_round *round, struct breaker_decision *draft, uint32_t open,
		       uint32_t which)
{
	struct breaker *breaker = &round->breakers->items[draft->service];
	enum guard guard;

	draft->about = breaker_case(round, draft->service, open);
	draft->guards = guards_ask(&round->guards_limits, &draft->about, which);
	guard = guards_first(&draft->guards);
	if (guard == GUARD_MAX)
		return false;
	if (breaker->told[guard] && round->now - breaker->told[guard] < round->rules->limits.repeat)
		return true;
	breaker->told[guard] = round->now;
	breaker->held[guard]++;
	breaker_tell(round, draft);
	return true;
}

/* ---- rules ---- */

static void decide_closed(struct breaker_round *round, uint32_t i)
{
	const struct breaker_rules *rules = round->rules;
	struct breaker_numbers numbers = {0};
	enum breaker_reason reason = breaker_trigger(&round->breakers->items[i],
						     rules->services[i].breaker, &rules->limits,
						     &round->inputs[i], round->now, &numbers);
	struct breaker_decision draft;

	/* Nearly always: what a decision is made of is not made for nothing. */
	if (reason == BREAKER_NO_REASON)
		return;
	draft = breaker_draft(round, i, BREAKER_REFUSED, reason);
	draft.numbers = numbers;
	if (is_refused(round, &draft, round->census.open + 1, GUARDS_ALL))
		return;
	guards_trip(&round->breakers->trips, round->now);
	draft.what = BREAKER_MOVED;
	breaker_move(round, i, BREAKER_OPEN, &draft);
}

static void decide_half_open(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	struct breaker_decision draft = breaker_draft(round, i, BREAKER_REFUSED, BREAKER_NO_REASON);
	enum breaker_state to = BREAKER_CLOSED;

	draft.reason = breaker_judge(breaker, round->rules->services[i].breaker, round->now,
				     &draft.numbers);
	if (draft.reason == BREAKER_NO_REASON)
		return;
	if (draft.reason == BREAKER_TRIALS_FAILED || draft.reason == BREAKER_TRIALS_SLOW) {
		if (is_refused(round, &draft, round->census.open, GUARDS_REOPEN))
			return;
		breaker->backoff++;
		to = BREAKER_OPEN;
	}
	draft.what = BREAKER_MOVED;
	breaker_move(round, i, to, &draft);
}

static void decide(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];
	struct breaker_decision draft;

	/* One move in a tick, and off is off. */
	if (breaker->since == round->now ||
	    breaker_mode(round->breakers, round->rules, i) == CONFIG_MODE_OFF)
		return;
	if (breaker->state == BREAKER_CLOSED) {
		decide_closed(round, i);
	} else if (breaker->state == BREAKER_HALF_OPEN) {
		decide_half_open(round, i);
	} else if (round->now >= breaker->until) {
		draft = breaker_draft(round, i, BREAKER_MOVED, BREAKER_TIMER);
		breaker_move(round, i, BREAKER_HALF_OPEN, &draft);
	}
}

static void renew_lease(struct breaker_round *round, uint32_t i)
{
	struct breaker *breaker = &round->breakers->items[i];

	if (breaker->state != BREAKER_CLOSED)
		breaker->lease = round->now + round->rules->guards->lease;
}

static void settle(struct breaker_round *round, uint32_t i)
{
	breaker_settle(round->breakers, i);
}

void breaker_step(struct breakers *breakers, const struct breaker_rules *rules,
		  const struct breaker_tick *tick, struct breaker_decisions *decisions)
{
	struct breaker_round round;

	awareness_add(&breakers->awareness, &rules->limits.awareness, tick->now, tick->late,
		      tick->lost);
	breaker_begin(&round, breakers, rules, decisions, tick->now);
	round.inputs = tick->inputs;
	expire_for_all(&round);
	if (!take_due(&round, tick->stirred))
		return;
	breaker_count(&round);
	each(&round, expire);
	each(&round, take_input);
	each_backwards(&round, release);
	each(&round, decide);
	/* Only a loop that is on time renews what it has said. */
	if (tick->late <= rules->limits.awareness.late)
		each(&round, renew_lease);
	each(&round, settle);
}
