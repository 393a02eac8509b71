/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/prober.h"
#include "unit/source_world.h"

#define TICK  (100 * MSEC)
#define START (5000 * SECOND)
#define SIZE  57

static const uint8_t balancer[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};

/* A service, whoever checks it, and all that was told of the checks. */
struct world {
	struct config_health_check config;
	struct probers probers;
	uint64_t now;
	struct check checks[256];
	unsigned count;
};

static void world_start(struct world *world)
{
	world->now = START;
	probers_start(&world->probers, &world->config);
}

/* Learns from so many connections at this interval, the last of which is now. */
static unsigned learn(struct world *world, uint64_t interval, unsigned arrivals, uint32_t size)
{
	struct shunt_source source = {.size = size};

	memcpy(source.addr, balancer, sizeof(source.addr));
	for (unsigned i = arrivals; i-- > 0;)
		source_note(&source, world->now - i * interval);
	return probers_learn(&world->probers, &world->config, &source, world->now);
}

static void keep(struct world *world, const struct check *checks, unsigned count)
{
	cr_assert_leq(world->count + count, 256);
	for (unsigned i = 0; i < count; i++)
		world->checks[world->count++] = checks[i];
}

static void tick(struct world *world, uint64_t drops, uint64_t lost)
{
	const struct probers_tick tick = {.now = world->now, .drops = drops, .lost = lost};
	struct check checks[CHECKS_PROBERS];

	keep(world, checks, probers_overdue(&world->probers, &tick, checks));
}

static void pass_time(struct world *world, uint64_t until)
{
	for (; world->now < until; world->now += TICK)
		tick(world, 0, 0);
	world->now = until;
}

/* A connection that took so long has ended; returns how many checks that was. */
static unsigned event(struct world *world, uint64_t at, uint64_t duration,
		      enum shunt_probe_outcome outcome, uint32_t size)
{
	struct shunt_probe probe = {
		.at = at, .duration = duration, .outcome = (uint8_t)outcome, .size = size};
	struct check checks[PROBERS_EVENT_CHECKS];
	unsigned count;

	pass_time(world, at + duration);
	memcpy(probe.addr, balancer, sizeof(probe.addr));
	count = probers_event(&world->probers, &probe, checks);
	keep(world, checks, count);
	return count;
}

/* HAProxy's `inter` of 2 s; returns when the last check began. */
static uint64_t pass_checks(struct world *world, unsigned count)
{
	uint64_t at = world->now;

	for (unsigned i = 0; i < count; i++) {
		at += 2 * SECOND;
		cr_assert_eq(event(world, at, 3 * MSEC, SHUNT_PROBE_PASS, SIZE), 1);
		at += 3 * MSEC;
	}
	return at - 3 * MSEC;
}

static struct world haproxy(void)
{
	struct world world = {.config = {.model = CONFIG_MODEL_HAPROXY}};

	world_start(&world);
	cr_assert_eq(learn(&world, 2003 * MSEC, 4, SIZE), 1);
	return world;
}

Test(prober, a_rhythm_makes_one)
{
	struct world world = haproxy();
	const struct prober *prober = &world.probers.probers[0];
	struct shunt_prober description;
	char name[PROBER_NAME_MAX];

	cr_expect_eq(learn(&world, 2003 * MSEC, 5, SIZE), 0, "it is known");
	cr_expect_eq(world.probers.changes, 1);
	cr_expect_float_eq((double)prober->interval / SECOND, 2.003, 0.002);
	prober_name(prober, name);
	cr_expect_str_eq(name, "10.0.0.1");
	cr_assert(probers_describe(&world.probers, balancer, &description));
	cr_expect_eq(description.count, 1);
	cr_expect_eq(description.sizes[0], SIZE);

	cr_expect_eq(learn(&world, 5 * SECOND, 4, 0), 1, "another size");
	prober_name(&world.probers.probers[1], name);
	cr_expect_str_eq(name, "10.0.0.1#2");
}

