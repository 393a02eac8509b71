/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who checks a service, and when the next check of each is due: what the kernel tells of
 * checks that have ended is assigned to them here, and a check that never came is noticed.
 * docs/probes.md has the reasons ("How a prober is found", "Lost checks").
 *
 * Every time is in ns, of the kernel's clock, and never falls.  The structs are plain data
 * without pointers; the same calls give the same bytes.
 */
#ifndef SHUNT_ENGINE_PROBER_H
#define SHUNT_ENGINE_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/checks.h"
#include "engine/health.h"
#include "engine/model.h"
#include "shunt/abi.h"
#include "shunt/config.h"

/* Checks that one event can tell of: itself, and those that were lost before it. */
#define PROBERS_EVENT_CHECKS 4
/* "[…]" of IPv6 is not used: the longest address, "#16" and the final 0. */
#define PROBER_NAME_MAX 56
/* Checks of a prober that are remembered one by one. */
#define PROBER_HISTORY 32
/* Checks missing in a row after which a prober has gone, and does not fail. */
#define PROBER_GONE 8
/* Checks and arrivals before a missing check is believed to be one. */
#define PROBER_CONFIRMED 6

/* What the next check's begin follows. */
enum prober_pace {
	PROBER_PACE_UNKNOWN, /* until a check took long */
	PROBER_FROM_BEGIN,
	PROBER_FROM_END,
};

struct prober {
	uint8_t addr[16];
	uint32_t size; /* bytes that it says */
	uint32_t index; /* among those of this address, from 0 on */
	bool used;
	bool configured; /* its address is */
	bool told; /* the last check that was missed was counted as one */
	uint8_t pace; /* enum prober_pace */
	uint8_t last; /* enum shunt_probe_outcome */
	uint32_t seen; /* checks, and arrivals before it was known */
	uint32_t missing; /* checks in a row */
	uint32_t fresh; /* of `recent`, so many count */
	uint32_t recent; /* one bit a check, 1: failed, the newest is bit 0 */
	uint32_t odd; /* intervals in a row that differ from ours, and not from each other */
	uint32_t strays; /* connections between its last two checks that fit no check */
	uint64_t interval; /* from begin to begin, smoothed, longer ones after timeouts left out */
	uint64_t rest; /* from end to begin, likewise */
	uint64_t jitter; /* smoothed */
	double confidence; /* 0 to 1, when it was found; 1: configured */
	uint64_t last_start;
	uint64_t last_end;
	uint64_t due_begin; /* when the next begins, if it follows the last one's begin… */
	uint64_t due_end; /* …and if it follows its end */
	uint64_t odd_interval;
	uint64_t counts[SHUNT_PROBE_MAX]; /* checks by outcome */
	struct model model;
	struct model before; /* the last check that was missed */
};

/* Those of one service. */
struct probers {
	struct prober probers[CHECKS_PROBERS];
	struct model_settings settings;
	uint64_t lost_at; /* when events were last lost; 0: never */
	uint64_t dropped_at; /* when the listener last turned something away; 0: never */
	uint64_t changes; /* grows when one comes or goes: the kernel must be told */
};

/* What happened since the last tick. */
struct probers_tick {
	uint64_t now;
	uint64_t late; /* by how much the tick was late */
	uint64_t lost; /* events lost: what is missing may have been among them */
	uint64_t drops; /* what the listener turned away */
};

/* Nobody is known yet.  `check` is what is configured, all zero if nothing is. */
void probers_start(struct probers *probers, const struct config_health_check *check);

/*
 * Looks for probers in what one source of this service did up to `now`, and returns how
 * many are new.  With prefixes configured only sources within them can be probers, and two
 * connections at the configured interval are enough, or three at the same.
 */
unsigned probers_learn(struct probers *probers, const struct config_health_check *check,
		       const struct shunt_source *source, uint64_t now);

/*
 * Assigns the end of a connection by a known address to the prober whose phase it fits.
 * Returns how many checks it tells of, in ret_checks, oldest first: none if it fits no
 * prober's, as the refused connections of a load balancer's own traffic do.
 */
unsigned probers_event(struct probers *probers, const struct shunt_probe *event,
		       struct check ret_checks[PROBERS_EVENT_CHECKS]);

/*
 * Returns how many checks are certain to be lost, one of a prober at most, and forgets
 * probers that have gone.  To be called at every tick, after its events.
 */
unsigned probers_overdue(struct probers *probers, const struct probers_tick *tick,
			 struct check ret_checks[CHECKS_PROBERS]);

/* The most pessimistic of the models. */
void probers_balancer(const struct probers *probers, uint64_t now,
		      struct health_balancer *ret_balancer);

/* What the kernel is to know of this address; returns false if it is no prober's. */
bool probers_describe(const struct probers *probers, const uint8_t addr[16],
		      struct shunt_prober *ret_prober);

/* "10.0.0.1", "2001:db8::1", "10.0.0.1#2" for the second prober of an address. */
void prober_name(const struct prober *prober, char ret_name[PROBER_NAME_MAX]);

/* Its last checks, the newest last: '.' passed, 'x' failed. */
void prober_history(const struct prober *prober, char ret_history[PROBER_HISTORY + 1]);

/* How far a check may be from where it is expected. */
uint64_t prober_tolerance(const struct prober *prober);

/* The two ways to expect the check after one that ended. */
void prober_expect(struct prober *prober, uint64_t start, uint64_t end);

#endif
