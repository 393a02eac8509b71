/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a service is, in one word, from everything that is seen of it: its connections,
 * its silence, its health checks, what its load balancer is about to do, and how far
 * the observer may trust itself.  docs/health.md has the reasons for all of this.
 *
 *   state          evidence                                               hides
 *   flapping       it went down and came back again and again             all below
 *   wedged         it is asked and does not answer, see silence.h         all below
 *   failing        its connections fail, or its checks do and nothing     all below
 *                  contradicts them
 *   checker_fault  its checks fail while it works                         all below
 *   at_risk        first signs: a few connections, one check, the odds    healthy
 *   healthy        none of these
 *
 * The exception: one that has been down for `settled` does not flap any more, and is
 * `failing` or `wedged`, though the flapping is still remembered.
 *
 * A graver state is taken up at once.  A lesser one only when the evidence for the
 * graver has been gone for `hold`, and each kind of evidence has its own hysteresis.
 *
 * All is a function of what is passed in.  A struct health of all zero bytes has seen
 * nothing; it holds no pointers, and may be copied, compared and stored as bytes.
 */
#ifndef SHUNT_ENGINE_HEALTH_H
#define SHUNT_ENGINE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/awareness.h"
#include "engine/checks.h"
#include "engine/flap.h"
#include "engine/sequential.h"
#include "engine/silence.h"
#include "shunt/abi.h"

/* As in the metric shunt_health; the order is that of precedence. */
enum health_state {
	HEALTH_HEALTHY,
	HEALTH_AT_RISK,
	HEALTH_CHECKER_FAULT,
	HEALTH_FAILING,
	HEALTH_WEDGED,
	HEALTH_FLAPPING,
	HEALTH_MAX,
};

/* What a state is for. */
enum health_reason {
	HEALTH_REASON_NONE, /* healthy */
	HEALTH_REASON_OVER, /* the evidence has gone, and is being waited out */
	HEALTH_REASON_CONNECTIONS, /* at_risk, failing: connections fail */
	HEALTH_REASON_CHECKS, /* at_risk, failing: checks fail */
	HEALTH_REASON_HTTP_ERROR, /* failing: checks are answered with an error status */
	HEALTH_REASON_BALANCER, /* at_risk: the load balancer has it out, or has begun to */
	HEALTH_REASON_OUTLOOK, /* at_risk: the chance that it will is high */
	HEALTH_REASON_UNTOUCHED, /* wedged: nobody takes connections or requests */
	HEALTH_REASON_UNANSWERED, /* wedged: nobody answers */
	HEALTH_REASON_TRAFFIC_SERVED, /* checker_fault: real connections are served meanwhile */
	HEALTH_REASON_CHECKER_ALONE, /* checker_fault: most other checkers find nothing */
	HEALTH_REASON_DAMPED, /* flapping: it went down too often */
	HEALTH_REASON_TRANSITIONS, /* flapping: too many of the last checks differ */
	HEALTH_REASON_MAX,
};

/* Every threshold.  health_limits_default() fills it, and docs/health.md justifies it. */
struct health_limits {
	struct flap_limits flap;
	struct damping_limits damping;
	struct sequential_limits traffic;
	struct silence_limits silence;
	struct checks_limits checks;
	struct awareness_limits awareness;
	uint64_t sample; /* ns: while traffic tells, its state is a check for `flap` so often */
	uint64_t failing; /* ns: connections fail for so long before it is `failing` */
	uint64_t backlog; /* ns: the closes of a silence that has ended are not held against it */
	uint64_t voiceless; /* ns: without connections for so long, passed checks vouch for it */
	uint64_t settled; /* ns: down for so long, it is not flapping */
	uint64_t hold; /* ns: a state outlives its evidence by this */
	double outlook; /* chance to be taken out from which it is at risk… */
	double outlook_over; /* …until it has fallen to this */
};

/* Real traffic since the last tick, health checks not in it. */
struct health_traffic {
	uint64_t handshakes[SHUNT_HANDSHAKE_MAX];
	uint64_t closes[SHUNT_CLOSE_MAX];
	uint64_t responses;
	uint64_t response_time; /* ns: the sum of the durations of those */
};

