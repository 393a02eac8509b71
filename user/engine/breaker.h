/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The breakers of a host: whether the new connections of each service pass, from what
 * its connections do, how healthy it is, what the guards allow and what operators order.
 * docs/breaker.md has the reasons.
 *
 *   closed ── a trigger, and no guard refuses ──► open ── its time is over ──► half_open
 *     ▲                                            ▲                              │
 *     │                                            └── too many trials failed ────┤
 *     └──────────────── enough trials went well, or a guard wants it closed ──────┘
 *
 * All breakers are stepped together, because guards look across them.  All is a function
 * of what is passed in; the same input gives the same decisions, byte for byte, and the
 * mode (shadow, enforce) changes none of them.  The state holds no pointers: all zero but
 * for `seed` and `count` has seen nothing, and it may be copied and stored as bytes.  Not
 * every place needs to have a service.
 */
#ifndef SHUNT_ENGINE_BREAKER_H
#define SHUNT_ENGINE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/awareness.h"
#include "engine/evidence.h"
#include "engine/guards.h"
#include "engine/health.h"
#include "shunt/config.h"

#define BREAKER_WHO_MAX 64
#define BREAKER_WHY_MAX 128
/* In place of a service's index: all of them. */
#define BREAKER_ALL UINT32_MAX
/* Decisions that one step can make, and a little more. */
#define BREAKER_DECISIONS_MAX(services) (3 * (size_t)(services) + 1)

/* Words of a set of services. */
#define BREAKER_SET_WORDS (SHUNT_SLOTS_MAX / 64)

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_MAX };

enum breaker_reason {
	BREAKER_NO_REASON,
	BREAKER_FAILURE_RATE, /* the triggers, in the order in which they are asked */
	BREAKER_CONSECUTIVE,
	BREAKER_SLOW,
	BREAKER_FLAPPING,
	BREAKER_TIMER, /* open → half_open */
	BREAKER_TRIALS_FAILED, /* half_open → open */
	BREAKER_TRIALS_SLOW, /* likewise */
	BREAKER_TRIALS_PASSED, /* half_open → closed */
	BREAKER_TRIALS_FEW, /* likewise: too few came, for open_for_max */
	BREAKER_GUARD, /* → closed: what its guards asked for holds no longer */
	BREAKER_OPERATOR,
	BREAKER_EXPIRED, /* an operator's order has */
	BREAKER_MODE, /* → closed: its mode is off */
	BREAKER_REASON_MAX,
};

enum breaker_what {
	BREAKER_MOVED, /* from one state to another */
	BREAKER_REFUSED, /* a trip, by a guard */
	BREAKER_ORDERED, /* an operator's order that moved nothing */
	BREAKER_LAPSED, /* its end, likewise */
};

enum breaker_order { BREAKER_NO_ORDER, BREAKER_TRIP, BREAKER_RESET, BREAKER_SET_MODE };

enum breaker_verdict_kind {
	BREAKER_PASS,
	BREAKER_DROP,
	BREAKER_REJECT,
	BREAKER_REDIRECT,
	BREAKER_DRAIN, /* refuses probers alone */
};

/* Every threshold without a key; breaker_limits_default() fills it. */
struct breaker_limits {
	struct awareness_limits awareness;
	uint32_t failures; /* the floor of failure_rate, slow and on_flapping: fewer are nothing */
	uint32_t ticks; /* failures, also those in a row, come in at least so many: a lump is
			   nothing */
	uint32_t velocity; /* trips a minute; at most GUARDS_TRIPS */
	double share; /* on_flapping: this share of connections fails, at least */
	double panic; /* see struct guards_limits */
	uint64_t repeat; /* ns: a refusal that lasts is told again after this */
	uint64_t trip_for; /* ns: an order without an end lasts so long… */
	uint64_t mode_for;
	uint64_t order_longest; /* …and none lasts longer than this */
};

/* A service as configured or found; nothing of this is kept. */
struct breaker_service {
	const char *name;
	const struct config_endpoints *endpoints;
	const struct config_breaker *breaker; /* NULL: there is no service in this place */
	enum shunt_role role;
};

/* May change from step to step, as on a reload; `services` keeps its order. */
struct breaker_rules {
	struct breaker_limits limits;
	const struct config_guards *guards;
	const struct breaker_service *services; /* as many as there are breakers */
};

