/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load balancers' state machines, written from what their documentation and sources say
 * (FIELD facts of docs/simulator.md) and not from engine/model.c, which they are to check.
 */
#ifndef SHUNT_SIM_BALANCER_H
#define SHUNT_SIM_BALANCER_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/abi.h"
#include "sim/scenario.h"

/* What one checker thinks of one target. */
struct lb_view {
	uint32_t health; /* HAProxy's counter */
	uint32_t failures, successes; /* in a row; nginx: its `fails` */
	uint64_t checked_at; /* nginx */
	bool down;
};

/* Fills interval, timeout, fall and rise with what the model has if nothing is said. */
void balancer_defaults(struct scenario_balancer *balancer);

/* It has been there for long, and everything was well. */
void lb_view_begin(struct lb_view *state, const struct scenario_balancer *balancer);

/* A check has ended (nginx: a request); whether the state has changed. */
bool lb_view_check(struct lb_view *state, const struct scenario_balancer *balancer, uint64_t at,
		   enum shunt_probe_outcome outcome);

/* When the next check begins, if one was made from `begun` to `ended`. */
uint64_t lb_view_next(const struct lb_view *state, const struct scenario_balancer *balancer,
		      uint64_t begun, uint64_t ended);

/* As engine/model.h names them, by the same words for the same things. */
unsigned lb_view_word(const struct lb_view *state, const struct scenario_balancer *balancer);

#endif
