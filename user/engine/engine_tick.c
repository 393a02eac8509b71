/* SPDX-License-Identifier: GPL-2.0 */
/* A tick: each service's health, then all breakers; and what comes of that. */
#include <string.h>

#include "engine/engine_parts.h"

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* A walk over all connections on mere suspicion is not for every tick. */
#define LOOK_PAUSE (250 * NSEC_PER_MSEC)

/* Where nothing happens, time alone passes, and once in so long is enough for that… */
#define REST	NSEC_PER_SEC
#define STAGGER (100 * NSEC_PER_MSEC)
/* …or more seldom, where nothing has happened for so long. */
#define DEEP_REST  (5 * NSEC_PER_SEC)
#define DEEP_AFTER (10 * NSEC_PER_SEC)

/* A tick that is so late is told to all; what is called late elsewhere is later still. */
#define LATE (100 * NSEC_PER_MSEC)

/* ---- what goes into the health ---- */

static void take_sample(struct engine_slot *item, const struct engine_sample *sample,
			struct health_input *input)
{
	item->open = sample->open;
	input->traffic = sample->traffic;
	input->traffic.handshakes[SHUNT_HANDSHAKE_OVERFLOW] += sample->drops;
	input->waiting = (struct health_waiting){
		.known = sample->seen & ENGINE_SAW_WAITING,
		.unread_known = sample->seen & ENGINE_SAW_UNREAD,
		.count = sample->waiting,
		.unread = sample->unread,
		.oldest = sample->oldest,
	};
	input->queue = (struct health_queue){
		.known = sample->seen & ENGINE_SAW_QUEUE,
		.length = sample->queue,
		.limit = sample->queue_limit,
	};
}

/*
 * Checks that our own verdict keeps away say nothing of the service.  In shadow it is taken to
 * keep them away as well: else the modes would come to decide differently.
 */
static bool keeps_probers_away(const struct engine *engine, uint32_t slot)
{
	const struct breaker_verdict verdict = engine_verdict(engine, slot);

	return !verdict.probes_pass && verdict.share < 1;
}

static void take_checks(struct engine *engine, uint32_t slot, uint64_t drops,
			struct health_input *input)
{
	struct engine_checker *checker = &engine->checkers[slot];
	struct probers_tick tick = {
		.now = input->now, .late = input->late, .lost = input->lost, .drops = drops};
	struct check lost[CHECKS_PROBERS];
	uint64_t changes = checker->probers.changes;
	unsigned count = probers_overdue(&checker->probers, &tick, lost);

	for (unsigned i = 0; i < count && checker->checks_count < ENGINE_CHECKS; i++)
		checker->checks[checker->checks_count++] = lost[i];
	if (checker->probers.changes != changes)
		set_add(engine->told, slot);
	input->checks = checker->checks;
	input->checks_count = keeps_probers_away(engine, slot) ? 0 : checker->checks_count;
	probers_balancer(&checker->probers, input->now, &input->balancer);
}

/* ---- the health ---- */

/* The longest interval at which it is checked, as observed; 0: not known. */
static uint64_t observed_interval(const struct engine *engine, uint32_t slot)
{
	const struct probers *probers = engine_probers(engine, slot);
	uint64_t longest = 0;

	for (unsigned i = 0; probers && i < CHECKS_PROBERS; i++) {
		const struct prober *prober = &probers->probers[i];

		if (prober->used && prober->interval > longest)
			longest = prober->interval;
	}
	return longest;
}

/* Where the interval is not known, all share their limits, which stay in the cache. */
static const struct health_limits *limits_of(struct engine *engine, uint32_t slot)
{
	struct engine_slot *item = &engine->items[slot];
	/* What is configured comes before what is observed. */
	uint64_t interval = item->check.interval ? item->check.interval
						 : observed_interval(engine, slot);
	/* An observed one is never twice the same, and need not be followed to the millisecond. */
	uint64_t differs = interval > item->interval ? interval - item->interval
						     : item->interval - interval;

	if (!interval)
		return &engine->limits;
	if (differs > interval / 16) {
		item->interval = interval;
		health_limits_default(&item->limits, interval);
	}
	return &item->limits;
}

/* A silence is measured from the last tick, which may have left this one out, not from its last
 * step. */
static void advance(struct engine *engine, struct engine_slot *item,
		    const struct health_limits *limits, const struct health_input *input)
{
	if (item->judged_at && item->judged_at < engine->ticked_at) {
		const struct health_input nothing = {.now = engine->ticked_at, .role = item->role};

		health_step(&item->health, limits, &nothing, &item->verdict);
	}
	health_step(&item->health, limits, input, &item->verdict);
	item->judged_at = input->now;
}

