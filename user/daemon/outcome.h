/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells people what the engine came to, changes of health and what the breakers decided, and
 * keeps count of the latter for those who ask later.
 */
#ifndef SHUNT_DAEMON_OUTCOME_H
#define SHUNT_DAEMON_OUTCOME_H

#include <stdint.h>

#include "engine/engine.h"
#include "serve/view.h"

struct alerts;
struct recent;
struct enforcer;

/* What a service's breaker decided so far. */
struct outcome_tale {
	view_moves moves;
	struct breaker_decision last;
};

struct outcomes {
	const struct engine *engine;
	const struct enforcer *enforcer;
	struct outcome_tale **tales; /* by slot; NULL: nothing was decided */
	uint32_t slots;
};

/* 0 or -ENOMEM. */
int outcomes_init(struct outcomes *outcomes, const struct engine *engine,
		  const struct enforcer *enforcer, uint32_t slots);

/* Frees what it holds; one that is all zero is fine. */
void outcomes_done(struct outcomes *outcomes);

/* Tells of the engine's last tick or command, and remembers it. */
void outcomes_tell(struct outcomes *outcomes, struct alerts *alerts, struct recent *recent);

/* Why the last trip of those is not carried out though it is to be; NULL if it is. */
const char *outcomes_unable(const struct outcomes *outcomes);

/* Forgets the tale of a slot whose service is about to be forgotten, and ends its alert. */
void outcomes_release(struct outcomes *outcomes, struct alerts *alerts, uint32_t slot);

/* What a slot's breaker decided; NULL: nothing. */
const struct outcome_tale *outcomes_of(const struct outcomes *outcomes, uint32_t slot);

/* The name of a slot's load balancer; NULL where that is not known. */
const char *outcome_balancer(const struct engine *engine, uint32_t slot);

#endif
