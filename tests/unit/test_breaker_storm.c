/* SPDX-License-Identifier: GPL-2.0 */
/* Random storms over twenty services: what holds in every tick of all of them. */
#include "unit/breaker_world.h"
#include "unit/random.h"

#define SEEDS 100
#define TICKS 600

TestSuite(breaker_storm, .timeout = 120);

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return random_next(&state) % below;
}

/* Guards and rules of any kind. */
static void storm_begin(struct world *world, uint64_t seed)
{
	state = seed;
	world_begin(world, WORLD_MAX);
	world->breakers->seed = seed;
	world->guards.max_open = (uint32_t)draw(8);
	world->guards.max_open_share = (double)(1 + draw(10)) / 10;
	world->rules.limits.panic = (double)(3 + draw(8)) / 10;
	world->rules.limits.velocity = 1 + (uint32_t)draw(GUARDS_TRIPS);
	world->protect[0].port = (uint16_t)(8000 + draw(WORLD_MAX));
	for (unsigned i = 0; i < WORLD_MAX; i++) {
		struct config_breaker *config = &world->configs[i];

		world->services[i].role = draw(3) ? SHUNT_ROLE_SERVER : SHUNT_ROLE_CLIENT;
		config->consecutive_failures = draw(2) ? 5 : 0;
		config->on_flapping = draw(2);
		config->slow = (struct config_slow){SHUNT_SIGNAL_RESPONSE, SECOND / 4, 0.5,
						    draw(2) * SECOND};
		config->open_for = (1 + draw(3)) * SECOND;
		config->open_for_max = 10 * SECOND;
	}
}

/* Some services fall ill and recover; the observer is late or loses events at times. */
static void storm_blow(struct world *world)
{
	for (unsigned i = 0; i < WORLD_MAX; i++) {
		struct breaker_input *input = &world->inputs[i];
		uint64_t how = draw(60);

		if (how > 3)
			continue;
		world_serve(world, i, how == 1 ? 0 : draw(20), how == 0 ? 0 : draw(20));
		input->samples = draw(20);
		input->slow = draw(input->samples + 1);
		input->health = draw(3) ? HEALTH_HEALTHY : (enum health_state)draw(HEALTH_MAX);
		world_try(world, i, draw(3), draw(3));
		input->trials_slow = draw(2);
	}
	world->tick.late = draw(100) ? 0 : draw(2) * SECOND;
	world->tick.lost = draw(100) ? 0 : draw(2);
}

/* An order now and then; its decision is dropped. */
static void storm_order(struct world *world)
{
	uint32_t i = (uint32_t)draw(WORLD_MAX);

	switch (draw(200)) {
	case 0:
		world_order(world, BREAKER_TRIP, i, draw(20) * SECOND);
		break;
	case 1:
		world_order(world, BREAKER_RESET, i, draw(20) * SECOND);
		break;
	case 2:
		world_mode(world, i, (enum config_mode)draw(3), draw(20) * SECOND);
		break;
	case 3:
		if (!draw(5))
			world_mode(world, BREAKER_ALL, (enum config_mode)draw(3),
				   (1 + draw(5)) * SECOND);
		break;
	default:
		break;
	}
}

static bool is_usable(const struct world *world, unsigned i)
{
	return world_state(world, i) == BREAKER_CLOSED && world->inputs[i].health < HEALTH_FAILING;
}

/* Counted here, from nothing but states and inputs. */
static void expect_guarded(const struct world *world, uint64_t seed)
{
	unsigned by_rule = 0, of_kind[2] = {0}, usable[2] = {0};
	bool any[2] = {false};

	for (unsigned i = 0; i < WORLD_MAX; i++) {
		const struct breaker *breaker = &world->breakers->items[i];
		enum shunt_role role = world->services[i].role;
		bool cut = breaker->state != BREAKER_CLOSED;

		by_rule += cut && !breaker->by_hand;
		any[role] |= cut && !breaker->by_hand;
		of_kind[role]++;
		usable[role] += is_usable(world, i);
		cr_assert_not(cut && world->ports[i].port == world->protect[0].port, "seed %lu",
			      seed);
		cr_assert_leq(breaker->lease, world->tick.now + 3 * SECOND);
	}
	cr_assert_leq(by_rule, world->guards.max_open, "seed %lu", seed);
	cr_assert_leq(by_rule, world->guards.max_open_share * WORLD_MAX + 1e-9, "seed %lu", seed);
	for (unsigned role = 0; role < 2; role++) {
		if (!any[role])
			continue;
		cr_assert_gt(usable[role], 0, "seed %lu: the last", seed);
		cr_assert_leq(of_kind[role] - usable[role],
			      world->rules.limits.panic * of_kind[role] + 1e-6, "seed %lu: panic",
			      seed);
	}
}

