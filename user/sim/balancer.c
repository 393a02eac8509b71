/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/balancer.h"

#include "engine/model.h"

#define SECOND 1000000000ULL

void balancer_defaults(struct scenario_balancer *balancer)
{
	static const struct {
		uint64_t interval, timeout;
		uint32_t fall, rise;
	} defaults[] = {
		[CONFIG_MODEL_NONE] = {2, 1, 3, 2},	[CONFIG_MODEL_HAPROXY] = {2, 2, 3, 2},
		[CONFIG_MODEL_NGINX] = {10, 60, 1, 1},	[CONFIG_MODEL_KEEPALIVED] = {60, 5, 2, 1},
		[CONFIG_MODEL_ENVOY] = {10, 5, 3, 2},	[CONFIG_MODEL_NLB] = {30, 10, 2, 5},
		[CONFIG_MODEL_ALB] = {30, 5, 2, 5},	[CONFIG_MODEL_GCP] = {5, 5, 2, 2},
		[CONFIG_MODEL_KUBELET] = {10, 1, 3, 1}, [CONFIG_MODEL_CONSECUTIVE] = {2, 1, 3, 2},
	};

	balancer->interval = defaults[balancer->model].interval * SECOND;
	balancer->timeout = defaults[balancer->model].timeout * SECOND;
	balancer->fall = defaults[balancer->model].fall;
	balancer->rise = defaults[balancer->model].rise;
}

void lb_view_begin(struct lb_view *state, const struct scenario_balancer *balancer)
{
	*state = (struct lb_view){.health = balancer->rise + balancer->fall - 1};
}

/* src/check.c, __health_adjust(): one pass restores what is up, one failure ends what was rising.
 */
static bool haproxy(struct lb_view *state, const struct scenario_balancer *balancer, bool passed)
{
	bool was = state->down;

	if (!passed && !state->down) {
		state->health--;
		state->down = state->health < balancer->rise;
		if (state->down)
			state->health = 0;
	} else if (!passed) {
		state->health = 0;
	} else if (state->down) {
		state->health++;
		state->down = state->health < balancer->rise;
	}
	if (passed && !state->down)
		state->health = balancer->rise + balancer->fall - 1;
	return state->down != was;
}

/* So many equal results, one after the other, turn it. */
static bool in_a_row(struct lb_view *state, uint32_t fall, uint32_t rise, bool passed)
{
	bool was = state->down;

	state->failures = passed ? 0 : state->failures + 1;
	state->successes = passed ? state->successes + 1 : 0;
	if (state->failures >= fall)
		state->down = true;
	if (state->successes >= rise)
		state->down = false;
	return state->down != was;
}

/* health_checker_base_impl.cc: a bad answer is believed at once, no answer after `fall`. */
static bool envoy(struct lb_view *state, const struct scenario_balancer *balancer,
		  enum shunt_probe_outcome outcome)
{
	bool bad = outcome == SHUNT_PROBE_HTTP_ERROR;

	return in_a_row(state, bad ? 1 : balancer->fall, balancer->rise,
			outcome == SHUNT_PROBE_PASS);
}

/*
 * ngx_http_upstream_round_robin.c: `fails` goes back to 0 with a request that passes after
 * one was let through as a trial.
 */
static bool nginx(struct lb_view *state, const struct scenario_balancer *balancer, uint64_t at,
		  bool failed)
{
	bool was = state->down;
	/* ngx_time() has whole seconds. */
	bool trial = at / SECOND - state->checked_at / SECOND > balancer->interval / SECOND;

	if (failed) {
		state->failures++;
		state->checked_at = at;
	} else if (trial) {
		state->failures = 0;
	}
	if (state->failures > balancer->fall)
		state->failures = balancer->fall;
	state->down = state->failures >= balancer->fall;
	return state->down != was;
}

bool lb_view_check(struct lb_view *state, const struct scenario_balancer *balancer, uint64_t at,
		   enum shunt_probe_outcome outcome)
{
	bool passed = outcome == SHUNT_PROBE_PASS;

	switch (balancer->model) {
	case CONFIG_MODEL_HAPROXY:
		return haproxy(state, balancer, passed);
	case CONFIG_MODEL_KEEPALIVED:
		return in_a_row(state, balancer->fall, 1, passed);
	case CONFIG_MODEL_ENVOY:
		return envoy(state, balancer, outcome);
	case CONFIG_MODEL_NGINX:
		return nginx(state, balancer, at, !passed && outcome != SHUNT_PROBE_HTTP_ERROR);
	default:
		return in_a_row(state, balancer->fall, balancer->rise, passed);
	}
}

uint64_t lb_view_next(const struct lb_view *state, const struct scenario_balancer *balancer,
		      uint64_t begun, uint64_t ended)
{
	switch (balancer->model) {
	case CONFIG_MODEL_KEEPALIVED:
		/* delay_before_retry */
		return ended + (state->failures && !state->down ? SECOND : balancer->interval);
	case CONFIG_MODEL_HAPROXY:
	case CONFIG_MODEL_ENVOY:
		return ended + balancer->interval;
	default:
		return begun + balancer->interval > ended ? begun + balancer->interval : ended;
	}
}

unsigned lb_view_word(const struct lb_view *state, const struct scenario_balancer *balancer)
{
	bool counts = balancer->model == CONFIG_MODEL_HAPROXY;

	if (state->down)
		return (counts ? state->health : state->successes) ? LB_GOING_UP : LB_DOWN;
	if (counts)
		return state->health == balancer->rise + balancer->fall - 1 ? LB_UP : LB_GOING_DOWN;
	return state->failures ? LB_GOING_DOWN : LB_UP;
}
