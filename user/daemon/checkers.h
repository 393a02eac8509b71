/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who checks which service, as far as the kernel is concerned: gives the engine those who
 * connect, that it finds probers among them, and makes the kernel tell of their checks.
 */
#ifndef SHUNT_DAEMON_CHECKERS_H
#define SHUNT_DAEMON_CHECKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "shunt/config.h"

struct observer;
struct services;

/* What is kept of a service's probers beside the engine; made when the first is found. */
struct checker {
	struct shunt_histogram durations; /* ns, of checks that came to an end */
	struct shunt_prober_key keys[CHECKS_PROBERS]; /* by which the kernel knows them */
	unsigned keys_count;
};

struct checkers {
	struct observer *observer;
	const struct services *services;
	struct engine *engine;
	struct checker **items; /* indexed by slot; NULL: nobody checks it, as far as is known */
	uint32_t *seen; /* for each source: how many times of it were looked at */
};

/* Makes an empty table with a place for each slot of `services`.  0 or -ENOMEM. */
int checkers_init(struct checkers *checkers, struct observer *observer,
		  const struct services *services, struct engine *engine);

/* Frees the table's memory; the kernel is not touched. */
void checkers_done(struct checkers *checkers);

/* A check has ended. */
void checkers_hear(struct checkers *checkers, const struct shunt_probe *probe);

/* Looks for new probers; to be called a few times a second, for they check no faster. */
void checkers_look(struct checkers *checkers, uint64_t now);

/* Tells the kernel of those that the engine knows, where that has changed. */
void checkers_tell(struct checkers *checkers);

/* How long the checks of a slot took, ns; NULL: nobody checks it, as far as is known. */
const struct shunt_histogram *checkers_durations(const struct checkers *checkers, uint32_t slot);

/* Whether the configuration wants the answers to checks to be read. */
bool checkers_want_answers(const struct config *config);

#endif
