/* SPDX-License-Identifier: GPL-2.0 */
/* The way back: trials, back-off, and the next trip. */
#include "unit/breaker_moves.h"
#include "unit/random.h"

TestSuite(breaker_trials, .init = set_up, .timeout = 60);

/* ---- trials ---- */

Test(breaker_trials, a_trip_ends_in_trials)
{
	const struct breaker *breaker = &world.breakers->items[0];
	unsigned ticks;

	world_trip(&world, 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_REJECT);
	cr_expect_eq(world_verdict(&world, 0).share, 0);
	ticks = (unsigned)((breaker->until - world.tick.now + TICK - 1) / TICK);
	cr_expect_eq(world_until(&world, 100), ticks);
	expect_move(BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_TIMER);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_REJECT);
	cr_expect_float_eq(world_verdict(&world, 0).share, 0.1, 1e-12);
}

static void half_open(void)
{
	world_trip(&world, 0);
	cr_assert_gt(world_until(&world, 100), 0);
	cr_assert_eq(world_state(&world, 0), BREAKER_HALF_OPEN);
}

Test(breaker_trials, trials_that_pass_close_it)
{
	half_open();
	world_try(&world, 0, 1, 0);
	cr_expect_eq(world_until(&world, 100), 10);
	expect_move(BREAKER_HALF_OPEN, BREAKER_CLOSED, BREAKER_TRIALS_PASSED);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_PASS);
	cr_expect_eq(world_verdict(&world, 0).lease, 0);
}

Test(breaker_trials, trials_that_fail_open_it_again_as_soon_as_that_is_sure)
{
	half_open();
	world_try(&world, 0, 0, 1);
	cr_expect_eq(world_until(&world, 100), 5);
	expect_move(BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_TRIALS_FAILED);
	cr_expect_eq(only()->backoff, 1);
}

Test(breaker_trials, many_trials_at_once_are_judged_by_their_share)
{
	half_open();
	world_try(&world, 0, 90, 10);
	world_tick(&world);
	expect_move(BREAKER_HALF_OPEN, BREAKER_CLOSED, BREAKER_TRIALS_PASSED);
}

Test(breaker_trials, slow_trials_open_it_again)
{
	half_open();
	slow_service(0, 0);
	world_try(&world, 0, 1, 0);
	world.inputs[0].trials_slow = 1;
	cr_expect_eq(world_until(&world, 100), 5);
	expect_move(BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_TRIALS_SLOW);
}

Test(breaker_trials, without_trials_it_closes_in_the_end)
{
	world.configs[0].open_for_max = 30 * SECOND;
	half_open();
	world_try(&world, 0, 3, 1);
	world_tick(&world);
	world_try(&world, 0, 0, 0);
	cr_expect_eq(world_until(&world, 1000), 299);
	expect_move(BREAKER_HALF_OPEN, BREAKER_CLOSED, BREAKER_TRIALS_FEW);
}

Test(breaker_trials, few_trials_that_fail_do_not_close_it)
{
	world.configs[0].open_for_max = 30 * SECOND;
	half_open();
	world_try(&world, 0, 1, 1);
	world_tick(&world);
	world_try(&world, 0, 0, 0);
	cr_expect_eq(world_until(&world, 1000), 299);
	expect_move(BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_TRIALS_FAILED);
}

Test(breaker_trials, trials_of_before_do_not_count)
{
	half_open();
	world_try(&world, 0, 0, 4);
	world_tick(&world);
	world_try(&world, 0, 0, 1);
	world_tick(&world);
	world_try(&world, 0, 0, 0);
	world_until(&world, 200);
	cr_assert_eq(world_state(&world, 0), BREAKER_HALF_OPEN);
	world_try(&world, 0, 1, 0);
	cr_expect_eq(world_until(&world, 100), 10);
	cr_expect_eq(world_state(&world, 0), BREAKER_CLOSED);
}

Test(breaker_trials, of_drain_all_checks_pass_in_the_trial)
{
	world.configs[0].action = CONFIG_ACTION_DRAIN;
	world_trip(&world, 0);
	cr_expect_eq(world_verdict(&world, 0).kind, BREAKER_DRAIN);
	cr_expect_eq(world_verdict(&world, 0).share, 0);
	cr_expect_not(world_verdict(&world, 0).probes_pass);
	world_until(&world, 100);
	cr_expect_eq(world_verdict(&world, 0).share, 1);
}

