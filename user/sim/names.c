/* SPDX-License-Identifier: GPL-2.0 */
/* The words of scenarios. */
#include <stddef.h>

#include "sim/scenario.h"

const char *const scenario_what_names[] = {
	[FAULT_STOP] = "stop",
	[FAULT_CRASH] = "crash",
	[FAULT_FLAP] = "flap",
	[FAULT_DEAF] = "deaf",
	[FAULT_SLOW] = "slow",
	[FAULT_STRAIN] = "strain",
	[FAULT_WORKERS] = "workers",
	[FAULT_LEAK] = "leak",
	[FAULT_REFUSE] = "refuse",
	[FAULT_RESET] = "reset",
	[FAULT_LOSS] = "loss",
	[FAULT_NAMES] = "names",
	[FAULT_LOAD] = "load",
	[FAULT_LEAVE] = "leave",
	[FAULT_ERRORS] = "errors",
	[FAULT_PROBE_LOSS] = "probe_loss",
	[FAULT_ALTERNATE] = "alternate",
	[FAULT_STARVE] = "starve",
	[FAULT_LATE] = "late",
	[FAULT_LOST] = "lost",
	[FAULT_MAX] = NULL,
};

const char *const scenario_state_names[] = {
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_AT_RISK] = "at_risk",
	[HEALTH_CHECKER_FAULT] = "checker_fault",
	[HEALTH_FAILING] = "failing",
	[HEALTH_WEDGED] = "wedged",
	[HEALTH_FLAPPING] = "flapping",
	[HEALTH_MAX] = NULL,
};

const char *const scenario_reason_names[] = {
	[HEALTH_REASON_NONE] = "none",
	[HEALTH_REASON_OVER] = "over",
	[HEALTH_REASON_CONNECTIONS] = "connections",
	[HEALTH_REASON_CHECKS] = "checks",
	[HEALTH_REASON_HTTP_ERROR] = "http_error",
	[HEALTH_REASON_BALANCER] = "balancer",
	[HEALTH_REASON_OUTLOOK] = "outlook",
	[HEALTH_REASON_UNTOUCHED] = "untouched",
	[HEALTH_REASON_UNANSWERED] = "unanswered",
	[HEALTH_REASON_TRAFFIC_SERVED] = "traffic_served",
	[HEALTH_REASON_CHECKER_ALONE] = "checker_alone",
	[HEALTH_REASON_DAMPED] = "damped",
	[HEALTH_REASON_TRANSITIONS] = "transitions",
	[HEALTH_REASON_MAX] = NULL,
};

/* The first of enum breaker_reason: those that are triggers. */
const char *const scenario_trigger_names[] = {
	[BREAKER_NO_REASON] = "none",
	[BREAKER_FAILURE_RATE] = "failure_rate",
	[BREAKER_CONSECUTIVE] = "consecutive_failures",
	[BREAKER_SLOW] = "slow",
	[BREAKER_FLAPPING] = "on_flapping",
	[BREAKER_FLAPPING + 1] = NULL,
};