/* Trips by rule: how many of each minute, and never while the observer is not to be trusted. */
static unsigned expect_trips(const struct world *world, uint64_t trips[], unsigned count,
			     uint64_t seed)
{
	for (size_t n = 0; n < world->decisions.count; n++) {
		const struct breaker_decision *decision = &world->made[n];
		unsigned lately = 1;

		if (decision->what != BREAKER_MOVED || decision->to != BREAKER_OPEN)
			continue;
		cr_assert_eq(world->tick.late, 0, "seed %lu", seed);
		cr_assert_eq(world->tick.lost, 0, "seed %lu", seed);
		if (decision->from != BREAKER_CLOSED)
			continue;
		for (unsigned i = 0; i < count; i++)
			lately += decision->now - trips[i] < 60 * SECOND;
		cr_assert_leq(lately, world->rules.limits.velocity, "seed %lu", seed);
		trips[count++] = decision->now;
	}
	return count;
}

Test(breaker_storm, breaks_no_guard)
{
	static struct world world;
	unsigned all = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t trips[TICKS];
		unsigned count = 0;

		storm_begin(&world, seed);
		for (unsigned n = 0; n < TICKS; n++) {
			storm_blow(&world);
			storm_order(&world);
			world_tick(&world);
			expect_guarded(&world, seed);
			count = expect_trips(&world, trips, count, seed);
		}
		all += count;
	}
	cr_expect_gt(all, 200, "%u trips: these storms try something", all);
}

/* Moves that there are: those of the picture in breaker.h. */
Test(breaker_storm, makes_no_other_move)
{
	static struct world world;
	unsigned moves[BREAKER_STATE_MAX][BREAKER_STATE_MAX] = {{0}};

	for (uint64_t seed = 1; seed <= 20; seed++) {
		storm_begin(&world, seed);
		for (unsigned n = 0; n < TICKS; n++) {
			storm_blow(&world);
			world_tick(&world);
			for (size_t k = 0; k < world.decisions.count; k++)
				if (world.made[k].what == BREAKER_MOVED)
					moves[world.made[k].from][world.made[k].to]++;
		}
	}
	cr_expect_gt(moves[BREAKER_CLOSED][BREAKER_OPEN], 0);
	cr_expect_gt(moves[BREAKER_OPEN][BREAKER_HALF_OPEN], 0);
	cr_expect_gt(moves[BREAKER_OPEN][BREAKER_CLOSED], 0, "let go by a guard");
	cr_expect_gt(moves[BREAKER_HALF_OPEN][BREAKER_OPEN], 0);
	cr_expect_gt(moves[BREAKER_HALF_OPEN][BREAKER_CLOSED], 0);
	cr_expect_eq(moves[BREAKER_CLOSED][BREAKER_HALF_OPEN], 0);
	for (unsigned i = 0; i < BREAKER_STATE_MAX; i++)
		cr_expect_eq(moves[i][i], 0);
}

/* Runs a storm in modes given by `mode`; the decisions and final state of the two must equal. */
static void run_twice(uint64_t seed, enum config_mode one, enum config_mode other)
{
	static struct world worlds[2];
	const enum config_mode modes[] = {one, other};
	uint64_t after[2];

	for (unsigned w = 0; w < 2; w++) {
		storm_begin(&worlds[w], seed);
		for (unsigned i = 0; i < WORLD_MAX; i++)
			worlds[w].configs[i].mode = modes[w];
		after[w] = state;
	}
	for (unsigned n = 0; n < TICKS; n++) {
		for (unsigned w = 0; w < 2; w++) {
			state = after[w];
			storm_blow(&worlds[w]);
			world_tick(&worlds[w]);
			after[w] = state;
		}
		cr_assert_eq(worlds[0].decisions.count, worlds[1].decisions.count);
		cr_assert_arr_eq(worlds[0].made, worlds[1].made,
				 worlds[0].decisions.count * sizeof(worlds[0].made[0]),
				 "seed %lu, tick %u", seed, n);
		cr_assert_arr_eq(worlds[0].memory, worlds[1].memory, sizeof(worlds[0].memory),
				 "seed %lu, tick %u", seed, n);
	}
}