Test(prober, checks_are_told_and_feed_the_model)
{
	struct world world = haproxy();
	struct health_balancer model;
	uint64_t at = pass_checks(&world, 10);

	cr_expect_eq(world.count, 10);
	probers_balancer(&world.probers, world.now, &model);
	cr_expect(model.known);
	cr_expect_eq(model.checks_until_down, 3);
	cr_expect_lt(model.outlook, 0.01);
	for (unsigned i = 1; i <= 3; i++) {
		at += 2 * SECOND + (i == 1 ? 3 * MSEC : 0);
		cr_assert_eq(event(&world, at, 0, SHUNT_PROBE_REFUSED, 0), 1, "%u", i);
		probers_balancer(&world.probers, world.now, &model);
		cr_expect_eq(model.checks_until_down, 3 - i);
	}
	cr_expect_eq(model.state, LB_DOWN);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_REFUSED], 3);
}

/* The balancer's own traffic is refused while the service is down. */
Test(prober, refused_traffic_is_no_check)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10), seed = 1, next = at + 2003 * MSEC;
	unsigned checks = 0;

	for (uint64_t end = at + 60 * SECOND; at < end; at += random_gap(&seed, 10)) {
		for (; next <= at; next += 2 * SECOND)
			event(&world, next, 0, SHUNT_PROBE_REFUSED, 0);
		event(&world, at, 0, SHUNT_PROBE_REFUSED, 0);
	}
	checks = world.count - 10;
	cr_expect(checks >= 28 && checks <= 33, "%u", checks);
	for (unsigned i = 10; i < world.count; i++)
		cr_expect_eq(world.checks[i].outcome, SHUNT_PROBE_REFUSED);
	at = (world.checks[world.count - 1].at + 3 * SECOND - next) % (2 * SECOND);
	cr_expect_float_eq((double)at / SECOND, 1, 0.2, "the phase is kept");
}

/* Black hole: each check begins `inter` after the timeout of the one before. */
Test(prober, lost_checks_are_noticed_once_each)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10) + 2003 * MSEC;

	pass_time(&world, at + 2 * SECOND);
	cr_expect_eq(world.count, 10, "its time is not up");
	pass_time(&world, at + 2600 * MSEC);
	cr_assert_eq(world.count, 11);
	cr_expect_eq(world.checks[10].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_float_eq((double)(world.checks[10].at - at) / SECOND, 2, 0.01);
	pass_time(&world, at + 4 * SECOND + 2600 * MSEC);
	cr_assert_eq(world.count, 12);
	cr_expect_float_eq((double)(world.checks[11].at - at) / SECOND, 6, 0.01);
	cr_expect_eq(event(&world, at + 8 * SECOND, 3 * MSEC, SHUNT_PROBE_PASS, SIZE), 1,
		     "and then it is back in phase");
	cr_expect_eq(world.probers.probers[0].missing, 0);
	cr_expect_float_eq((double)world.probers.probers[0].interval / SECOND, 2.003, 0.002);
}

/* Whether the timeout delays the next one is not known: only then is a check missing. */
Test(prober, without_a_model_the_later_time_counts)
{
	struct world world = {0};
	uint64_t at;

	world_start(&world);
	cr_assert_eq(learn(&world, 2 * SECOND, 8, SIZE), 1);
	at = world.now + 2 * SECOND;
	pass_time(&world, at + 5900 * MSEC);
	cr_assert_eq(world.count, 1);
	pass_time(&world, at + 6700 * MSEC);
	cr_assert_eq(world.count, 2);
	cr_expect_float_eq((double)(world.checks[1].at - at) / SECOND, 6, 0.02);
}

Test(prober, a_full_queue_is_an_overflow)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10) + 2003 * MSEC;

	pass_time(&world, at);
	tick(&world, 1, 0);
	pass_time(&world, at + 3 * SECOND);
	cr_assert_eq(world.count, 11);
	cr_expect_eq(world.checks[10].outcome, SHUNT_PROBE_OVERFLOW);
}

