/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator's load balancers and the engine's models of them were written apart from each
 * other: whatever checks find, both think the same.
 */
#include <criterion/criterion.h>

#include "config/names.h"
#include "engine/model.h"
#include "sim/balancer.h"
#include "unit/random.h"

#define SECOND 1000000000ULL
#define SEEDS  200
#define CHECKS 2000

TestSuite(sim_balancer, .timeout = 60);

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return random_next(&state) % below;
}

/* Long runs of either kind, and what comes and goes. */
static enum shunt_probe_outcome draw_outcome(uint64_t *share)
{
	static const enum shunt_probe_outcome failures[] = {
		SHUNT_PROBE_REFUSED, SHUNT_PROBE_TIMED_OUT, SHUNT_PROBE_NO_RESPONSE,
		SHUNT_PROBE_HTTP_ERROR};

	if (!draw(20))
		*share = draw(11);
	return draw(10) < *share ? failures[draw(4)] : SHUNT_PROBE_PASS;
}

static struct scenario_balancer draw_balancer(enum config_model kind)
{
	struct scenario_balancer balancer = {.model = kind};

	balancer_defaults(&balancer);
	if (draw(2))
		return balancer;
	balancer.fall = 1 + (uint32_t)draw(5);
	/* Nobody can configure how keepalived and nginx rise. */
	if (kind != CONFIG_MODEL_KEEPALIVED && kind != CONFIG_MODEL_NGINX)
		balancer.rise = 1 + (uint32_t)draw(5);
	return balancer;
}

/* How often the load balancer turned. */
static unsigned run_both(enum config_model kind, uint64_t seed)
{
	struct scenario_balancer balancer;
	struct config_health_check check;
	struct model_settings settings;
	struct lb_view view;
	struct model model;
	uint64_t at = 1000 * SECOND, share = 0;
	unsigned turned = 0;

	state = seed;
	balancer = draw_balancer(kind);
	check = (struct config_health_check){.model = kind,
					     .interval = balancer.interval,
					     .fall = balancer.fall,
					     .rise = balancer.rise};
	model_settings_of(&check, &settings);
	model_start(&model, &settings, MODEL_JOINED, at);
	lb_view_begin(&view, &balancer);
	view.checked_at = at;
	for (unsigned n = 0; n < CHECKS; n++) {
		enum shunt_probe_outcome outcome = draw_outcome(&share);
		unsigned word;

		at += 1 + draw(2 * balancer.interval);
		turned += lb_view_check(&view, &balancer, at, outcome);
		model_probe(&model, &settings, at, outcome);
		word = model_state(&model, &settings, at);
		cr_assert_eq(view.down, word == LB_DOWN || word == LB_GOING_UP,
			     "%s, seed %lu, check %u", config_model_names[kind], seed, n);
		/* Of nginx there is no more to tell. */
		if (kind != CONFIG_MODEL_NGINX)
			cr_assert_eq(lb_view_word(&view, &balancer), word,
				     "%s, seed %lu, check %u: %s", config_model_names[kind], seed,
				     n, lb_state_names[word]);
	}
	return turned;
}

Test(sim_balancer, thinks_what_the_model_thinks)
{
	for (enum config_model kind = CONFIG_MODEL_HAPROXY; config_model_names[kind]; kind++) {
		unsigned turned = 0;

		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			turned += run_both(kind, seed);
		cr_expect_gt(turned, SEEDS * 10, "%s turned %u times: this tries something",
			     config_model_names[kind], turned);
	}
}

/* When each kind has out what has died: the earliest that the model says. */
Test(sim_balancer, takes_as_long_as_the_model_says)
{
	for (enum config_model kind = CONFIG_MODEL_HAPROXY; config_model_names[kind]; kind++) {
		struct scenario_balancer balancer = {.model = kind};
		struct config_health_check check = {.model = kind};
		struct model_ejection bounds;
		struct model_settings settings;
		struct lb_view view;
		uint64_t begun = 0, ended = 0;

		if (kind == CONFIG_MODEL_NGINX)
			continue;
		balancer_defaults(&balancer);
		check.interval = balancer.interval;
		check.timeout = balancer.timeout;
		check.fall = balancer.fall;
		model_settings_of(&check, &settings);
		cr_assert_eq(model_eject_bounds(&settings, 0, &bounds), 0);
		lb_view_begin(&view, &balancer);
		/* It dies just before a check, and none is answered. */
		while (!lb_view_check(&view, &balancer, ended = begun + balancer.timeout,
				      SHUNT_PROBE_TIMED_OUT))
			begun = lb_view_next(&view, &balancer, begun, ended);
		cr_expect_eq(ended, bounds.black_hole.earliest, "%s: %lu, %lu",
			     config_model_names[kind], ended, bounds.black_hole.earliest);
	}
}