Test(breaker_trials, probes_are_exempt_or_coupled)
{
	cr_expect(world_verdict(&world, 0).probes_pass);
	world_trip(&world, 0);
	cr_expect(world_verdict(&world, 0).probes_pass);
	world.configs[0].probes = CONFIG_PROBES_COUPLED;
	cr_expect_not(world_verdict(&world, 0).probes_pass);
}

/* ---- back-off ---- */

static uint64_t open_time(void)
{
	return world.breakers->items[0].until - world.tick.now;
}

/* From half-open to open again; how long it is open now. */
static uint64_t fail_trials(void)
{
	for (unsigned n = 0; world_state(&world, 0) != BREAKER_HALF_OPEN; n++) {
		cr_assert_lt(n, 10000);
		world_tick(&world);
	}
	world_try(&world, 0, 0, 5);
	world_tick(&world);
	world_try(&world, 0, 0, 0);
	cr_assert_eq(world_state(&world, 0), BREAKER_OPEN);
	return open_time();
}

Test(breaker_trials, back_off_doubles_within_its_bounds)
{
	uint64_t base = 5 * SECOND;

	world_trip(&world, 0);
	cr_expect(open_time() >= base && open_time() <= base + base / 4);
	for (unsigned n = 0; n < 5; n++) {
		uint64_t time = fail_trials();

		base *= 2;
		cr_expect(time >= base && time <= base + base / 4, "%u: %.1f s", n,
			  (double)time / SECOND);
	}
	for (unsigned n = 0; n < 5; n++) {
		uint64_t time = fail_trials();

		cr_expect(time >= 240 * SECOND && time <= 300 * SECOND, "%.1f s",
			  (double)time / SECOND);
	}
}

Test(breaker_trials, back_off_bounds_hold_for_any_seed_and_configuration)
{
	uint64_t state = 3;

	for (unsigned n = 0; n < 300; n++) {
		uint64_t most = SECOND + random_next(&state) % (1000 * SECOND);

		set_up();
		world.breakers->seed = random_next(&state);
		world.configs[0].open_for_max = most;
		world.configs[0].open_for = 1 + random_next(&state) % most;
		world.breakers->items[0].backoff = random_next(&state) % 100;
		world_trip(&world, 0);
		cr_assert(open_time() >= world.configs[0].open_for && open_time() <= most);
	}
}

Test(breaker_trials, jitter_is_its_seeds_and_its_names)
{
	uint64_t times[4];

	for (unsigned n = 0; n < 4; n++) {
		set_up();
		world.breakers->seed = n == 2 ? 43 : 42;
		if (n == 3)
			world.services[0].name = "another";
		world_trip(&world, 0);
		times[n] = open_time();
	}
	cr_expect_eq(times[0], times[1]);
	cr_expect_neq(times[0], times[2]);
	cr_expect_neq(times[0], times[3]);
}

Test(breaker_trials, jitter_spreads_over_a_quarter)
{
	unsigned fifths[5] = {0};

	for (unsigned n = 0; n < 500; n++) {
		set_up();
		world.breakers->seed = n;
		world_trip(&world, 0);
		fifths[(open_time() - 5 * SECOND) * 5 / (5 * SECOND / 4 + 1)]++;
	}
	for (unsigned i = 0; i < 5; i++)
		cr_expect(fifths[i] > 60 && fifths[i] < 140, "%u", fifths[i]);
}

/* ---- again ---- */

Test(breaker_trials, a_second_trip_is_like_the_first)
{
	/* envoy#40697. After back-offs as well. */
	unsigned first, second;

	world_serve(&world, 0, 5, 5);
	first = world_until(&world, 100);
	fail_trials();
	fail_trials();
	world_serve(&world, 0, 0, 0);
	while (world_state(&world, 0) != BREAKER_HALF_OPEN)
		world_tick(&world);
	world_try(&world, 0, 10, 0);
	world_tick(&world);
	cr_assert_eq(world_state(&world, 0), BREAKER_CLOSED);
	world_try(&world, 0, 0, 0);
	cr_expect_eq(world_until(&world, 200), 0, "what was before is forgotten");

	world_serve(&world, 0, 5, 5);
	second = world_until(&world, 100);
	cr_expect_eq(second, first);
	expect_move(BREAKER_CLOSED, BREAKER_OPEN, BREAKER_FAILURE_RATE);
	cr_expect_eq(only()->numbers.connections, 30);
	cr_expect_eq(only()->backoff, 0);
	cr_expect(open_time() >= 5 * SECOND && open_time() <= 25 * SECOND / 4);
}