Test(breaker_storm, shadow_and_enforce_decide_alike)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_twice(seed, CONFIG_MODE_SHADOW, CONFIG_MODE_ENFORCE);
}

Test(breaker_storm, the_same_input_gives_the_same_bytes)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
		run_twice(seed, CONFIG_MODE_ENFORCE, CONFIG_MODE_ENFORCE);
}

/* ---- steps that are left out ---- */

/* Now and then nothing happens to a service for some seconds, and its health changes alone. */
static void storm_lull(struct world *world, unsigned quiet[WORLD_MAX])
{
	for (unsigned i = 0; i < WORLD_MAX; i++) {
		enum health_state health = world->inputs[i].health;

		if (!draw(100))
			quiet[i] = 50 + (unsigned)draw(200);
		if (!quiet[i])
			continue;
		quiet[i]--;
		world->inputs[i] = (struct breaker_input){.health = health};
	}
}

static void find_stirred(const struct world *world, uint64_t stirred[BREAKER_SET_WORDS])
{
	stirred[0] = 0;
	for (unsigned i = 0; i < WORLD_MAX; i++) {
		struct breaker_input input = world->inputs[i];
		const struct breaker_input nothing = {.health = input.health};

		/* Byte for byte is meant.  NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
		stirred[0] |= (uint64_t) !!memcmp(&input, &nothing, sizeof(input)) << i;
	}
}

/* Of the one who is told to whom something happened; returns steps that were left out. */
static unsigned storm_both(struct world *knows, struct world *asks_all, uint64_t seed)
{
	unsigned quiet[2][WORLD_MAX] = {{0}}, left_out = 0;
	struct world *worlds[2] = {knows, asks_all};
	uint64_t after[2] = {seed, seed}, stirred[BREAKER_SET_WORDS];

	for (unsigned w = 0; w < 2; w++) {
		storm_begin(worlds[w], seed);
		after[w] = state;
	}
	for (unsigned n = 0; n < TICKS; n++) {
		for (unsigned w = 0; w < 2; w++) {
			state = after[w];
			storm_blow(worlds[w]);
			storm_lull(worlds[w], quiet[w]);
			storm_order(worlds[w]);
			after[w] = state;
		}
		find_stirred(knows, stirred);
		knows->tick.stirred = stirred;
		left_out += WORLD_MAX -
			    (unsigned)__builtin_popcountll(knows->breakers->awake[0] | stirred[0]);
		world_tick(knows);
		world_tick(asks_all);
		cr_assert_eq(knows->decisions.count, asks_all->decisions.count, "seed %lu, tick %u",
			     seed, n);
		cr_assert_arr_eq(knows->made, asks_all->made,
				 knows->decisions.count * sizeof(knows->made[0]),
				 "seed %lu, tick %u", seed, n);
	}
	return left_out;
}

Test(breaker_storm, those_that_sleep_miss_nothing)
{
	static struct world knows, asks_all;
	unsigned left_out = 0;

	for (uint64_t seed = 1; seed <= 50; seed++)
		left_out += storm_both(&knows, &asks_all, seed);
	cr_expect_gt(left_out, 50 * TICKS * WORLD_MAX / 10, "%u steps left out", left_out);
}

Test(breaker_storm, a_full_buffer_loses_words_not_decisions)
{
	static struct world full, bare;

	world_begin(&full, 3);
	world_begin(&bare, 3);
	world_trip(&full, 0);
	bare.decisions.capacity = 0;
	world_serve(&bare, 0, 0, 10);
	for (unsigned n = 0; n < 3; n++) {
		bare.tick.now += TICK;
		breaker_step(bare.breakers, &bare.rules, &bare.tick, &bare.decisions);
	}
	cr_expect_eq(bare.decisions.untold, 1);
	cr_expect_eq(world_state(&bare, 0), BREAKER_OPEN);
	cr_expect_eq(bare.breakers->decisions, full.breakers->decisions);
}
