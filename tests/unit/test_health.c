/* SPDX-License-Identifier: GPL-2.0 */
/* The state that is made of all evidence, the observer's own, and the words for it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "health_world.h"

static struct world world;

/* ---- precedence ---- */

/* What there is evidence for, put there by hand. */
enum {
	EVIDENT_RISK = 1,
	EVIDENT_FAULT = 2,
	EVIDENT_FAILURE = 4,
	EVIDENT_WEDGE = 8,
	EVIDENT_FLAPS = 16,
	EVIDENT_ALL = 31,
};

static void put(struct health *health, unsigned evidence, uint64_t now)
{
	struct checks_prober *prober = &health->checks.probers[0];

	if (evidence & EVIDENT_FAULT) {
		health->checks.used = 1;
		prober->at = prober->onset = now;
		prober->history = 3;
		prober->failed = 2;
		prober->outcome = SHUNT_PROBE_TIMED_OUT;
		prober->contradicted = true;
		health->checks.fine_at = health->checks.fine_from = now;
	}
	if (evidence & EVIDENT_FAILURE) {
		health->traffic.bad = true;
		health->traffic.certain = true;
		health->traffic.at = health->traffic.bad_since = now;
		health->traffic_failing = true;
	}
	if (evidence & EVIDENT_WEDGE) {
		health->silence.kind = SILENCE_UNTOUCHED;
		health->silence.from = health->silence.asked_at = health->silence.at = now;
	}
	if (evidence & EVIDENT_FLAPS) {
		health->damping.penalty = 5000;
		health->damping.withdrawals = 5;
		health->damping.suppressed = true;
		health->damping.at = health->damping.first = now;
	}
}

static enum health_state gravest(unsigned evidence)
{
	if (evidence & EVIDENT_FLAPS)
		return HEALTH_FLAPPING;
	if (evidence & EVIDENT_WEDGE)
		return HEALTH_WEDGED;
	if (evidence & EVIDENT_FAILURE)
		return HEALTH_FAILING;
	if (evidence & EVIDENT_FAULT)
		return HEALTH_CHECKER_FAULT;
	return evidence & EVIDENT_RISK ? HEALTH_AT_RISK : HEALTH_HEALTHY;
}

Test(health, the_gravest_evidence_decides)
{
	for (unsigned evidence = 0; evidence <= EVIDENT_ALL; evidence++) {
		world_start(&world, 1);
		world_set_rate(&world, 0);
		put(&world.health, evidence, world.now);
		world.balancer.used = true;
		world.balancer.next_at = NEVER;
		world.balancer.outlook = evidence & EVIDENT_RISK ? 0.5 : 0;
		world_tick(&world);
		cr_expect_eq(world.verdict.state, gravest(evidence), "%#x: %s", evidence,
			     health_state_name(world.verdict.state));
		cr_expect_eq(world.verdict.beneath, gravest(evidence & ~EVIDENT_FLAPS), "%#x",
			     evidence);
	}
}

/* Up at once; down only when the evidence has been gone for two seconds. */
Test(health, lesser_states_wait)
{
	uint64_t then;

	world_start(&world, 1);
	world_set_rate(&world, 0);
	world.balancer.used = true;
	world.balancer.next_at = NEVER;
	world_run(&world, SECOND);
	world.balancer.outlook = 0.5;
	world_tick(&world);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	cr_expect_eq(world.verdict.since, world.now);
	then = world.now;
	world.balancer.outlook = 0;
	world_run(&world, 2 * SECOND - TICK);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	cr_expect_eq(world.verdict.reason, HEALTH_REASON_OVER);
	cr_expect_eq(world.verdict.since, then);
	world_tick(&world);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	cr_expect_eq(world.verdict.since, world.now);
}

Test(health, begins_healthy)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	world_tick(&world);
	cr_expect_eq(world.verdict.state, HEALTH_HEALTHY);
	cr_expect_eq(world.verdict.since, world.now);
	cr_expect_eq(world.verdict.stretch, 1);
	cr_expect_eq(world.verdict.flap_score, 0);
}

