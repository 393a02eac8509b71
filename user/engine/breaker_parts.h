/* SPDX-License-Identifier: GPL-2.0 */
/* What the breaker's files share: breaker.c, breaker_step.c and the others. */
#ifndef SHUNT_ENGINE_BREAKER_PARTS_H
#define SHUNT_ENGINE_BREAKER_PARTS_H

#include "engine/breaker.h"

/* How things stand among all breakers; kept true as they move. */
struct breaker_census {
	uint32_t services;
	uint32_t open; /* not closed */
	uint32_t open_by_rule; /* …by no operator's hand */
	uint32_t kind[SHUNT_ROLE_MAX]; /* services in that role */
	uint32_t usable[SHUNT_ROLE_MAX]; /* neither cut nor down */
};

/* One step or command. */
struct breaker_round {
	struct breakers *breakers;
	const struct breaker_rules *rules;
	struct breaker_decisions *decisions;
	const struct breaker_input *inputs; /* NULL, in a command: nobody is known to be down */
	struct breaker_census census;
	struct guards_limits guards_limits;
	uint64_t now; /* ns */
	uint64_t due[BREAKER_SET_WORDS]; /* a set: those that are stepped */
};

/* Whether there is a service in place `i`. */
static inline bool breaker_exists(const struct breaker_rules *rules, uint32_t i)
{
	return rules->services[i].breaker;
}

/* Notes whether time alone may move service `i`. */
void breaker_settle(struct breakers *breakers, uint32_t i);

/* Fills the round, but for its census. */
void breaker_begin(struct breaker_round *round, struct breakers *breakers,
		   const struct breaker_rules *rules, struct breaker_decisions *decisions,
		   uint64_t now);

/* Takes the census. */
void breaker_count(struct breaker_round *round);

/* A decision about service `i` as it is, not yet told. */
struct breaker_decision breaker_draft(const struct breaker_round *round, uint32_t i,
				      enum breaker_what what, enum breaker_reason reason);

/* Numbers a decision and adds it to the round's, or counts it as untold where there is no room. */
void breaker_tell(struct breaker_round *round, struct breaker_decision *draft);

/* Moves service `i`, and tells the draft as that move. */
void breaker_move(struct breaker_round *round, uint32_t i, enum breaker_state to,
		  struct breaker_decision *draft);

/* What the guards are to be asked about service `i`, with `open` of them open. */
struct guards_case breaker_case(const struct breaker_round *round, uint32_t i, uint32_t open);

/* Which trigger would trip service `i` now; BREAKER_NO_REASON for none. */
enum breaker_reason breaker_trigger(struct breaker *breaker, const struct config_breaker *config,
				    const struct breaker_limits *limits,
				    const struct breaker_input *input, uint64_t now,
				    struct breaker_numbers *ret_numbers);

/* Adds a tick to what is known of a service. */
void breaker_gather(struct breaker *breaker, const struct breaker_service *service,
		    const struct breaker_input *input, uint64_t now);

/* What its trials amount to; BREAKER_NO_REASON: too early to say. */
enum breaker_reason breaker_judge(const struct breaker *breaker,
				  const struct config_breaker *config, uint64_t now,
				  struct breaker_numbers *ret_numbers);

/* For how long it opens now, in ns: open_for, doubled, with jitter, within open_for_max. */
uint64_t breaker_open_for(const struct breaker *breaker, const struct config_breaker *config,
			  const char *name, uint64_t seed);

/* The mode in force: the configured one, what was ordered, and no more than for all. */
enum config_mode breaker_mode(const struct breakers *breakers, const struct breaker_rules *rules,
			      uint32_t i);

#endif
