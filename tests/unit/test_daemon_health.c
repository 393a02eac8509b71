/* SPDX-License-Identifier: GPL-2.0 */
/* Judging services: what the engine is given, when it is looked closer, who hears of a change. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/binding.h"
#include "config/config.h"
#include "daemon/discovery.h"
#include "daemon/gather.h"
#include "daemon/roster.h"
#include "daemon/service.h"
#include "engine/engine_parts.h"
#include "unit/fake_observer.h"

#define MSEC   1000000ULL
#define SECOND (1000 * MSEC)
#define TICK   (100 * MSEC)
#define MAX    3

static struct observer kernel;
static struct services services;
static struct bindings bindings;
static struct engine *engine;
static struct gather gather;
static struct roster roster;
static struct config_service configured = {.name = "a"};
static struct config config = {.services = &configured, .services_count = 1};
static const struct discovery nothing_found;
static struct service *service;
static uint64_t now, late, lost;

/* What was told, as "NAME:WAS>IS ". */
static char told[1024];
static char reason[512]; /* the last */

static void on_change(void *userdata, const struct health_change *change)
{
	size_t length = strlen(told);

	cr_expect_eq(userdata, &services);
	snprintf(told + length, sizeof(told) - length, "%s:%s>%s ", change->service,
		 health_state_name(change->was), health_state_name(change->is));
	snprintf(reason, sizeof(reason), "%s", change->reason);
}

static void set_up(void)
{
	configured.breaker = config_breaker_defaults;
	configured.health_check.interval = 0;
	cr_assert_eq(services_init(&services, MAX, 0), 0);
	cr_assert_eq(engine_new(services.count, 1, &engine), 0);
	cr_assert_eq(gather_init(&gather, &kernel, &bindings, &services, engine), 0);
	cr_assert_eq(roster_init(&roster, &services, engine, &gather), 0);
	roster.changed = on_change;
	roster.userdata = &services;
	service = services_add(&services, "a", SHUNT_ROLE_SERVER, SERVICE_CONFIGURED);
	now = 5000 * SECOND;
}

static void tear_down(void)
{
	roster_done(&roster);
	gather_done(&gather);
	engine_free(engine);
	services_done(&services);
}

TestSuite(daemon_health, .init = set_up, .fini = tear_down);

static struct shunt_cell *cell_of(const struct service *whose)
{
	return &kernel.cells[services_slot(&services, whose)];
}

static const struct engine_slot *known(void)
{
	return &engine->items[services_slot(&services, service)];
}

static void tell_changes(void)
{
	const struct engine_outcome outcome = engine_outcome(engine);

	for (uint32_t i = 0; i < outcome.changes_count; i++) {
		uint32_t slot = outcome.changes[i].slot;
		char text[512];
		const struct health_change change = {
			.service = engine_name(engine, slot),
			.was = outcome.changes[i].was,
			.is = outcome.changes[i].is,
			.reason = text,
		};

		health_explain(engine_health(engine, slot), NULL, text, sizeof(text));
		on_change(&services, &change);
	}
}

static void tick(void)
{
	struct engine_tick given;

	cr_assert_eq(roster_update(&roster, &config, &nothing_found), 0);
	gather_take(&gather, now, late, lost, &given);
	engine_tick(engine, &given);
	tell_changes();
	now += TICK;
}

/* So many ticks, in each of which so many connections succeed and are answered, or are refused. */
static void ticks(unsigned count, unsigned served, unsigned refused)
{
	while (count--) {
		struct shunt_cell *cell = cell_of(service);

		cell->counters.handshakes[SHUNT_HANDSHAKE_OK] += served;
		cell->counters.handshakes[SHUNT_HANDSHAKE_REFUSED] += refused;
		cell->counters.closes[SHUNT_CLOSE_ORDERLY] += served;
		cell->responses += served;
		cell->response_time += served * MSEC;
		tick();
	}
}

static enum health_state state(void)
{
	return known()->verdict.state;
}