Test(prober, lost_events_make_nothing_sure)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10) + 2003 * MSEC;

	pass_time(&world, at + SECOND);
	tick(&world, 0, 1);
	pass_time(&world, at + 3 * SECOND);
	cr_expect_eq(world.count, 10);
	pass_time(&world, at + 7 * SECOND);
	cr_expect_eq(world.count, 11, "that is over with the next");
}

Test(prober, one_that_left_is_forgotten)
{
	struct world world = haproxy();

	pass_checks(&world, 10);
	pass_time(&world, world.now + 60 * SECOND);
	cr_expect_eq(world.count, 10 + PROBER_GONE);
	cr_expect_not(world.probers.probers[0].used);
	cr_expect_eq(world.probers.changes, 2);
}

/* Chance finds a rhythm now and then: its end is no failure. */
Test(prober, one_that_was_never_sure_fails_nobody)
{
	struct world world = haproxy();

	pass_time(&world, world.now + 30 * SECOND);
	cr_expect_eq(world.count, 0);
	cr_expect_not(world.probers.probers[0].used);
}

/* The service answers slower, and then sooner: `inter` runs from the end. */
Test(prober, slow_answers_shift_the_phase)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10) + 2003 * MSEC;

	for (unsigned i = 0; i < 20; i++) {
		uint64_t duration = i % 10 < 5 ? 700 * MSEC : 3 * MSEC;

		cr_assert_eq(event(&world, at, duration, SHUNT_PROBE_PASS, SIZE), 1, "%u", i);
		at += duration + 2 * SECOND;
	}
	cr_expect_eq(world.count, 30);
}

Test(prober, a_new_interval_is_learned)
{
	struct world world = {0};
	uint64_t at;

	world_start(&world);
	cr_assert_eq(learn(&world, 2 * SECOND, 6, SIZE), 1);
	at = world.now;
	for (unsigned i = 0; i < 10; i++)
		event(&world, at += SECOND, 0, SHUNT_PROBE_PASS, SIZE);
	cr_expect_eq(world.count, 10);
	cr_expect_float_eq((double)world.probers.probers[0].interval / SECOND, 1, 0.01);
}

/* Two of one address: each check is its own prober's. */
Test(prober, several_keep_their_phase)
{
	struct world world = {0};
	struct shunt_source source = {.size = SIZE};
	uint64_t at;

	world_start(&world);
	memcpy(source.addr, balancer, sizeof(source.addr));
	for (unsigned i = 0; i < 8; i++) {
		source_note(&source, START + i * 2 * SECOND);
		source_note(&source, START + i * 2 * SECOND + 600 * MSEC);
	}
	world.now = START + 15 * SECOND;
	cr_assert_eq(probers_learn(&world.probers, &world.config, &source, world.now), 2);
	at = START + 16 * SECOND;
	for (unsigned i = 0; i < 10; i++, at += 2 * SECOND) {
		event(&world, at, MSEC, SHUNT_PROBE_PASS, SIZE);
		event(&world, at + 600 * MSEC, MSEC, SHUNT_PROBE_HTTP_ERROR, SIZE);
	}
	cr_assert_eq(world.count, 20);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_PASS], 10);
	cr_expect_eq(world.probers.probers[1].counts[SHUNT_PROBE_HTTP_ERROR], 10);
}

/* Within the prefixes two connections do, and a minute is no limit. */
Test(prober, configured_ones_need_less_proof)
{
	struct config_endpoint prefix = {.bits = 124};
	struct world world = {
		.config = {.model = CONFIG_MODEL_KEEPALIVED,
			   .interval = 60 * SECOND,
			   .probers = {.items = &prefix, .count = 1}},
	};

	memcpy(prefix.addr, balancer, sizeof(prefix.addr));
	prefix.addr[15] = 0;
	world_start(&world);
	cr_expect_eq(learn(&world, 50 * SECOND, 2, SIZE), 0);
	cr_expect_eq(learn(&world, 60 * SECOND, 2, SIZE), 1);
	cr_expect_eq(world.probers.probers[0].confidence, 1);
	prefix.addr[15] = 16;
	world_start(&world);
	cr_expect_eq(learn(&world, 60 * SECOND, 2, SIZE), 0, "outside");
	cr_expect_eq(learn(&world, 2 * SECOND, 16, SIZE), 0, "outside");
}