/*
 * Whether steps may be left out while nothing comes: nothing is wrong or waited out, and
 * no silence is at hand, nor can one begin unseen.  What such a step does is let averages
 * decay, which one of a second does as well as ten; advance() sees to it that it is known
 * when the last tick was.
 */
static bool may_rest(const struct engine_slot *item, const struct health_limits *limits)
{
	const struct health *health = &item->health;
	bool well = item->verdict.state == HEALTH_HEALTHY &&
		    item->verdict.reason == HEALTH_REASON_NONE && !health->down_since;
	bool watched = health->silence.from ||
		       (item->open && health->silence.familiar >= limits->silence.familiar);

	return well && !watched && item->verdict.stretch == 1;
}

/*
 * For how long, if it may.  What a step does beside letting averages decay is to note that it was
 * up, for as long as that may be told from what there was before.
 */
static uint64_t rest_of(const struct engine_slot *item, uint64_t now)
{
	const struct health *health = &item->health;
	bool idle = now - health->traffic.at >= DEEP_AFTER &&
		    now - health->silence.responded_at >= DEEP_AFTER;

	return idle && !health->flap.transitions ? DEEP_REST : REST;
}

/* Until when it rests, ns; 0: it does not.  Not all of them wake in one tick. */
static uint64_t rests_until(const struct engine_slot *item, const struct health_limits *limits,
			    uint64_t now, uint32_t slot)
{
	uint64_t rest;

	if (!may_rest(item, limits))
		return 0;
	rest = rest_of(item, now);
	return now + rest - (now + slot * STAGGER) % rest;
}

/* With no demand seen and no connection open there is nothing that could wait. */
static enum engine_look look_for(const struct engine_slot *item)
{
	if (!item->verdict.look)
		return ENGINE_LOOK_NONE;
	if (item->health.silence.from)
		return ENGINE_LOOK_DEMAND;
	return item->open ? ENGINE_LOOK_SUSPICION : ENGINE_LOOK_NONE;
}

static void note_change(struct engine *engine, uint32_t slot, enum health_state was)
{
	enum health_state is = engine->items[slot].verdict.state;

	if (is != was)
		engine->changes[engine->changes_count++] = (struct engine_change){
			.slot = slot, .was = was, .is = is};
}

/* ---- what goes into the breakers ---- */

/* A drained service is tried by those that it was drained for. */
static void count_trials(struct engine *engine, uint32_t slot, const struct health_input *input)
{
	struct breaker_input *given = &engine->inputs[slot];

	if (engine->breakers->items[slot].state != BREAKER_HALF_OPEN ||
	    engine_verdict(engine, slot).kind != BREAKER_DRAIN)
		return;
	given->trials_passed = given->trials_failed = given->trials_slow = 0;
	set_add(engine->stirred, slot);
	for (unsigned i = 0; i < input->checks_count; i++) {
		if (input->checks[i].outcome == SHUNT_PROBE_PASS)
			given->trials_passed++;
		else
			given->trials_failed++;
	}
}

static void give_breaker(struct engine *engine, uint32_t slot, const struct engine_sample *sample,
			 const struct health_input *input)
{
	const struct health_verdict *verdict = &engine->items[slot].verdict;
	struct breaker_input *given = &engine->inputs[slot];

	given->health = verdict->state;
	given->withdrawals = verdict->withdrawals;
	given->flap_score = verdict->flap_score;
	if (sample) {
		given->traffic = input->traffic;
		given->samples = sample->samples;
		given->slow = sample->slow;
		given->trials_passed = sample->trials_passed;
		given->trials_failed = sample->trials_failed;
		given->trials_slow = sample->trials_slow;
		set_add(engine->stirred, slot);
	}
	if (input->checks_count)
		count_trials(engine, slot, input);
}

/* What happened has been taken; how healthy a service is goes on. */
static void clear_inputs(struct engine *engine)
{
	for (uint32_t w = 0; w * 64 < engine->slots; w++) {
		for (uint64_t left = engine->stirred[w]; left; left &= left - 1) {
			struct breaker_input *input =
				&engine->inputs[w * 64 + __builtin_ctzll(left)];

			*input = (struct breaker_input){
				.health = input->health,
				.withdrawals = input->withdrawals,
				.flap_score = input->flap_score,
			};
		}
		engine->stirred[w] = 0;
	}
}

/* ---- the tick ---- */

