/* SPDX-License-Identifier: GPL-2.0 */
/* A service that takes everything and answers nothing, and those that only look so. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "health_world.h"

static struct world world;

struct sight {
	enum seen queue, waiting;
	bool unread;
};

static struct sight sights[] = {
	{SEEN_NEVER, SEEN_NEVER, false},	   {SEEN_EACH_SECOND, SEEN_NEVER, false},
	{SEEN_EACH_TICK, SEEN_NEVER, false},	   {SEEN_WHEN_ASKED, SEEN_NEVER, false},
	{SEEN_WHEN_ASKED, SEEN_WHEN_ASKED, false}, {SEEN_EACH_SECOND, SEEN_EACH_SECOND, true},
	{SEEN_WHEN_ASKED, SEEN_WHEN_ASKED, true},
};

#define SIGHTS (sizeof(sights) / sizeof(sights[0]))

static void start(uint64_t seed, const struct sight *sight, double rate)
{
	world_start(&world, seed);
	world.balancer.used = true;
	world.queue_seen = sight->queue;
	world.waiting_seen = sight->waiting;
	world.unread_seen = sight->unread;
	world_set_rate(&world, rate);
}

/* ---- wedged ---- */

/* SIGSTOP under 100 connections/s: within a second, whatever is seen besides. */
ParameterizedTestParameters(health_silence, stopped)
{
	return cr_make_param_array(struct sight, sights, SIGHTS);
}

ParameterizedTest(struct sight *sight, health_silence, stopped)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		uint64_t then;

		start(seed, sight, 100);
		world_run(&world, 30 * SECOND + seed % 20 * TICK);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY));
		world.stopped = true;
		then = world.now;
		cr_assert(world_run_until(&world, HEALTH_WEDGED, SECOND), "seed %u", seed);
		cr_assert_geq(world.now - then, 500 * MSEC);

		/* Its TCP check passes all the while, and it stays so. */
		world_run(&world, 20 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_WEDGED);
		cr_assert_eq(world.balancer.failed, 0);
		cr_assert(world.verdict.unseen);

		world.stopped = false;
		world_run(&world, 4 * SECOND);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "seed %u: %s", seed,
			     world_why(&world));
		cr_assert_eq(world.changes, 3, "seed %u: %lu", seed, world.changes);
	}
}

/* Clients that keep their connections: nothing new comes, and the old ones wait. */
Test(health_silence, stopped_under_kept_connections)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		uint64_t then;

		start(seed, &sights[seed % 2 ? 4 : 6], 0);
		world_loop(&world, 10, 20 * MSEC);
		world_run(&world, 30 * SECOND);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY));
		world.stopped = true;
		then = world.now;
		cr_assert(world_run_until(&world, HEALTH_WEDGED, SECOND), "seed %u", seed);
		cr_assert_geq(world.now - then, 500 * MSEC);
		cr_assert_eq(world.verdict.waiting, 10);
		cr_assert_eq(world.verdict.reason,
			     seed % 2 ? HEALTH_REASON_UNANSWERED : HEALTH_REASON_UNTOUCHED);
	}
}

/* The second time as quickly as the first: a wedge is not learned as usual. */
Test(health_silence, stopped_again)
{
	for (unsigned i = 0; i < SIGHTS; i++) {
		start(i, &sights[i], 100);
		world_run(&world, 60 * SECOND);
		for (unsigned j = 0; j < 3; j++) {
			world.stopped = true;
			cr_expect(world_run_until(&world, HEALTH_WEDGED, SECOND), "%u, %u", i, j);
			world_run(&world, 10 * SECOND);
			world.stopped = false;
			/* Not flapping, if not more often than that. */
			world_run(&world, 110 * SECOND);
			cr_expect_eq(world.verdict.state, HEALTH_HEALTHY, "%u, %u", i, j);
		}
	}
}

/* All workers hang on something, though connections and requests are taken. */
Test(health_silence, deadlocked)
{
	start(1, &sights[6], 100);
	world_run(&world, 30 * SECOND);
	world.silent = true;
	world_run(&world, 4 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY, "it may well be at work");
	cr_expect(world_run_until(&world, HEALTH_WEDGED, 3 * SECOND));
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_UNANSWERED);
}

Test(health_silence, an_http_check_is_not_answered_either)
{
	start(1, &sights[3], 100);
	world.balancer.http = true;
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, 20 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_WEDGED);
	cr_expect_eq(world.states[HEALTH_CHECKER_FAULT], 0);
	cr_expect_not(world.verdict.unseen);
	cr_expect_eq(world.verdict.balancer.state, LB_DOWN);
}

/* The kernel takes all connections, which is no sign that the checker is at fault. */
Test(health_silence, taken_connections_are_no_witnesses)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		start(seed, &sights[6], 100);
		world.balancer.http = true;
		world_run(&world, 30 * SECOND + seed * TICK);
		world.silent = true;
		world_run(&world, 20 * SECOND);
		cr_assert_eq(world.states[HEALTH_CHECKER_FAULT], 0, "seed %u", seed);
		cr_assert_eq(world.verdict.state, HEALTH_WEDGED);
	}
}

/* It is not the workers that answer the check: the rest may hang, but it runs. */
Test(health_silence, an_answered_check_asks_for_patience)
{
	start(1, &sights[0], 100);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	for (unsigned i = 0; i < 30; i++) {
		world.checks[world.input.checks_count++] = (struct check){
			.at = world.now, .prober = 1, .http_status = 200};
		world_tick(&world);
	}
	cr_expect_eq(world.states[HEALTH_WEDGED], 0);
	cr_expect(world_run_until(&world, HEALTH_WEDGED, 3 * SECOND));
}

