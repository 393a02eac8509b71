/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The services that exist, each with its slot in the kernel's cells.
 *
 * A service is found again by its name and role, so that it keeps its slot and its
 * counts across a restart of its process and across a reload of the configuration.
 * One that is no longer wanted is retired: its slot is given to another only once
 * its connections have ended.
 */
#ifndef SHUNT_DAEMON_SERVICE_H
#define SHUNT_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/queue.h"
#include "engine/window.h"
#include "shunt/abi.h"

#define SERVICE_NAME_MAX 128

enum service_origin {
	SERVICE_FREE, /* the slot is nobody's */
	SERVICE_RESERVED, /* _unknown and _other */
	SERVICE_CONFIGURED,
	SERVICE_DISCOVERED,
	SERVICE_RETIRED, /* not wanted any more, waiting for its connections to end */
};

struct service {
	enum service_origin origin;
	enum shunt_role role;
	char name[SERVICE_NAME_MAX];
	uint32_t netns; /* of a discovered one */
	bool wanted; /* by the configuration, a listener or a remote, as of the last plan */
	bool listening; /* a discovered server whose listener is there */
	uint64_t retired_at; /* ns */
	uint64_t activity; /* gather_activity(), as of the window's last reading of the counters */
	struct window window;
};

struct observer;

struct services {
	struct service *items; /* indexed by slot */
	struct queues queues; /* likewise */
	uint32_t count; /* slots */
};

/*
 * Makes the table with `max_services` slots beside the reserved ones; `own_netns` is
 * the network namespace of the daemon.  0 or -ENOMEM.
 */
int services_init(struct services *services, uint32_t max_services, uint32_t own_netns);

/* Frees the table's memory. */
void services_done(struct services *services);

/* The service of that name and role, retired ones too; or NULL. */
struct service *services_find(struct services *services, const char *name, enum shunt_role role);

/*
 * Takes a free slot for a new service; NULL where there is none.  The caller sets
 * the rest.  A name longer than SERVICE_NAME_MAX - 1 is cut.
 */
struct service *services_add(struct services *services, const char *name, enum shunt_role role,
			     enum service_origin origin);

/* The slot of a service. */
uint32_t services_slot(const struct services *services, const struct service *service);

/*
 * The counts of a slot: the kernel's cells, and as overflow what its listeners turned
 * away.  With `histograms`, those too; else they are left as they were.
 */
void services_read(const struct services *services, const struct observer *observer, uint32_t slot,
		   bool histograms, struct shunt_cell *ret_cell);

/* Marks it as not wanted; services_sweep() frees it in time. */
void services_retire(struct service *service, uint64_t now);

/*
 * Retires one discovered service that has been idle longest, if any has been idle
 * for SERVICE_IDLE and is of no use to a listener; but not while the slot of one that
 * was retired just now is about to be free.  Whether it did.
 */
bool services_retire_idle(struct services *services, struct observer *observer, uint64_t now);

/* Frees the slots of retired services whose connections have ended.  Whether there were any. */
bool services_sweep(struct services *services, struct observer *observer, uint64_t now);

#endif