/* ---- purity ---- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

/* A troubled life, from where the world stands. */
static uint64_t live(void)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (unsigned i = 0; i < 2000; i++) {
		if (i % 100 == 20)
			world.toggle_at = world.now;
		if (i % 150 == 30)
			world.stopped = !world.stopped;
		if (i % 170 == 0)
			world.input.late = 300 * MSEC;
		world.balancer.lossy = i % 400 > 300 ? 0.5 : 0;
		world_tick(&world);
		hash = hash_bytes(hash, &world.verdict, sizeof(world.verdict));
	}
	return hash_bytes(hash, &world.health, sizeof(world.health));
}

Test(health, same_input_same_bytes)
{
	static struct world copy;
	struct health kept;
	uint64_t hash;

	world_start(&world, 7);
	world.balancer.used = true;
	live();
	cr_expect_gt(world.changes, 10, "a troubled life");
	copy = world;
	kept = world.health;
	hash = live();
	/* Elsewhere, from a copy of its bytes. */
	world = copy;
	memset(&world.health, 0xff, sizeof(world.health));
	memset(&world.verdict, 0xff, sizeof(world.verdict));
	world.verdict.look = copy.verdict.look;
	memcpy(&world.health, &kept, sizeof(kept));
	cr_expect_eq(live(), hash);
}

/* ---- the observer ---- */

/* The loop stood still for half a second, and nothing was answered: nobody watched. */
Test(health, nothing_is_concluded_from_a_silence_in_a_late_tick)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		world_start(&world, seed);
		world_run(&world, 30 * SECOND);
		/* Less than a whole wedge, seen late. */
		world.stopped = true;
		world.input.late = between(&world, 201 * MSEC, 5 * SECOND);
		world_tick(&world);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "seed %u", seed);
		cr_assert_eq(world.verdict.stretch, 2);
		world_run(&world, 400 * MSEC);
		cr_assert_eq(world.verdict.state, HEALTH_HEALTHY, "seed %u", seed);
		world.stopped = false;
		world_run(&world, 10 * SECOND);
		cr_assert(world_was_only(&world, HEALTH_HEALTHY));
	}
}

/* …and what is seen on time afterwards has to last longer. */
Test(health, limits_are_stretched)
{
	uint64_t then;

	world_start(&world, 1);
	world_run(&world, 30 * SECOND);
	for (unsigned i = 0; i < 2; i++) {
		world.input.late = 300 * MSEC;
		world_tick(&world);
	}
	cr_expect_eq(world.verdict.stretch, 3);
	world.stopped = true;
	then = world.now;
	cr_expect(world_run_until(&world, HEALTH_WEDGED, 5 * SECOND));
	cr_expect_geq(world.now - then, 2 * 500 * MSEC);
	cr_expect_leq(world.now - then, 3 * 500 * MSEC);
}

Test(health, always_late_is_never_sure)
{
	world_start(&world, 1);
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	for (unsigned i = 0; i < 100; i++) {
		world.input.late = 250 * MSEC;
		world_tick(&world);
	}
	cr_expect_eq(world.states[HEALTH_WEDGED], 0);
	cr_expect_eq(world.verdict.stretch, 8, "and no further");
}

Test(health, trust_comes_back)
{
	world_start(&world, 1);
	for (unsigned i = 0; i < 20; i++) {
		world.input.late = 300 * MSEC;
		world_tick(&world);
	}
	for (unsigned stretch = 8; stretch > 1; stretch--) {
		cr_expect_eq(world.verdict.stretch, stretch);
		cr_expect_eq(world.verdict.late, 300 * MSEC);
		world_run(&world, SECOND);
	}
	cr_expect_eq(world.verdict.stretch, 1);
	cr_expect_eq(world.verdict.late, 0);
	/* A little late is not late. */
	world.input.late = 200 * MSEC;
	world_tick(&world);
	cr_expect_eq(world.verdict.stretch, 1);
}