/* What comes to light when it goes on was told already. */
Test(health_silence, who_gave_up_waiting_is_not_counted_again)
{
	start(1, &sights[3], 100);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, 5 * SECOND);
	world.stopped = false;
	for (unsigned i = 0; i < 5; i++) {
		world.input.traffic.closes[SHUNT_CLOSE_NO_RESPONSE] = 100;
		world_tick(&world);
	}
	world_run(&world, 10 * SECOND);
	cr_expect_eq(world.states[HEALTH_FAILING], 0);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
}

/* Killed while stopped: nobody listens any more. */
Test(health_silence, killed_while_stopped)
{
	start(1, &sights[3], 100);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, 5 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_WEDGED);
	world.stopped = false;
	world.toggle_at = world.now;
	world_run(&world, 4 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
}

Test(health_silence, when_nobody_asks_any_more_it_is_not_known)
{
	start(1, &sights[0], 100);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, 5 * SECOND);
	world_set_rate(&world, 0);
	world_run(&world, 8 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_WEDGED);
	world_run(&world, 5 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	/* A queue that nobody empties is a sign that lasts. */
	start(1, &sights[1], 100);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, 5 * SECOND);
	world_set_rate(&world, 0);
	world_run(&world, 300 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_WEDGED);
}

/* ---- not wedged ---- */

static uint64_t slow(struct world *w)
{
	return between(w, SECOND, 3 * SECOND);
}

static uint64_t lockstep(struct world *w)
{
	(void)w;
	return 2 * SECOND;
}

static uint64_t long_poll(struct world *w)
{
	return between(w, SECOND, 30 * SECOND);
}

static uint64_t mixed(struct world *w)
{
	return uniform(w) < 0.05 ? between(w, 2 * SECOND, 20 * SECOND) : quick(w);
}

struct pace {
	const char *name;
	double rate;
	uint64_t (*latency)(struct world *world);
	unsigned clients; /* that keep their connection */
	uint64_t think;
	bool bursts;
};

static const struct pace paces[] = {
	{"slow", 20, slow, 0, 0, false},
	{"slow, in lockstep", 0, lockstep, 20, 0, false},
	{"long poll", 0, long_poll, 20, 0, false},
	{"long poll, new connections", 2, long_poll, 0, 0, false},
	{"long poll among others", 20, mixed, 0, 0, false},
	{"long poll among few others", 2, mixed, 0, 0, false},
	{"few", 2, quick, 0, 0, false},
	{"hardly any", 0.1, quick, 0, 0, false},
	{"three clients that think", 0, quick, 3, SECOND, false},
	{"one client that thinks", 0, quick, 1, 5 * SECOND, false},
	{"in bursts", 300, quick, 0, 0, true},
	{"in bursts, some slow", 100, mixed, 0, 0, true},
};

static void live(const struct pace *pace)
{
	world.latency = pace->latency;
	world_loop(&world, pace->clients, pace->think);
	for (unsigned i = 0; pace->bursts && i < 30; i++) {
		world_set_rate(&world, pace->rate);
		world_run(&world, between(&world, SECOND / 2, 5 * SECOND));
		world_set_rate(&world, 0);
		world_run(&world, between(&world, SECOND, 30 * SECOND));
	}
	if (!pace->bursts)
		world_run(&world, 600 * SECOND);
}

ParameterizedTestParameters(health_silence, not_wedged)
{
	return cr_make_param_array(struct sight, sights, SIGHTS);
}

ParameterizedTest(struct sight *sight, health_silence, not_wedged)
{
	for (unsigned i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
		for (unsigned seed = 0; seed < 5; seed++) {
			start(seed, sight, paces[i].rate);
			live(&paces[i]);
			cr_expect(world_was_only(&world, HEALTH_HEALTHY), "%s, seed %u: wedged %lu",
				  paces[i].name, seed, world.states[HEALTH_WEDGED]);
		}
	}
}

/* A busy day, and at night only what is slow. */
Test(health_silence, the_quick_ones_leave)
{
	for (unsigned seed = 0; seed < 20; seed++) {
		start(seed, &sights[6], 50);
		world_run(&world, 60 * SECOND);
		world_set_rate(&world, seed % 2 ? 0.2 : 0);
		world.latency = long_poll;
		world_loop(&world, seed % 2 ? 0 : 20, 0);
		world_run(&world, 300 * SECOND);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY), "seed %u", seed);
	}
}

/* A log sink: it is asked all the time and has never said a word. */
Test(health_silence, one_that_never_answers)
{
	start(1, &sights[6], 100);
	world.silent = true;
	for (unsigned i = 0; i < 300; i++) {
		world.requests_count = 0;
		world_run(&world, SECOND);
	}
	cr_expect(world_was_only(&world, HEALTH_HEALTHY));
}

/* Websockets: an answer each at the upgrade, then they only send, and are read. */
Test(health_silence, one_way_after_the_upgrade)
{
	start(1, &sights[6], 200);
	world_run(&world, 20 * SECOND);
	world_set_rate(&world, 0);
	world_run(&world, SECOND);
	world.latency = lockstep;
	world.silent = true;
	world_loop(&world, 200, 0);
	world_run(&world, 300 * SECOND);
	cr_expect(world_was_only(&world, HEALTH_HEALTHY), "%s", world_why(&world));
}

/* A closer look costs the daemon something, and is asked for when it matters. */
Test(health_silence, looks_are_asked_for_seldom)
{
	unsigned looks = 0;

	start(1, &sights[3], 100);
	for (unsigned i = 0; i < 6000; i++) {
		world_tick(&world);
		looks += world.verdict.look;
	}
	cr_expect_leq(looks, 6);
	world_set_rate(&world, 0);
	world_run(&world, 60 * SECOND);
	cr_expect_not(world.verdict.look, "an idle service");
}
