/* SPDX-License-Identifier: GPL-2.0 */
/* A world of three services, and what is told of a breaker that moves in it. */
#ifndef SHUNT_TESTS_UNIT_BREAKER_MOVES_H
#define SHUNT_TESTS_UNIT_BREAKER_MOVES_H

#include "unit/breaker_world.h"

static struct world world;

static inline void set_up(void)
{
	world_begin(&world, 3);
}

/* What was decided, which is one thing. */
static inline const struct breaker_decision *only(void)
{
	cr_assert_eq(world.decisions.count, 1, "%zu decisions", world.decisions.count);
	return &world.made[0];
}

static inline void expect_move(enum breaker_state from, enum breaker_state to,
			       enum breaker_reason reason)
{
	const struct breaker_decision *decision = only();

	cr_expect_eq(decision->what, BREAKER_MOVED);
	cr_expect_eq(decision->from, from, "from %u", decision->from);
	cr_expect_eq(decision->to, to, "to %u", decision->to);
	cr_expect_eq(decision->reason, reason, "for %u", decision->reason);
}

/* From now on, so many answers of service 0 in each tick, of which so many are slow. */
static inline void slow_service(uint64_t samples, uint64_t slow)
{
	world.configs[0].slow = (struct config_slow){
		.signal = SHUNT_SIGNAL_RESPONSE,
		.over = SECOND / 4,
		.rate = 0.5,
		.hold = 3 * SECOND,
	};
	world_serve(&world, 0, samples, 0);
	world.inputs[0].samples = samples;
	world.inputs[0].slow = slow;
}

#endif