/* What happened to one service since the last tick, its health checks not in it. */
struct breaker_input {
	struct health_traffic traffic;
	uint64_t samples; /* of the signal of `slow` */
	uint64_t slow; /* …longer than slow.over: histogram_above() */
	/*
	 * Trials of a half-open breaker that have ended, well or badly, and those that were
	 * slow, which may be either.  In shadow, where nobody is turned away, each connection
	 * is one.  Of `drain`, the checks.
	 */
	uint64_t trials_passed;
	uint64_t trials_failed;
	uint64_t trials_slow;
	enum health_state health;
	uint32_t withdrawals; /* see struct health_verdict */
	double flap_score;
};

struct breaker_tick {
	uint64_t now; /* ns, CLOCK_MONOTONIC, above 0, never falls */
	uint64_t late; /* ns: by how much the tick was late */
	uint64_t lost; /* events lost since the last tick */
	const struct breaker_input *inputs; /* one for each service */
	/*
	 * A set, of 64 in a word: services to which anything happened.  Of all others the input
	 * says no more than how healthy they are.  NULL: all of them.
	 */
	const uint64_t *stirred;
};

/* What an operator wants. */
struct breaker_command {
	uint64_t now; /* ns */
	/*
	 * ns: how long it stands.  0 is the default of `limits` for a trip and a mode; a reset
	 * with 0 leaves the service to the rules again at once.
	 */
	uint64_t lasts;
	enum breaker_order order;
	uint32_t service; /* BREAKER_ALL: set the mode of all, which only ever calms */
	enum config_mode mode; /* to set */
	bool own_action; /* trip with `action`, else with the configured one */
	enum config_action action;
	char who[BREAKER_WHO_MAX]; /* ended by 0, as is `why` */
	char why[BREAKER_WHY_MAX];
};

/* An order that stands. */
struct breaker_standing {
	uint64_t until; /* ns */
	uint32_t order; /* enum breaker_order */
	uint32_t mode; /* enum config_mode, of BREAKER_SET_MODE */
	uint32_t action; /* enum config_action, of BREAKER_TRIP */
	uint32_t reserved;
	char who[BREAKER_WHO_MAX];
	char why[BREAKER_WHY_MAX];
};

/*
 * What of a breaker outlasts the engine that it is in: not what it has seen, but what it did
 * and was told.  All zero is closed, and nothing stands.
 */
struct breaker_past {
	struct breaker_standing order;
	struct breaker_standing mode;
	uint64_t since; /* ns, as `until` and those of the orders */
	uint64_t until;
	uint64_t held[GUARD_MAX];
	uint64_t transitions[BREAKER_STATE_MAX];
	uint32_t openings;
	uint32_t backoff;
	uint32_t state; /* enum breaker_state */
	uint32_t reason; /* enum breaker_reason */
	uint32_t by_hand;
	uint32_t action; /* as in struct breaker */
};

/* One service's; all zero is closed and has seen nothing. */
struct breaker {
	struct evidence evidence;
	struct breaker_standing order; /* a trip or a reset */
	struct breaker_standing mode;
	uint64_t since; /* ns: in this state; 0: from the start */
	uint64_t until; /* ns: open, until then */
	uint64_t lease; /* ns: what the data plane was told holds until then */
	uint64_t slow_since; /* ns; 0: it is not */
	uint64_t told[GUARD_MAX]; /* ns: when that guard's refusal was last told */
	uint64_t held[GUARD_MAX]; /* trips that it refused, as told */
	uint64_t transitions[BREAKER_STATE_MAX]; /* to that state */
	uint64_t trials_passed, trials_failed, trials_slow; /* since half-open */
	uint32_t openings; /* ever: the jitter's place in its sequence */
	uint32_t backoff; /* half-opens in a row that failed */
	uint32_t state; /* enum breaker_state */
	uint32_t reason; /* enum breaker_reason: why it is in this state */
	uint32_t by_hand; /* 1: it is not closed because an operator tripped it */
	uint32_t
		action; /* 1 + enum config_action: by which an operator cut it; 0: the configured */
};

struct breakers {
	uint64_t seed; /* of the jitter; kept in the journal, so that a replay is the same */
	uint64_t decisions; /* so far */
	struct awareness awareness;
	struct guards_trips trips;
	struct breaker_standing mode; /* of all services */
	/*
	 * A set: those that time alone may move.  All others are closed and know of nothing that
	 * went badly, so that a step of theirs would decide nothing, and none is taken; what has
	 * left their window goes when they are stepped again.
	 */
	uint64_t awake[BREAKER_SET_WORDS];
	uint32_t count; /* at most SHUNT_SLOTS_MAX */
	uint32_t reserved;
	struct breaker items[]; /* `count` */
};

