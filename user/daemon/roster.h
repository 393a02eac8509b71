/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells the engine which services there are and how they are configured, whenever that
 * may have changed.  _unknown and _other are not among them, for they are no one thing.
 */
#ifndef SHUNT_DAEMON_ROSTER_H
#define SHUNT_DAEMON_ROSTER_H

#include <stdint.h>

#include "daemon/notify.h"
#include "engine/engine.h"

struct discovery;
struct gather;
struct services;

typedef void (*roster_fn)(void *userdata, uint32_t slot);

struct roster {
	struct services *services;
	struct engine *engine;
	struct gather *gather;
	health_change_fn changed; /* hears of those that were not well and are gone */
	roster_fn assigned; /* hears of those that are new, or configured anew; or NULL */
	roster_fn released; /* hears of those that are about to be forgotten; or NULL */
	void *userdata;
	uint8_t *wanted; /* by slot, in one run */
	uint32_t *first; /* by slot: 1 + the index of the first thing that was found of it */
	uint32_t *next; /* by index of what was found: of the next */
	size_t next_capacity;
	struct config_endpoint *endpoints; /* of one service */
	size_t endpoints_capacity;
};

/* Makes room for the slots of `services`; the caller sets who hears.  0 or -ENOMEM. */
int roster_init(struct roster *roster, struct services *services, struct engine *engine,
		struct gather *gather);

/* Frees what it holds; one that is all zero is fine. */
void roster_done(struct roster *roster);

/*
 * Compares what the plan decided with what the engine knows, and tells it the difference.
 * 0, or -ENOMEM: then some services are as they were.
 */
int roster_update(struct roster *roster, const struct config *config,
		  const struct discovery *discovery);

#endif