Test(daemon_health, failures_are_told_once_a_state)
{
	ticks(100, 10, 0);
	cr_expect_str_eq(told, "", "nothing to tell of a good one");
	ticks(1, 0, 10);
	cr_expect_str_eq(told, "a:healthy>at_risk ");
	cr_expect_not_null(strstr(reason, "10 of "), "%s", reason);
	ticks(10, 0, 10);
	cr_expect_str_eq(told, "a:healthy>at_risk a:at_risk>failing ");
	ticks(100, 10, 0);
	cr_expect_eq(state(), HEALTH_HEALTHY);
	cr_expect_str_eq(strrchr(told, '>'), ">healthy ");
}

/* A daemon that starts, and a service that comes back, have counts that are old. */
Test(daemon_health, what_was_before_the_first_tick_does_not_count)
{
	cell_of(service)->counters.handshakes[SHUNT_HANDSHAKE_REFUSED] = 1000;
	tick();
	tick();
	cr_expect_eq(state(), HEALTH_HEALTHY);
	cr_expect_str_eq(told, "");
	ticks(1, 0, 10);
	cr_expect_eq(state(), HEALTH_AT_RISK);
	cr_expect_eq(known()->verdict.failures, 10);
}

Test(daemon_health, what_listeners_turned_away_counts)
{
	struct queue *queue = &services.queues.slots[services_slot(&services, service)];

	ticks(10, 10, 0);
	queue->drops += 10;
	tick();
	cr_expect_eq(state(), HEALTH_AT_RISK);
}

/* The same by the role of the service: a dependency's resets are its fault. */
Test(daemon_health, the_role_decides_what_is_a_failure)
{
	struct service *client = services_add(&services, "b", SHUNT_ROLE_CLIENT,
					      SERVICE_DISCOVERED);

	tick();
	cell_of(service)->counters.closes[SHUNT_CLOSE_RESET_BY_PEER] = 20;
	cell_of(client)->counters.closes[SHUNT_CLOSE_RESET_BY_PEER] = 20;
	tick();
	cr_expect_str_eq(told, "b:healthy>at_risk ");
}

Test(daemon_health, nobody_judges_the_unknown)
{
	for (unsigned i = 0; i < 10; i++) {
		kernel.cells[SHUNT_SLOT_UNKNOWN_SERVER].counters.handshakes[1] += 50;
		tick();
	}
	cr_expect_null(engine_health(engine, SHUNT_SLOT_UNKNOWN_SERVER));
	cr_expect_str_eq(told, "");
}

/* ---- whose state it is ---- */

Test(daemon_health, a_retired_service_is_over)
{
	ticks(10, 0, 10);
	cr_assert_eq(state(), HEALTH_FAILING);
	services_retire(service, now);
	told[0] = '\0';
	ticks(10, 0, 10);
	cr_expect_str_eq(told, "a:failing>healthy ");
	cr_expect_null(engine_health(engine, services_slot(&services, service)));
}

Test(daemon_health, the_next_service_of_a_slot_begins_with_nothing)
{
	struct service *next;

	ticks(10, 0, 10);
	services_retire(service, now);
	tick();
	services_sweep(&services, &kernel, now + 10 * SECOND);
	next = services_add(&services, "b", SHUNT_ROLE_SERVER, SERVICE_DISCOVERED);
	cr_assert_eq(next, service, "the same slot");
	told[0] = '\0';
	ticks(10, 10, 0);
	cr_expect_str_eq(told, "");
	cr_expect_eq(known()->verdict.withdrawals, 0);
	cr_expect_lt(gather.counted[services_slot(&services, next)].handshakes[SHUNT_HANDSHAKE_OK],
		     101);
}

Test(daemon_health, limits_follow_the_interval_of_the_checks)
{
	tick();
	cr_expect_eq(engine->limits.sample, 2 * SECOND, "where it is not known");
	configured.health_check.interval = 10 * SECOND;
	ticks(11, 0, 0);
	cr_expect_eq(known()->limits.sample, 10 * SECOND);
	cr_expect_eq(known()->limits.settled, 30 * SECOND);
}