/* What the data plane is to do about a service's new connections. */
struct breaker_verdict {
	uint64_t lease; /* ns: until then and no longer; 0 where it passes */
	double share; /* of new connections that pass nevertheless, as trials; 0 to 1 */
	enum breaker_verdict_kind kind;
	bool enforced; /* else it is counted, and touches nothing */
	bool probes_pass; /* whatever the kind, as long as they are known as such */
	enum breaker_state state;
	enum config_mode mode; /* in force, orders considered; it explains `enforced` */
};

/* The numbers that a decision is made of.  Those that do not apply are 0. */
struct breaker_numbers {
	uint64_t window; /* ns */
	uint64_t connections, failures, failed_ticks, run;
	uint64_t samples, slow, slow_over, slow_lasts; /* the last two in ns */
	uint64_t trials, trials_failed, trials_slow;
	double share; /* what it came to… */
	double limit; /* …and what is too much */
	double flap_score;
	uint64_t withdrawals;
};

/* What was decided and why.  No bytes of it are left undefined. */
struct breaker_decision {
	uint64_t number; /* from 1 on */
	uint64_t now; /* ns */
	uint64_t until; /* ns: when the state or order ends by itself; 0: it does not */
	uint32_t service; /* index, or BREAKER_ALL */
	uint32_t what; /* enum breaker_what */
	uint32_t from, to; /* enum breaker_state */
	uint32_t reason; /* enum breaker_reason */
	uint32_t order; /* enum breaker_order: an operator's */
	uint32_t mode; /* enum config_mode, of BREAKER_SET_MODE */
	uint32_t backoff; /* half-opens in a row that failed */
	struct breaker_numbers numbers;
	struct guards_answer guards; /* none asked: 0 */
	struct guards_case about; /* what they were asked about */
	struct guards_limits guards_limits;
	char who[BREAKER_WHO_MAX];
	char why[BREAKER_WHY_MAX];
};

struct breaker_decisions {
	struct breaker_decision *items; /* the caller's */
	size_t capacity; /* BREAKER_DECISIONS_MAX() is always enough */
	size_t count;
	size_t untold; /* decided, but found no room */
};

/* Fills in what docs/breaker.md says of each. */
void breaker_limits_default(struct breaker_limits *ret_limits);

/* Bytes for `services` breakers, to be zeroed. */
size_t breakers_size(uint32_t services);

/* Takes a tick (100 ms); adds to `decisions`. */
void breaker_step(struct breakers *breakers, const struct breaker_rules *rules,
		  const struct breaker_tick *tick, struct breaker_decisions *decisions);

/*
 * Takes an order, and adds its one decision.  Returns 0; -ENOENT for no such service;
 * -EINVAL for an order or an action that it cannot have; -EPERM, with a decision that
 * says why, where the service is protected or all are off.
 */
int breaker_command(struct breakers *breakers, const struct breaker_rules *rules,
		    const struct breaker_command *command, struct breaker_decisions *decisions);

/* As things stand after the last step or command. */
struct breaker_verdict breaker_verdict(const struct breakers *breakers,
				       const struct breaker_rules *rules, uint32_t service);

/* "closed", "open", "half_open" */
const char *breaker_state_name(enum breaker_state state);

/* "failure_rate", "timer", "operator", … */
const char *breaker_reason_name(enum breaker_reason reason);

/*
 * Writes the configuration's path of what decided: "services.checkout.breaker.slow".
 * Empty where it was no rule.
 */
void breaker_path(const struct breaker_decision *decision, const char *name, char *ret_path,
		  size_t size);

/*
 * Says a decision in plain words, without a full stop.  `name` is the service's.  Cuts
 * what does not fit into `size` bytes, the last of which is 0.
 */
void breaker_explain(const struct breaker_decision *decision, const char *name, char *ret_text,
		     size_t size);

/* A decision as fields, for JSON and the journal. */
enum breaker_field_type { BREAKER_TEXT, BREAKER_COUNT, BREAKER_SECONDS, BREAKER_SHARE };

struct breaker_field {
	const char *name;
	enum breaker_field_type type;
	const char *text; /* of the decision itself, of `path`, or of the program */
	double value; /* exact below 2^53 */
};

#define BREAKER_FIELDS_MAX 48
#define BREAKER_PATH_MAX   128
#define BREAKER_GUARDS_MAX 128

struct breaker_fields {
	struct breaker_field items[BREAKER_FIELDS_MAX];
	size_t count;
	char path[BREAKER_PATH_MAX];
	char asked[BREAKER_GUARDS_MAX]; /* names, with spaces between */
	char refused[BREAKER_GUARDS_MAX];
};

/* Lists those that apply, always in the same order. */
void breaker_fields(const struct breaker_decision *decision, const char *name,
		    struct breaker_fields *ret_fields);

#endif
