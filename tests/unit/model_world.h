/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the load balancers' models share. */
#ifndef SHUNT_TESTS_UNIT_MODEL_WORLD_H
#define SHUNT_TESTS_UNIT_MODEL_WORLD_H

#include <criterion/criterion.h>
#include <string.h>

#include "config/names.h"
#include "engine/model.h"
#include "unit/random.h"

#define SECOND 1000000000ULL
/* An uptime, amid a second: the clock does not begin at 0. */
#define START (5000 * SECOND + SECOND / 3)

static const enum config_model kinds[] = {
	CONFIG_MODEL_HAPROXY, CONFIG_MODEL_NGINX,   CONFIG_MODEL_KEEPALIVED,
	CONFIG_MODEL_ENVOY,   CONFIG_MODEL_NLB,	    CONFIG_MODEL_ALB,
	CONFIG_MODEL_GCP,     CONFIG_MODEL_KUBELET, CONFIG_MODEL_CONSECUTIVE,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static inline struct model_settings settings_of(enum config_model kind, uint32_t fall,
						uint32_t rise)
{
	const struct config_health_check check = {.model = kind, .fall = fall, .rise = rise};
	struct model_settings settings;

	model_settings_of(&check, &settings);
	return settings;
}

/* Outcomes as letters, in the order of enum shunt_probe_outcome: '.' is a pass. */
static const char outcome_letters[] = ".xrtnho";

static inline enum shunt_probe_outcome outcome_of(char letter)
{
	const char *found = strchr(outcome_letters, letter);

	cr_assert(found && letter, "no outcome '%c'", letter);
	return (enum shunt_probe_outcome)(found - outcome_letters);
}

/* States as letters: U up, d going down, D down, u going up. */
static inline char state_letter(enum lb_state state)
{
	static const char letters[] = "UdDu";

	cr_assert_lt(state, LB_STATE_MAX);
	return letters[state];
}

static inline uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	return random_next(seed) % limit;
}

/* A pass or not with this chance in percent, and then any of the failures. */
static inline enum shunt_probe_outcome random_outcome(uint64_t *seed, unsigned percent)
{
	if (random_below(seed, 100) >= percent)
		return SHUNT_PROBE_PASS;
	return (enum shunt_probe_outcome)(1 + random_below(seed, SHUNT_PROBE_MAX - 1));
}

#endif