/* Its timeout is longer than we thought: the failure was its own, and is told once. */
Test(prober, one_that_ends_after_all_is_not_lost)
{
	struct world world = haproxy();
	uint64_t at = pass_checks(&world, 10) + 2003 * MSEC;

	pass_time(&world, at + 3 * SECOND);
	cr_assert_eq(world.count, 11);
	cr_expect_eq(event(&world, at, 3500 * MSEC, SHUNT_PROBE_NO_RESPONSE, SIZE), 1);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_TIMED_OUT], 0);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_NO_RESPONSE], 1);
	cr_expect_eq(
		model_checks_until_down(&world.probers.probers[0].model, &world.probers.settings),
		2);
}

/* ---- what two counters once differed for: each of these was seen beside a real HAProxy ---- */

/* HAProxy with `inter` of so long, which is its timeout, too, after ten checks. */
static struct world haproxy_every(uint64_t inter, uint64_t timeout)
{
	struct world world = {.config = {.model = CONFIG_MODEL_HAPROXY, .timeout = timeout}};

	world_start(&world);
	cr_assert_eq(learn(&world, inter, 4, 0), 1);
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(event(&world, world.now + inter, 0, SHUNT_PROBE_PASS, 0), 1);
	return world;
}

static uint32_t health_of(const struct world *world)
{
	return model_health(&world->probers.probers[0].model, &world->probers.settings);
}

/* The check after a lost one, at 300 ms, comes before the lost one is known to be lost. */
Test(prober, a_quick_rhythm_tells_of_lost_checks_by_the_next)
{
	struct world world = haproxy_every(300 * MSEC, 0);
	uint64_t at = world.now + 300 * MSEC;

	cr_assert_eq(event(&world, at + 600 * MSEC, 0, SHUNT_PROBE_REFUSED, 0), 2);
	cr_expect_eq(world.checks[10].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_float_eq((double)(world.checks[10].at - at) / MSEC, 300, 1);
	cr_expect_eq(world.checks[11].outcome, SHUNT_PROBE_REFUSED);
	cr_expect_eq(health_of(&world), 2);
}

/* Two in a row: the second is told by the next, too, though the first was missed in time. */
Test(prober, several_lost_checks_are_each_told)
{
	struct world world = haproxy_every(300 * MSEC, 0);
	uint64_t at = world.now + 300 * MSEC;

	pass_time(&world, at + 610 * MSEC);
	cr_assert_eq(world.count, 11, "the first");
	cr_assert_eq(event(&world, at + 1203 * MSEC, 0, SHUNT_PROBE_PASS, 0), 2);
	cr_expect_eq(world.checks[11].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_eq(health_of(&world), 4, "two are not three");
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_TIMED_OUT], 2);
}