/* Checks may be among the events that were lost: one more has to fail. */
Test(health, lost_events_ask_for_more_checks)
{
	world_start(&world, 1);
	world_set_rate(&world, 0);
	world.balancer.used = true;
	world_run(&world, 10 * SECOND);
	world.balancer.lossy = 1;
	while (world.balancer.failed < 2) {
		world.input.lost = world.ticks % 8 == 0;
		world_tick(&world);
	}
	cr_expect_geq(world.verdict.stretch, 2);
	cr_expect_gt(world.verdict.lost, 0);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	/* What the balancer itself has decided is no guess. */
	world_run(&world, 4 * SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
}

/* The kernel has counted what happened during a late tick: failures are failures. */
Test(health, failures_count_in_a_late_tick)
{
	world_start(&world, 1);
	world_run(&world, 30 * SECOND);
	world.toggle_at = world.now;
	world.input.late = SECOND;
	world_tick(&world);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK);
	world_run(&world, 500 * MSEC);
	cr_expect_eq(world.verdict.state, HEALTH_AT_RISK, "300 ms, twice");
	world_run(&world, 200 * MSEC);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
}

/* ---- words ---- */

struct words {
	struct health_verdict verdict;
	const char *balancer;
	const char *text;
};

#define LB(what, left) .balancer = {.known = true, .state = LB_##what, .checks_until_down = (left)}

static const struct words all_words[] = {
	{{.stretch = 1}, NULL, "nothing speaks against it"},
	{{.state = HEALTH_AT_RISK,
	  .reason = HEALTH_REASON_CONNECTIONS,
	  .failures = 3,
	  .connections = 4,
	  .span = 200 * MSEC,
	  LB(GOING_DOWN, 2)},
	 "haproxy",
	 "3 of 4 connections failed in the last 0.2 s; haproxy takes it out in 2 more checks"},
	{{.state = HEALTH_AT_RISK,
	  .reason = HEALTH_REASON_CHECKS,
	  .checks_in_a_row = 1,
	  .checks_recent = 1,
	  .outcome = SHUNT_PROBE_REFUSED,
	  LB(GOING_DOWN, 1)},
	 NULL,
	 "a check failed (refused); the load balancer takes it out in 1 more check"},
	{{.state = HEALTH_AT_RISK, .reason = HEALTH_REASON_BALANCER, LB(DOWN, 0)},
	 "haproxy",
	 "haproxy has taken it out"},
	{{.state = HEALTH_AT_RISK, .reason = HEALTH_REASON_BALANCER, LB(GOING_UP, 0)},
	 "nlb",
	 "nlb has taken it out and is about to bring it back"},
	{{.state = HEALTH_AT_RISK,
	  .reason = HEALTH_REASON_OUTLOOK,
	  .balancer = {.known = true, .state = LB_UP, .outlook = 0.25}},
	 "haproxy",
	 "haproxy takes it out with a chance of 25 % if this goes on"},
	{{.state = HEALTH_AT_RISK, .reason = HEALTH_REASON_OVER},
	 NULL,
	 "what was wrong seems over, and is waited out"},
	{{.state = HEALTH_FAILING,
	  .reason = HEALTH_REASON_CONNECTIONS,
	  .failures = 98,
	  .connections = 98,
	  .span = SECOND,
	  .unseen = true,
	  LB(UP, 3)},
	 "haproxy",
	 "98 of 98 connections failed in the last 1.0 s; the checks of haproxy still pass"},
	{{.state = HEALTH_FAILING,
	  .reason = HEALTH_REASON_HTTP_ERROR,
	  .checks_in_a_row = 2,
	  .checks_recent = 2,
	  .outcome = SHUNT_PROBE_HTTP_ERROR,
	  .http_status = 503,
	  LB(GOING_DOWN, 1)},
	 "haproxy",
	 "2 checks in a row failed (status 503); haproxy takes it out in 1 more check"},
	{{.state = HEALTH_WEDGED,
	  .reason = HEALTH_REASON_UNTOUCHED,
	  .silence = 600 * MSEC,
	  .usual = 100 * MSEC,
	  .arrivals = 52,
	  .queue = 51,
	  .unseen = true,
	  LB(UP, 3)},
	 "haproxy",
	 "nothing was answered for 0.6 s, where 0.1 s is usual, to 52 new connections, 51 of them "
	 "not even accepted; the checks of haproxy still pass"},
	{{.state = HEALTH_WEDGED,
	  .reason = HEALTH_REASON_UNANSWERED,
	  .silence = SECOND,
	  .usual = 100 * MSEC,
	  .waiting = 1},
	 NULL,
	 "nothing was answered for 1.0 s, where 0.1 s is usual, with 1 request waiting"},
	{{.state = HEALTH_CHECKER_FAULT,
	  .reason = HEALTH_REASON_TRAFFIC_SERVED,
	  .checks_in_a_row = 1,
	  .checks_recent = 2,
	  .outcome = SHUNT_PROBE_TIMED_OUT,
	  .witnesses = 231,
	  LB(GOING_DOWN, 2)},
	 "haproxy",
	 "2 of the last 4 checks failed (timed out) while 231 connections or requests were served; "
	 "haproxy takes it out in 2 more checks"},
	{{.state = HEALTH_CHECKER_FAULT,
	  .reason = HEALTH_REASON_CHECKER_ALONE,
	  .checks_in_a_row = 3,
	  .checks_recent = 3,
	  .outcome = SHUNT_PROBE_RESET},
	 NULL,
	 "3 checks in a row failed (reset) while most other checkers found nothing"},
	{{.state = HEALTH_FLAPPING,
	  .beneath = HEALTH_FAILING,
	  .reason = HEALTH_REASON_DAMPED,
	  .withdrawals = 3,
	  .withdrawals_span = 11 * SECOND,
	  .penalty = 2790.4},
	 NULL,
	 "it went down 3 times in the last 11 s (penalty 2790), now failing"},
	{{.state = HEALTH_FLAPPING, .reason = HEALTH_REASON_TRANSITIONS, .flap_score = 0.355},
	 NULL,
	 "its state keeps changing from check to check (score 0.35)"},
	{{.stretch = 3, .late = 400 * MSEC, .lost = 1},
	 NULL,
	 "nothing speaks against it (limits in time stretched by 3, as the observer was 0.4 s late "
	 "and lost 1 event)"},
	{{.stretch = 2, .lost = 12},
	 NULL,
	 "nothing speaks against it (limits in time stretched by 2, as the observer lost 12 "
	 "events)"},
};

