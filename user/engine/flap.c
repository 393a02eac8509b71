/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/flap.h"

#include <math.h>
#include <string.h>

#define OLDEST_WEIGHT 0.75
#define NEWEST_WEIGHT 1.25

void flap_add(struct flap *flap, const struct flap_limits *limits, bool up)
{
	bool changed = flap->known && flap->up != up;
	double score;

	flap->transitions = (flap->transitions << 1 | changed) & ((1U << FLAP_TRANSITIONS) - 1);
	flap->known = true;
	flap->up = up;

	score = flap_score(flap);
	if (score >= limits->start)
		flap->flapping = true;
	else if (score <= limits->stop)
		flap->flapping = false;
}

double flap_score(const struct flap *flap)
{
	const double step = (NEWEST_WEIGHT - OLDEST_WEIGHT) / (FLAP_TRANSITIONS - 1);
	double sum = 0;

	for (unsigned age = 0; age < FLAP_TRANSITIONS; age++) {
		if (flap->transitions >> age & 1)
			sum += NEWEST_WEIGHT - step * age;
	}
	return sum / FLAP_TRANSITIONS;
}

/* What the penalty may come to, so that it is below `reuse` again after `longest`. */
static double ceiling(const struct damping_limits *limits)
{
	return limits->reuse * exp2((double)limits->longest / (double)limits->half_life);
}

void damping_decay(struct damping *damping, const struct damping_limits *limits, uint64_t now)
{
	if (!damping->withdrawals)
		return;
	damping->penalty *= exp2(-(double)(now - damping->at) / (double)limits->half_life);
	damping->at = now;
	if (damping->penalty < limits->reuse)
		damping->suppressed = false;
	/* Too little is left to matter (RFC 2439, 4.2: half of the reuse threshold). */
	if (damping->penalty < limits->reuse / 2)
		memset(damping, 0, sizeof(*damping));
}

void damping_withdraw(struct damping *damping, const struct damping_limits *limits, uint64_t now)
{
	damping_decay(damping, limits, now);
	if (!damping->withdrawals)
		damping->first = now;
	damping->at = now;
	damping->withdrawals++;
	damping->penalty = fmin(damping->penalty + limits->withdrawal, ceiling(limits));
	if (damping->penalty > limits->suppress)
		damping->suppressed = true;
}