/* All of this service's events came at once, for shunt itself was held up. */
Test(prober, lost_checks_are_told_when_nobody_looked)
{
	struct world world = haproxy_every(SECOND, 0);
	struct shunt_probe probe = {.at = world.now + 5 * SECOND + 2 * MSEC};
	struct check checks[PROBERS_EVENT_CHECKS];

	memcpy(probe.addr, balancer, sizeof(probe.addr));
	cr_assert_eq(probers_event(&world.probers, &probe, checks), 3);
	cr_expect_eq(checks[0].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_eq(checks[1].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_gt(checks[1].at, checks[0].at);
	cr_expect_eq(checks[2].outcome, SHUNT_PROBE_PASS);
	cr_expect_eq(world.probers.probers[0].missing, 0);
}

/* A HAProxy that was held up refuses nobody: each late check is one, and the next follows it. */
Test(prober, late_refused_checks_count)
{
	struct world world = haproxy_every(300 * MSEC, 0);
	uint64_t at = world.now;

	for (unsigned i = 0; i < 3; i++) {
		at += (300 + 90) * MSEC;
		cr_assert_eq(event(&world, at, 0, SHUNT_PROBE_REFUSED, 0), 1, "%u", i);
	}
	pass_time(&world, at + 200 * MSEC);
	cr_expect_eq(world.count, 13);
	cr_expect_eq(health_of(&world), 0);
	cr_expect_eq(world.probers.probers[0].strays, 0);
}

/* `timeout check` is shorter than `inter`, and nobody told us: the next one comes sooner. */
Test(prober, a_timeout_may_be_shorter_than_thought)
{
	struct world world = haproxy_every(2 * SECOND, 0);
	uint64_t at = world.now + 2 * SECOND;

	cr_assert_eq(event(&world, at + 2100 * MSEC, 0, SHUNT_PROBE_PASS, 0), 2);
	cr_expect_eq(world.checks[10].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_expect_float_eq((double)(world.checks[10].at - at) / MSEC, 100, 1);

	at = world.now + 2 * SECOND;
	pass_time(&world, at + 2800 * MSEC);
	cr_assert_eq(world.count, 13, "one is missing");
	cr_assert_eq(event(&world, at + 2900 * MSEC, 0, SHUNT_PROBE_REFUSED, 0), 1);
	cr_expect_eq(health_of(&world), 2);
}

/* It came later than its timeout, when the next one could not have come yet: it was late. */
Test(prober, a_check_that_was_late_was_not_lost)
{
	struct world world = haproxy_every(2 * SECOND, SECOND);
	uint64_t at = world.now + 2 * SECOND;

	pass_time(&world, at + 1500 * MSEC);
	cr_assert_eq(world.count, 11);
	cr_assert_eq(world.checks[10].outcome, SHUNT_PROBE_TIMED_OUT);
	cr_assert_eq(event(&world, at + 1600 * MSEC, 0, SHUNT_PROBE_PASS, 0), 1);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_TIMED_OUT], 0);
	cr_expect_eq(health_of(&world), 4);
	cr_expect_eq(event(&world, at + 3600 * MSEC, 0, SHUNT_PROBE_PASS, 0), 1);
}

/* What was never counted, as events were lost, cannot be taken back. */
Test(prober, an_uncertain_loss_is_not_taken_back)
{
	struct world world = haproxy_every(2 * SECOND, 0);
	uint64_t at = world.now + 2 * SECOND;

	pass_time(&world, at + SECOND);
	tick(&world, 0, 1);
	pass_time(&world, at + 2500 * MSEC);
	cr_assert_eq(world.probers.probers[0].missing, 1);
	cr_assert_eq(event(&world, at, 2600 * MSEC, SHUNT_PROBE_NO_RESPONSE, 0), 1);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_PASS], 10);
	cr_expect_eq(world.probers.probers[0].counts[SHUNT_PROBE_NO_RESPONSE], 1);
	cr_expect_eq(health_of(&world), 3);
}

Test(prober, history_is_told_in_order)
{
	struct world world = haproxy_every(2 * SECOND, 0);
	char history[PROBER_HISTORY + 1];

	event(&world, world.now + 2 * SECOND, 0, SHUNT_PROBE_REFUSED, 0);
	event(&world, world.now + 2 * SECOND, 0, SHUNT_PROBE_PASS, 0);
	prober_history(&world.probers.probers[0], history);
	cr_expect_str_eq(history, "..........x.");
	for (unsigned i = 0; i < 40; i++)
		event(&world, world.now + 2 * SECOND, 0, SHUNT_PROBE_PASS, 0);
	prober_history(&world.probers.probers[0], history);
	cr_expect_str_eq(history, "................................");
}
