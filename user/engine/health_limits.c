/* SPDX-License-Identifier: GPL-2.0 */
/* The defaults; docs/health.md says why. */
#include <string.h>

#include "engine/health.h"

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* The damping's half-life in check intervals: RFC 2439's 15 min in BGP's 30 s. */
#define HALF_LIFE_INTERVALS 30

static void default_flapping(struct health_limits *limits, uint64_t interval)
{
	uint64_t half_life = HALF_LIFE_INTERVALS * interval;

	if (half_life < 60 * NSEC_PER_SEC)
		half_life = 60 * NSEC_PER_SEC;
	limits->flap = (struct flap_limits){.start = 0.30, .stop = 0.20};
	limits->damping = (struct damping_limits){
		.withdrawal = 1000,
		.suppress = 2000,
		.reuse = 750,
		.half_life = half_life,
		.longest = 4 * half_life,
	};
	limits->sample = interval;
	limits->settled = 15 * NSEC_PER_SEC;
	if (limits->settled < 3 * interval)
		limits->settled = 3 * interval;
}

static void default_evidence(struct health_limits *limits)
{
	limits->traffic = (struct sequential_limits){
		.good_share = 0.01,
		.bad_share = 0.20,
		.alpha = 1e-4,
		.beta = 1e-2,
		.recovery_share = 0.07,
		.steady = NSEC_PER_SEC,
		.clean = 10 * NSEC_PER_SEC,
		.half_life = 60 * NSEC_PER_SEC,
		.expires = 60 * NSEC_PER_SEC,
		.recent = 10 * NSEC_PER_SEC,
	};
	sequential_prepare(&limits->traffic);
	limits->silence = (struct silence_limits){
		.shortest = 500 * NSEC_PER_MSEC,
		.gaps = 5,
		.taken = 5 * NSEC_PER_SEC,
		.slowest = 3,
		.expected = 10,
		.familiar = 30,
		.demand = 3,
		.vain = 5,
		.vain_taken = 20,
		.look = 200 * NSEC_PER_MSEC,
		.forget = 10 * NSEC_PER_SEC,
	};
	limits->checks = (struct checks_limits){
		.failing = 2,
		.passing = 2,
		.suspicious = 2,
		.majority = 3,
		.witnesses = 10,
		.hearing = 3,
		.heard_for = 10 * NSEC_PER_SEC,
		.witness_failures = 0.05,
		.testimony = 600 * NSEC_PER_SEC,
		.voice = 60 * NSEC_PER_SEC,
		.stale = 4,
		.stale_least = 10 * NSEC_PER_SEC,
		.stale_unknown = 60 * NSEC_PER_SEC,
	};
}

void health_limits_default(struct health_limits *ret_limits, uint64_t check_interval)
{
	memset(ret_limits, 0, sizeof(*ret_limits));
	default_flapping(ret_limits, check_interval ? check_interval : 2 * NSEC_PER_SEC);
	default_evidence(ret_limits);
	ret_limits->awareness = (struct awareness_limits){
		.late = 200 * NSEC_PER_MSEC,
		.highest = 7,
		.calm = NSEC_PER_SEC,
	};
	ret_limits->failing = 300 * NSEC_PER_MSEC;
	ret_limits->backlog = NSEC_PER_SEC;
	ret_limits->voiceless = 10 * NSEC_PER_SEC;
	ret_limits->hold = 2 * NSEC_PER_SEC;
	ret_limits->outlook = 0.10;
	ret_limits->outlook_over = 0.05;
}
