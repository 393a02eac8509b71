/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/health.h"

#include <string.h>

#include "daemon/checkers.h"
#include "daemon/service.h"
#include "kernel/observer.h"

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* A request that has only just come does not wait: its answer may be under way. */
#define WAITING_AGE (100 * NSEC_PER_MSEC)

/* A walk over all connections on mere suspicion is not for every tick. */
#define LOOK_PAUSE (250 * NSEC_PER_MSEC)

/* Where nothing happens, time alone passes, and once in so long is enough for that. */
#define REST	NSEC_PER_SEC
#define STAGGER (100 * NSEC_PER_MSEC)

/* A tick that is so late is told to all; what the engine itself calls late is later still. */
#define LATE (100 * NSEC_PER_MSEC)

#define REASON_SIZE 512

static bool is_judged(const struct service *service)
{
	return service->origin == SERVICE_CONFIGURED || service->origin == SERVICE_DISCOVERED;
}

/* ---- the closer look: accept queues and waiting requests ---- */

/* With no demand seen and no connection open there is nothing that could wait. */
static enum health_look look_for(const struct service_health *health)
{
	if (!health->verdict.look)
		return HEALTH_LOOK_NONE;
	if (health->health.silence.from)
		return HEALTH_LOOK_DEMAND;
	return health->open ? HEALTH_LOOK_SUSPICION : HEALTH_LOOK_NONE;
}

/* What could be seen in this tick. */
struct look {
	bool queues;
	bool waiting;
};

/* Once for all services, if one of them asks for it. */
static struct look take_look(struct services *services, const struct health_tick *tick)
{
	struct look look = {0};

	if (services->look == HEALTH_LOOK_NONE || (services->look == HEALTH_LOOK_SUSPICION &&
						   tick->now - services->looked_at < LOOK_PAUSE))
		return look;
	services->looked_at = tick->now;
	look.queues = !queues_read(&services->queues, tick->observer, tick->bindings);
	look.waiting = !observer_waiting(tick->observer, tick->now, WAITING_AGE, services->waiting,
					 services->count);
	return look;
}

static void add_look(const struct services *services, const struct service *service,
		     const struct look *look, struct health_input *input)
{
	uint32_t slot = services_slot(services, service);
	const struct observer_waiting *waiting = &services->waiting[slot];
	const struct queue *queue = &services->queues.slots[slot];

	if (!service->health.verdict.look)
		return;
	if (look->waiting)
		input->waiting = (struct health_waiting){
			.known = true,
			.count = waiting->count,
			.oldest = waiting->oldest,
		};
	/* Where nobody listens there is no queue. */
	if (look->queues && queue->limit)
		input->queue = (struct health_queue){
			.known = true,
			.length = (uint32_t)queue->length,
			.limit = (uint32_t)queue->limit,
		};
}

/* ---- what went on since the last tick ---- */

static void add_traffic(struct service_health *health, const struct shunt_cell *cell,
			struct health_input *input)
{
	struct health_traffic all = {
		.responses = cell->responses,
		.response_time = cell->response_time,
	};

	memcpy(all.handshakes, cell->counters.handshakes, sizeof(all.handshakes));
	memcpy(all.closes, cell->counters.closes, sizeof(all.closes));
	/* What was before its first tick is not known to be of now. */
	if (health->judged_at) {
		const uint64_t *new = (const uint64_t *)&all;
		const uint64_t *old = (const uint64_t *)&health->counted;
		uint64_t *difference = (uint64_t *)&input->traffic;

		for (size_t i = 0; i < sizeof(all) / sizeof(*new); i++)
			difference[i] = new[i] - old[i];
	}
	health->counted = all;
	health->open = cell_active(cell);
}

/* ---- the step ---- */

/* What is configured comes before what is observed. */
static uint64_t check_interval(const struct services *services, const struct service *service,
			       const struct health_tick *tick)
{
	if (service->check_interval || !tick->checkers)
		return service->check_interval;
	return checkers_interval(tick->checkers, services_slot(services, service));
}

/* Where the interval is not known, all share theirs, which stay in the cache. */
static const struct health_limits *
limits_of(const struct services *services, struct service *service, const struct health_tick *tick)
{
	struct service_health *health = &service->health;
	uint64_t interval = check_interval(services, service, tick);
	/* An observed one is never twice the same, and need not be followed to the millisecond. */
	uint64_t differs = interval > health->interval ? interval - health->interval
						       : health->interval - interval;

	if (!interval)
		return &services->limits;
	if (differs > interval / 16) {
		health->interval = interval;
		health_limits_default(&health->limits, interval);
	}
	return &health->limits;
}