Test(health, explains_itself)
{
	char text[256];

	for (unsigned i = 0; i < sizeof(all_words) / sizeof(all_words[0]); i++) {
		health_explain(&all_words[i].verdict, all_words[i].balancer, text, sizeof(text));
		cr_expect_str_eq(text, all_words[i].text);
	}
}

Test(health, cuts_its_words_to_the_space)
{
	char text[64], all[256];
	const struct words *words = &all_words[9];

	health_explain(&words->verdict, words->balancer, all, sizeof(all));
	for (size_t size = 0; size <= sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		health_explain(&words->verdict, words->balancer, text, size);
		if (!size) {
			cr_expect_eq(text[0], '#');
			continue;
		}
		cr_expect_eq(strlen(text), size - 1);
		cr_expect_eq(strncmp(text, all, size - 1), 0);
		cr_expect(size == sizeof(text) || text[size] == '#');
	}
}

Test(health, names)
{
	const char *names[] = {"healthy", "at_risk", "checker_fault",
			       "failing", "wedged",  "flapping"};

	for (unsigned i = 0; i < HEALTH_MAX; i++)
		cr_expect_str_eq(health_state_name((enum health_state)i), names[i]);
}

/* The numbers in a verdict are those of the world. */
Test(health, verdicts_have_their_numbers)
{
	world_start(&world, 1);
	world.balancer.used = true;
	world.queue_seen = SEEN_WHEN_ASKED;
	world_run(&world, 30 * SECOND);
	world.stopped = true;
	world_run(&world, SECOND);
	cr_expect_eq(world.verdict.state, HEALTH_WEDGED);
	cr_expect_eq(world.verdict.queue, world.queue);
	cr_expect_leq(world.verdict.arrivals, world.queue);
	cr_expect_float_eq((double)world.verdict.arrivals, 100, 40);
	cr_expect_float_eq((double)world.verdict.silence, 1e9, 1e8);
	cr_expect_float_eq((double)world.verdict.usual, 1e8, 1e7);

	world_start(&world, 1);
	world_run(&world, 30 * SECOND);
	world.toggle_at = world.now;
	world_run(&world, SECOND);
	cr_expect_eq(world.verdict.failures, world.verdict.connections);
	cr_expect_float_eq((double)world.verdict.failures, 100, 40);
	cr_expect_float_eq((double)world.verdict.span, 1e9, 1e8);
	cr_expect_eq(world.verdict.state, HEALTH_FAILING);
	cr_expect_not(world.verdict.unseen, "nobody checks");
}
