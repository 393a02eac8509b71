/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the health checks of a service say, and whether to believe them.
 *
 * Checks that fail while other connections of the same time are served tell of the
 * checker, not of the service: a differential observation (Huang et al., Gray Failure,
 * HotOS 2017).  So do the checks of one checker alone, where most others pass (Rapid,
 * ATC 2018).  Only an answer with an error status is the service's own word.
 */
#ifndef SHUNT_ENGINE_CHECKS_H
#define SHUNT_ENGINE_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/model.h"
#include "shunt/abi.h"

/* Probers that are told apart; those beyond share the last place. */
#define CHECKS_PROBERS 16
/* The checks of one prober that are looked at together. */
#define CHECKS_RECENT 4

/* One health check that has ended. */
struct check {
	uint64_t at; /* ns */
	unsigned prober; /* index, from 0 on */
	enum shunt_probe_outcome outcome;
	unsigned http_status; /* 0: none */
};

struct checks_limits {
	unsigned failing; /* failed checks in a row, of more than half of the probers */
	unsigned passing; /* passed ones in a row for the end of that */
	unsigned suspicious; /* failed ones among the last CHECKS_RECENT of one prober */
	unsigned majority; /* probers before one of them can be told to be alone */
	unsigned witnesses; /* served connections or requests that contradict failed checks */
	unsigned hearing; /* …and so many, while it is not decided, put a verdict off… */
	uint64_t heard_for; /* ns: …for so long at most */
	double witness_failures; /* the share of failures among witnesses that is too much */
	uint64_t testimony; /* ns: what was witnessed counts for so long */
	uint64_t voice; /* ns: traffic speaks for the service for so long */
	unsigned stale; /* intervals after which a silent prober has gone */
	uint64_t stale_least; /* ns: …but not before this */
	uint64_t stale_unknown; /* ns: …if it has been seen once only */
};

/* What the caller saw since the last tick. */
struct checks_input {
	uint64_t now; /* ns, never falls */
	unsigned stretch; /* from 1 on: each step above that asks for one failed check more */
	const struct check *checks; /* oldest first */
	unsigned checks_count;
	bool balancer_known; /* there is a model of one, or several… */
	enum lb_state balancer; /* …of which the one closest to taking it out is here */
	uint64_t served; /* real traffic: connections or requests that went well… */
	uint64_t failed; /* …and that did not */
	bool traffic_bad; /* it is known to fail: no witness */
};

struct checks_prober {
	uint64_t at; /* ns: the last check; 0: never seen */
	uint64_t interval; /* ns, smoothed; 0: not known */
	uint64_t onset; /* ns: since when checks fail so, on and off; 0: they pass */
	uint64_t doubted_at; /* ns: one failed again after traffic had been fine; 0: none did */
	uint64_t passing_since; /* ns: the first of the passed checks in a row */
	uint32_t history; /* one bit a check, 1: failed, the newest is bit 0 */
	uint32_t failed; /* in a row */
	uint32_t passed; /* in a row */
	uint32_t outcome; /* of the last failed one, enum shunt_probe_outcome */
	uint32_t http_status; /* likewise */
	bool excused; /* the service itself has failed since: the next failure is a new onset */
	bool contradicted; /* traffic was fine between two of these and after the second */
};

/* All zero has seen nothing. */
struct checks {
	struct checks_prober probers[CHECKS_PROBERS];
	uint32_t used; /* of those, from the first one on: no other has ever checked */
	/* Witnesses, gathered until they are enough. */
	uint64_t gathered_from; /* ns */
	uint64_t served, failed;
	uint64_t fine_from; /* ns: when the last sufficient gathering began… */
	uint64_t fine_at; /* …and when it was complete; 0: there was none */
	uint64_t fine_served; /* how many they were, from the onset on */
	/* The verdict. */
	uint32_t fresh; /* probers that still check */
	uint32_t failing_probers; /* …of which so many find it failing */
	uint32_t troubled_probers; /* …and so many failed it at their last check */
	uint32_t worst; /* the prober that finds it worst */
	uint32_t seen; /* checks since the last time that all fresh probers were heard */
	bool failing; /* the checks say that the service fails, and nothing contradicts */
	bool http_error; /* …by its own word */
	bool fault; /* the checks fail, and it is the checker's fault */
	bool alone; /* …because other checkers find nothing */
	bool passing; /* all fresh probers have passed in a row; false without any */
	bool round; /* each fresh prober, roughly, was heard once more in this tick */
	uint64_t passing_since; /* ns: since when, for all of them */
};

/* Takes a tick. */
void checks_add(struct checks *checks, const struct checks_limits *limits,
		const struct checks_input *input);

/* How many of the last CHECKS_RECENT checks of a prober failed. */
unsigned checks_recent_failures(const struct checks_prober *prober);

/*
 * Whether the checks say that the service fails, and no real traffic since they began to has
 * shown otherwise; an error status is believed whatever the traffic says.
 */
bool checks_stand(const struct checks *checks);

/* Whether real traffic has lately shown that the service works. */
bool checks_traffic_speaks(const struct checks *checks, const struct checks_limits *limits,
			   uint64_t now);

#endif
