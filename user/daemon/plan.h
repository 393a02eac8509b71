/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decides which services there are, from the configuration and from what was
 * found, and makes the kernel agree.  Run anew after every change; what has not
 * changed is not touched.
 */
#ifndef SHUNT_DAEMON_PLAN_H
#define SHUNT_DAEMON_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/binding.h"
#include "daemon/discovery.h"
#include "daemon/service.h"
#include "shunt/config.h"

struct observer;

struct plan {
	struct observer *observer;
	struct services *services;
	struct discovery *discovery;
	struct bindings installed;
	uint32_t own_netns; /* inode of the daemon's network namespace */
	bool crowded; /* something waits for a free slot */
	bool retired; /* the last run made room: the keys of what goes are still there */
	bool full; /* the kernel refused a key in the last run */
};

/*
 * Runs the plan at `now` (ns).  Returns 0, or -ENOMEM with the kernel as it was.
 */
int plan_run(struct plan *plan, const struct config *config, uint64_t now);

/*
 * Whether it is worth another run though nothing has changed, asked once a second: `freed` says
 * that services_sweep() has freed a slot.  While something waits for one, it may make room by
 * retiring a service that has long been idle.
 */
bool plan_is_due(struct plan *plan, bool freed, uint64_t now);

/* Frees what the plan remembers; the kernel is not touched. */
void plan_done(struct plan *plan);

#endif