static void judge(struct engine *engine, uint32_t slot, const struct engine_tick *tick,
		  const struct engine_sample *sample)
{
	struct engine_slot *item = &engine->items[slot];
	const struct health_limits *limits = limits_of(engine, slot);
	enum health_state was = item->verdict.state;
	struct health_input input = {
		.now = tick->now,
		.late = tick->late,
		.lost = tick->lost,
		.role = item->role,
	};
	enum engine_look wanted;

	if (sample)
		take_sample(item, sample, &input);
	if (engine->checked[slot])
		take_checks(engine, slot, sample ? sample->drops : 0, &input);
	advance(engine, item, limits, &input);
	note_change(engine, slot, was);
	give_breaker(engine, slot, sample, &input);
	if (engine->checked[slot])
		engine->checkers[slot].checks_count = 0;

	engine->rests[slot] = rests_until(item, limits, tick->now, slot);
	wanted = look_for(item);
	if (wanted > engine->look)
		engine->look = (uint8_t)wanted;
}

/* A check that is overdue is noticed in the tick in which it is: who is checked does not rest. */
static bool is_due(const struct engine *engine, uint32_t slot, const struct engine_tick *tick)
{
	return tick->now >= engine->rests[slot] || engine->checked[slot] || tick->lost ||
	       tick->late >= LATE;
}

static void judge_all(struct engine *engine, const struct engine_tick *tick)
{
	const struct engine_sample *sample = tick->samples;
	const struct engine_sample *end = tick->samples_count ? sample + tick->samples_count
							      : sample;

	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < engine->slots; slot++) {
		const struct engine_sample *own = NULL;

		while (sample < end && sample->slot < slot)
			sample++;
		if (sample < end && sample->slot == slot)
			own = sample;
		if (engine->used[slot] && (own || is_due(engine, slot, tick)))
			judge(engine, slot, tick, own);
	}
}

static void step_breakers(struct engine *engine, const struct engine_tick *tick)
{
	const struct breaker_tick given = {
		.now = tick->now,
		.late = tick->late,
		.lost = tick->lost,
		.inputs = engine->inputs,
		.stirred = engine->stirred,
	};

	breaker_step(engine->breakers, &engine->rules, &given, &engine->decisions);
	clear_inputs(engine);
}

void engine_tick(struct engine *engine, const struct engine_tick *tick)
{
	engine->changes_count = 0;
	engine->decisions.count = 0;
	engine->look = ENGINE_LOOK_NONE;
	if (tick->looked)
		engine->looked_at = tick->now;
	judge_all(engine, tick);
	step_breakers(engine, tick);
	engine->ticked_at = tick->now;
	if (engine->ear.ticked)
		engine->ear.ticked(engine->ear.userdata, tick);
}

int engine_command(struct engine *engine, const struct breaker_command *command)
{
	int r;

	engine->changes_count = 0;
	engine->decisions.count = 0;
	r = breaker_command(engine->breakers, &engine->rules, command, &engine->decisions);
	if (engine->ear.commanded)
		engine->ear.commanded(engine->ear.userdata, command, r);
	return r;
}

/* ---- what comes of it ---- */

struct engine_outcome engine_outcome(const struct engine *engine)
{
	return (struct engine_outcome){
		.changes = engine->changes,
		.changes_count = engine->changes_count,
		.decisions_count = (uint32_t)engine->decisions.count,
		.decisions = engine->decisions.items,
	};
}

bool engine_wants_look(const struct engine *engine, uint64_t now)
{
	return engine->look == ENGINE_LOOK_DEMAND ||
	       (engine->look == ENGINE_LOOK_SUSPICION && now - engine->looked_at >= LOOK_PAUSE);
}

bool engine_wants_look_at(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) && engine->items[slot].verdict.look;
}

const struct health_verdict *engine_health(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) && engine->items[slot].judged_at
		       ? &engine->items[slot].verdict
		       : NULL;
}

const struct breaker *engine_breaker(const struct engine *engine, uint32_t slot)
{
	return engine_has(engine, slot) ? &engine->breakers->items[slot] : NULL;
}

struct breaker_verdict engine_verdict(const struct engine *engine, uint32_t slot)
{
	struct breaker_verdict nothing;

	if (engine_has(engine, slot))
		return breaker_verdict(engine->breakers, &engine->rules, slot);
	memset(&nothing, 0, sizeof(nothing));
	nothing.share = 1;
	return nothing;
}

const struct breakers *engine_breakers(const struct engine *engine)
{
	return engine->breakers;
}

const struct breaker_rules *engine_rules(const struct engine *engine)
{
	return &engine->rules;
}