/* ---- the closer look ---- */

/* A service that is used to answering, with connections that stay open. */
static void make_familiar(void)
{
	cell_of(service)->counters.seeded = 5;
	ticks(100, 10, 0);
	cr_assert_eq(state(), HEALTH_HEALTHY);
	cr_assert_eq(kernel.looks, 0, "one that answers is not looked at");
}

Test(daemon_health, requests_that_wait_on_old_connections_are_looked_for)
{
	struct observer_waiting *waiting = &kernel.waiting[services_slot(&services, service)];
	unsigned wedged = 0;

	make_familiar();
	for (unsigned i = 1; i <= 20 && !wedged; i++) {
		*waiting = (struct observer_waiting){.count = 5, .oldest = i * TICK};
		tick();
		if (state() == HEALTH_WEDGED)
			wedged = i;
	}
	cr_expect(wedged >= 5 && wedged <= 10, "after %u ticks", wedged);
	cr_expect_not_null(strstr(reason, "5 requests waiting"), "%s", reason);
}

Test(daemon_health, others_requests_are_not_its_own)
{
	kernel.waiting[services_slot(&services, service) + 1].count = 5;
	kernel.waiting[services_slot(&services, service) + 1].oldest = 10 * SECOND;
	make_familiar();
	ticks(50, 0, 0);
	cr_expect_gt(kernel.looks, 0);
	cr_expect_eq(state(), HEALTH_HEALTHY);
}

/* On suspicion it is looked at times only, and after a while no more. */
Test(daemon_health, suspicion_has_a_price)
{
	make_familiar();
	ticks(100, 0, 0);
	cr_expect(kernel.looks >= 20 && kernel.looks <= 40, "%u looks in 10 s", kernel.looks);
	kernel.looks = 0;
	ticks(100, 0, 0);
	cr_expect_leq(kernel.looks, 2);
}

Test(daemon_health, nothing_waits_where_nothing_is_open)
{
	ticks(100, 10, 0);
	ticks(100, 0, 0);
	cr_expect_eq(kernel.looks, 0);
}

/* Connections without an answer are looked at in every tick, and the queue of the listener counts.
 */
Test(daemon_health, a_queue_that_nobody_empties)
{
	struct shunt_endpoint local = {.port = 80, .netns = 1};
	const struct binding binding = {.kind = BINDING_INBOUND,
					.port = 80,
					.netns = 1,
					.slot = services_slot(&services, service)};
	unsigned wedged = 0;

	cr_assert_eq(bindings_add(&bindings, &binding), 0);
	make_familiar();
	kernel.queues_count = 1;
	for (unsigned i = 1; i <= 20 && !wedged; i++) {
		cell_of(service)->counters.handshakes[SHUNT_HANDSHAKE_OK] += 3;
		kernel.queues[0] = (struct shunt_queue){
			.local = local, .socket = 7, .length = 3 * i, .limit = 128};
		tick();
		if (state() == HEALTH_WEDGED)
			wedged = i;
	}
	cr_expect(wedged >= 5 && wedged <= 10, "after %u ticks", wedged);
	cr_expect_not_null(strstr(reason, "not even accepted"), "%s", reason);
	bindings_done(&bindings);
}

/* ---- the observer itself ---- */

Test(daemon_health, lateness_and_losses_reach_the_engine)
{
	ticks(10, 10, 0);
	late = SECOND;
	ticks(1, 0, 0);
	cr_expect_eq(known()->verdict.stretch, 2);
	cr_expect_eq(known()->verdict.late, SECOND);
	late = 0;
	lost = 3;
	ticks(1, 0, 0);
	cr_expect_eq(known()->verdict.stretch, 3);
	cr_expect_eq(known()->verdict.lost, 3);
}

/* ---- steps that are left out ---- */

static enum breaker_state breaker_state(void)
{
	return engine_breaker(engine, services_slot(&services, service))->state;
}

