/* SPDX-License-Identifier: GPL-2.0 */
/* Gathers what the daemon shows: the view of user/serve. */
#ifndef SHUNT_DAEMON_SHOW_H
#define SHUNT_DAEMON_SHOW_H

#include <stdint.h>

#include "daemon/service.h"
#include "serve/view.h"

struct alerts;
struct enforcer;
struct outcomes;
struct engine;
struct observer;
struct recent;
struct record;

/* What does not change, or only with the configuration. */
struct show_about {
	const char *version;
	const char *kernel;
	const char *listen;
	uint64_t config_hash;
	uint64_t started; /* ns, monotonic */
};

/* Where it all comes from. */
struct show_sources {
	const struct services *services;
	const struct engine *engine;
	const struct checkers *checkers;
	const struct outcomes *outcomes;
	const struct enforcer *enforcer;
	const struct observer *observer;
	const struct alerts *alerts;
	const struct recent *recent;
	struct record *record; /* NULL: there is none */
};

struct show;

/* Memory for a view of so many slots.  0 or -ENOMEM. */
int show_new(uint32_t slots, struct show **ret_show);

/* Frees it; NULL is fine. */
void show_free(struct show *show);

/*
 * Gathers a view as of `now` (ns, monotonic); it is the show's own and holds until
 * the next call of this or of show_release().  NULL without memory for it.
 */
const struct view *show_gather(struct show *show, const struct show_about *about,
			       const struct show_sources *sources, uint64_t now, double tick_late);

/* Gives the memory of a view back that nobody has asked for since the last call. */
void show_release(struct show *show);

#endif