/*
 * Whether steps may be left out while nothing comes: nothing is wrong or waited out, and
 * no silence is at hand, nor can one begin unseen.  What such a step does is let averages
 * decay, which one of a second does as well as ten; advance() sees to it that the engine
 * knows when the last tick was.
 */
static bool may_rest(const struct service_health *health, const struct health_limits *limits)
{
	const struct health *state = &health->health;
	bool well = health->verdict.state == HEALTH_HEALTHY &&
		    health->verdict.reason == HEALTH_REASON_NONE && !state->down_since;
	bool watched = state->silence.from ||
		       (health->open && state->silence.familiar >= limits->silence.familiar);

	return well && !watched && health->verdict.stretch == 1;
}

static uint64_t activity_of(const struct services *services, const struct observer *observer,
			    uint32_t slot)
{
	return observer_activity(observer, slot) + services->queues.slots[slot].drops;
}

/* A check that is overdue is noticed in the tick in which it is: who is checked does not rest. */
static bool is_checked(const struct health_tick *tick, uint32_t slot)
{
	return tick->checkers && checkers_of(tick->checkers, slot);
}

static bool is_at_rest(const struct health_rest *rest, const struct health_tick *tick,
		       uint64_t activity)
{
	bool on_time = !tick->lost && tick->late < LATE;

	return tick->now < rest->until && on_time && activity == rest->activity;
}

/* `last` is when the last tick was: a silence is measured from there, not from the last step. */
static void advance(struct service_health *health, const struct health_limits *limits,
		    const struct health_input *input, uint64_t last)
{
	if (health->judged_at && health->judged_at < last) {
		const struct health_input nothing = {.now = last, .role = input->role};

		health_step(&health->health, limits, &nothing, &health->verdict);
	}
	health_step(&health->health, limits, input, &health->verdict);
	health->judged_at = input->now;
}

static void tell(const struct health_tick *tick, const struct service *service,
		 enum health_state was, const char *reason)
{
	const struct health_change change = {
		.service = service,
		.was = was,
		.is = service->health.verdict.state,
		.reason = reason,
	};

	tick->changed(tick->userdata, &change);
}

static void judge(const struct services *services, struct service *service,
		  const struct health_limits *limits, const struct health_tick *tick,
		  const struct look *look)
{
	struct service_health *health = &service->health;
	enum health_state was = health->verdict.state;
	struct health_input input = {
		.now = tick->now,
		.late = tick->late,
		.lost = tick->lost,
		.role = service->role,
	};
	struct shunt_cell cell;
	char reason[REASON_SIZE];

	services_read(services, tick->observer, services_slot(services, service), false, &cell);
	add_traffic(health, &cell, &input);
	add_look(services, service, look, &input);
	if (tick->checkers)
		checkers_give(tick->checkers, services_slot(services, service), &input);
	advance(health, limits, &input, services->judged_at);
	if (health->verdict.state == was)
		return;
	health_explain(&health->verdict, NULL, reason, sizeof(reason));
	tell(tick, service, was, reason);
}

static void dismiss(struct service *service, const struct health_tick *tick)
{
	enum health_state was = service->health.verdict.state;

	if (!service->health.judged_at)
		return;
	memset(&service->health, 0, sizeof(service->health));
	if (was != HEALTH_HEALTHY)
		tell(tick, service, was, "it is observed no more");
}

static void visit(struct services *services, uint32_t slot, const struct health_tick *tick,
		  const struct look *look)
{
	struct service *service = &services->items[slot];
	struct health_rest *rest = &services->rests[slot];
	const struct health_limits *limits;
	enum health_look wanted;
	uint64_t activity;

	if (!rest->until && !is_judged(service)) {
		dismiss(service, tick);
		return;
	}
	/* Before the counters are read: what is counted in between wakes it at the next tick. */
	activity = activity_of(services, tick->observer, slot);
	if (is_at_rest(rest, tick, activity) && !is_checked(tick, slot))
		return;
	*rest = (struct health_rest){.activity = activity};
	if (!is_judged(service))
		return;
	limits = limits_of(services, service, tick);
	judge(services, service, limits, tick, look);
	/* Not all of them wake in one tick. */
	if (may_rest(&service->health, limits))
		rest->until = tick->now + REST - (tick->now + slot * STAGGER) % REST;
	wanted = look_for(&service->health);
	if (wanted > services->look)
		services->look = wanted;
}

void services_judge(struct services *services, const struct health_tick *tick)
{
	struct look look = take_look(services, tick);

	services->look = HEALTH_LOOK_NONE;
	for (uint32_t slot = SHUNT_SLOT_FIRST; slot < services->count; slot++)
		visit(services, slot, tick, &look);
	services->judged_at = tick->now;
}
