/* SPDX-License-Identifier: GPL-2.0 */
/* What tells the load balancers' models apart. */
#ifndef SHUNT_ENGINE_MODEL_RULES_H
#define SHUNT_ENGINE_MODEL_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/config.h"

/* When the next check begins. */
enum model_pace {
	MODEL_FROM_END, /* an interval after the end of the last one */
	MODEL_FROM_BEGIN, /* an interval after its begin, or when it ends */
	MODEL_PASSIVE, /* the clients decide */
};

/* What the load balancer begins with. */
enum model_first {
	MODEL_FIRST_UP,
	MODEL_FIRST_UP_ON_TRIAL, /* …which one failure ends */
	MODEL_FIRST_DOWN,
	MODEL_FIRST_DOWN_ON_TRIAL, /* …which one pass ends */
};

/* What an answer with an unexpected HTTP status is. */
enum model_http_error {
	MODEL_HTTP_FAILS,
	MODEL_HTTP_EJECTS, /* as bad as `fall` failures */
	MODEL_HTTP_PASSES,
};

struct model_rules {
	uint64_t interval; /* defaults; see struct model_settings */
	uint64_t timeout;
	uint64_t retry_interval;
	uint32_t fall;
	uint32_t rise;
	bool rise_fixed; /* nobody can configure it */
	enum model_pace pace;
	enum model_first first;
	enum model_http_error http_error;
};

extern const struct model_rules model_rules[];

#endif