/* The engine as it would be, had it been asked at every tick. */
static void expect_as_if_never_left_out(void (*life)(unsigned at))
{
	enum breaker_state seldom_state;
	struct engine_slot seldom;
	unsigned steps = 0;

	for (unsigned i = 0; i < 600; i++) {
		life(i);
		tick();
		steps += known()->judged_at + TICK == now;
	}
	seldom = *known();
	seldom_state = breaker_state();
	cr_expect_lt(steps, 500, "some are left out");

	tear_down();
	memset(&kernel, 0, sizeof(kernel));
	set_up();
	for (unsigned i = 0; i < 600; i++) {
		engine->rests[services_slot(&services, service)] = 0;
		life(i);
		tick();
	}
	cr_expect_eq(seldom_state, breaker_state());
	cr_expect_eq(seldom.verdict.state, state());
	cr_expect_eq(seldom.health.since, known()->health.since);
	cr_expect_float_eq(seldom.health.silence.gap, known()->health.silence.gap, 1);
	cr_expect_float_eq(seldom.health.silence.familiar, known()->health.silence.familiar, 0.2);
	cr_expect_float_eq(seldom.health.silence.responses, known()->health.silence.responses,
			   0.05);
	cr_expect_eq(seldom.health.traffic.at, known()->health.traffic.at);
	cr_expect_eq(seldom.verdict.withdrawals, known()->verdict.withdrawals);
}

/* A burst of short connections each 1.7 s. */
static void bursts(unsigned at)
{
	struct shunt_cell *cell = cell_of(service);

	if (at % 17)
		return;
	cell->counters.handshakes[SHUNT_HANDSHAKE_OK] += 4;
	cell->counters.closes[SHUNT_CLOSE_ORDERLY] += 4;
	cell->responses += 4;
	cell->response_time += 4 * MSEC;
}

Test(daemon_health, a_quiet_service_is_not_judged_otherwise_for_that)
{
	expect_as_if_never_left_out(bursts);
}

Test(daemon_health, who_is_checked_is_judged_at_every_tick)
{
	ticks(20, 0, 0);
	cr_expect_lt(known()->judged_at + TICK, now, "one that is not checked rests");
	engine->checked[services_slot(&services, service)] = true;
	for (unsigned i = 0; i < 20; i++) {
		ticks(1, 0, 0);
		cr_expect_eq(known()->judged_at + TICK, now);
	}
}

static void bursts_and_failures(unsigned at)
{
	bursts(at);
	if (at % 170 >= 150 && at % 2)
		cell_of(service)->counters.handshakes[SHUNT_HANDSHAKE_REFUSED] += 5;
}

Test(daemon_health, nor_a_sick_one)
{
	expect_as_if_never_left_out(bursts_and_failures);
}

/* Long enough idle to be judged each five seconds, and then it fails. */
static void bursts_rest_and_failures(unsigned at)
{
	if (at < 250 && at % 2)
		bursts(at / 2);
	if (at >= 560)
		cell_of(service)->counters.handshakes[SHUNT_HANDSHAKE_REFUSED] += 10;
}

Test(daemon_health, nor_one_that_was_idle_for_long)
{
	expect_as_if_never_left_out(bursts_rest_and_failures);
	cr_expect_eq(state(), HEALTH_FAILING);
}

/* How often it is judged in so many seconds in which nothing happens. */
static unsigned idle_steps(unsigned seconds)
{
	unsigned steps = 0;

	for (unsigned i = 0; i < seconds * 10; i++) {
		tick();
		steps += known()->judged_at + TICK == now;
	}
	return steps;
}

Test(daemon_health, who_is_idle_is_judged_seldom)
{
	ticks(100, 10, 0);
	cr_expect_eq(idle_steps(8), 8, "once a second");
	idle_steps(10);
	cr_expect_eq(idle_steps(20), 4, "once in five seconds");
	ticks(1, 10, 0);
	cr_expect_eq(idle_steps(8), 8, "what happens wakes it");
}
