/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes in the journal how quick services are: each minute, and each 10 s of one that is not
 * healthy.  So a timeline can say how it was then, and how it was before.
 */
#ifndef SHUNT_DAEMON_LATENCY_H
#define SHUNT_DAEMON_LATENCY_H

#include <stdint.h>

struct engine;
struct latency;
struct observer;
struct record;
struct services;

struct latencies {
	const struct services *services;
	const struct observer *observer;
	const struct engine *engine;
	struct latency **items; /* by slot; NULL: it has answered nothing so far */
};

/* 0 or -ENOMEM. */
int latencies_init(struct latencies *latencies, const struct services *services,
		   const struct observer *observer, const struct engine *engine);

void latencies_done(struct latencies *latencies);

/* Notes what is due; each second. */
void latencies_look(struct latencies *latencies, struct record *record, uint64_t now);

#endif