/* Requests that wait for an answer, those that have only just come left out. */
struct health_waiting {
	bool known; /* it was looked, in this tick */
	bool unread_known; /* …also at what the application has not read */
	uint32_t count;
	uint32_t unread;
	uint64_t oldest; /* ns: the age of the oldest */
};

/* The accept queue; what it turned away is in handshakes[SHUNT_HANDSHAKE_OVERFLOW]. */
struct health_queue {
	bool known; /* it was read, in this tick */
	uint32_t length;
	uint32_t limit;
};

/* The most pessimistic of the models of the service's load balancers. */
struct health_balancer {
	bool known; /* there is a model */
	enum lb_state state;
	unsigned checks_until_down; /* model_checks_until_down() */
	double outlook; /* model_outlook() */
};

/* What happened since the last tick. */
struct health_input {
	uint64_t now; /* ns, CLOCK_MONOTONIC, never falls */
	uint64_t late; /* ns: by how much the tick was late */
	uint64_t lost; /* events lost since the last tick */
	enum shunt_role role;
	struct health_traffic traffic;
	struct health_waiting waiting;
	struct health_queue queue;
	struct health_balancer balancer;
	const struct check *checks; /* oldest first; not kept */
	unsigned checks_count;
};

/* All zero has seen nothing. */
struct health {
	struct awareness awareness;
	struct sequential traffic;
	struct silence silence;
	struct checks checks;
	struct flap flap;
	struct damping damping;
	uint64_t sampled_at; /* ns: the last check that `flap` took */
	uint64_t down_since; /* ns; 0: it is up */
	uint64_t evident_at; /* ns: the last evidence for `beneath` */
	uint64_t since; /* ns */
	uint32_t state; /* enum health_state */
	uint32_t beneath; /* enum health_state */
	bool traffic_failing; /* its connections fail, for certain and for a while */
	bool outlook_bad;
};

/* The state, and the numbers that explain it.  Those that do not apply are 0. */
struct health_verdict {
	uint64_t since; /* ns: when it came into this state */
	uint64_t now; /* ns */
	enum health_state state;
	enum health_state beneath; /* what it would be if it were not flapping */
	enum health_reason reason;
	bool unseen; /* failing or wedged, and the load balancer's checks pass */
	bool look; /* wanted: accept queue and waiting requests, in the next tick */
	/* Connections. */
	uint64_t connections; /* attempts and failing closes that led to this */
	uint64_t failures;
	uint64_t span; /* ns: since when */
	/* Silence. */
	uint64_t silence; /* ns */
	uint64_t usual; /* ns */
	uint64_t arrivals;
	uint32_t waiting;
	uint32_t queue;
	/* Checks: of the prober that finds it worst. */
	uint32_t prober;
	uint32_t checks_in_a_row; /* failed ones */
	uint32_t checks_recent; /* failed ones among the last CHECKS_RECENT */
	enum shunt_probe_outcome outcome; /* of the last failed one */
	uint32_t http_status; /* likewise; 0: none */
	uint64_t witnesses; /* connections or requests that were served meanwhile */
	struct health_balancer balancer;
	/* Flapping. */
	double flap_score; /* 0 to 1 */
	double penalty;
	uint32_t withdrawals; /* times that it went down, of those that still count */
	uint64_t withdrawals_span; /* ns: since the first of them */
	/* The observer. */
	uint32_t stretch; /* what limits in time were multiplied by, from 1 on */
	uint64_t late; /* ns: the latest tick lately, if that is why */
	uint64_t lost; /* events lost lately, likewise */
};

/*
 * The defaults for a service that is checked at this interval, in ns; 0 is not known,
 * and taken as 2 s.
 */
void health_limits_default(struct health_limits *ret_limits, uint64_t check_interval);

/* Takes a tick (100 ms) and says how the service is. */
void health_step(struct health *health, const struct health_limits *limits,
		 const struct health_input *input, struct health_verdict *ret_verdict);

/* "healthy", "at_risk", … */
const char *health_state_name(enum health_state state);

/*
 * Says in plain words why, without a full stop: "3 of 4 connections failed in the last
 * 0.2 s; haproxy takes it out in 2 more checks".  `balancer` is its name, NULL for "the
 * load balancer".  Cuts what does not fit into `size` bytes, the last of which is 0.
 */
void health_explain(const struct health_verdict *verdict, const char *balancer, char *ret_text,
		    size_t size);

#endif
