/* SPDX-License-Identifier: GPL-2.0 */
/* Whether shunt called a checker's fault one in time: see struct sim_target_result. */
#include "sim/world.h"

/* Checks that pass before anything is an onset, and those in which it has to be said. */
#define CALM	     4
#define ONSET_CHECKS 3

static void score_begin(struct checker *checker)
{
	checker->since_onset = 0;
	checker->failed = 0;
	checker->is_onset = false;
	checker->is_said = false;
}

static void score_end(struct checker *checker)
{
	struct sim_target_result *result = checker->target->result;

	if (checker->is_onset) {
		result->onsets++;
		result->said += checker->is_said;
		result->late += !checker->is_said;
	}
	score_begin(checker);
}

/* Of one onset, the first checks; what is said between the third and the fourth is in time. */
void score_check(struct checker *checker, bool passed)
{
	const struct server *server = checker->target->server;

	if (checker->since_onset >= ONSET_CHECKS)
		score_end(checker);
	if (!checker->since_onset && !passed && checker->passed >= CALM && !server->ill)
		checker->since_onset = 1;
	else if (checker->since_onset)
		checker->since_onset++;
	if (checker->since_onset && !passed)
		checker->failed++;
	if (checker->failed >= 2)
		checker->is_onset = true;
	if (checker->since_onset && server->state == HEALTH_CHECKER_FAULT)
		checker->is_said = true;
	checker->passed = passed ? checker->passed + 1 : 0;
}

void score_judge(struct sim *sim, const struct server *server)
{
	for (uint32_t i = 0; i < sim->scenario->balancers_count; i++) {
		for (uint32_t k = 0; k < sim->lbs[i].plan->targets_count; k++) {
			struct target *target = &sim->lbs[i].targets[k];

			for (uint32_t n = 0; target->server == server && n < SCENARIO_CHECKERS; n++)
				target->checkers[n].is_said |= target->checkers[n].since_onset &&
							       server->state ==
								       HEALTH_CHECKER_FAULT;
		}
	}
}
