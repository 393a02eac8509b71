/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/outcome.h"

#include <errno.h>
#include <stdlib.h>

#include "config/names.h"
#include "daemon/enforcer.h"
#include "daemon/notify.h"
#include "daemon/recent.h"

#define REASON_SIZE 512

int outcomes_init(struct outcomes *outcomes, const struct engine *engine,
		  const struct enforcer *enforcer, uint32_t slots)
{
	*outcomes = (struct outcomes){
		.engine = engine,
		.enforcer = enforcer,
		.tales = calloc(slots, sizeof(*outcomes->tales)),
		.slots = slots,
	};
	return outcomes->tales ? 0 : -ENOMEM;
}

void outcomes_done(struct outcomes *outcomes)
{
	for (uint32_t slot = 0; outcomes->tales && slot < outcomes->slots; slot++)
		free(outcomes->tales[slot]);
	free(outcomes->tales);
	*outcomes = (struct outcomes){0};
}

/* ---- health ---- */

const char *outcome_balancer(const struct engine *engine, uint32_t slot)
{
	enum config_model model = engine_balancer(engine, slot);

	return model == CONFIG_MODEL_NONE ? NULL : config_model_names[model];
}

static void tell_change(const struct engine *engine, struct alerts *alerts, struct recent *recent,
			const struct engine_change *change)
{
	char reason[REASON_SIZE];
	const struct health_change told = {
		.service = engine_name(engine, change->slot),
		.role = engine_role(engine, change->slot),
		.was = change->was,
		.is = change->is,
		.reason = reason,
	};

	health_explain(engine_health(engine, change->slot), outcome_balancer(engine, change->slot),
		       reason, sizeof(reason));
	notify_change(alerts, &told);
	recent_health(recent, &told);
}

/* ---- breakers ---- */

/* Without memory it is told, and not counted. */
static void keep(struct outcomes *outcomes, enum config_mode mode,
		 const struct breaker_decision *decision)
{
	struct outcome_tale **tale = &outcomes->tales[decision->service];

	if (!*tale)
		*tale = calloc(1, sizeof(**tale));
	if (!*tale)
		return;
	(*tale)->last = *decision;
	if (decision->what == BREAKER_MOVED)
		(*tale)->moves[decision->to][decision->reason][mode]++;
}

/* Of a service that is cut: why nothing comes of it. */
static const char *unable_of(const struct outcomes *outcomes,
			     const struct breaker_decision *decision)
{
	struct breaker_verdict verdict;

	if (decision->service == BREAKER_ALL || decision->to != BREAKER_OPEN)
		return NULL;
	verdict = engine_verdict(outcomes->engine, decision->service);
	return enforcer_unable(outcomes->enforcer, engine_role(outcomes->engine, decision->service),
			       &verdict);
}

const char *outcomes_unable(const struct outcomes *outcomes)
{
	const struct engine_outcome outcome = engine_outcome(outcomes->engine);

	return outcome.decisions_count
		       ? unable_of(outcomes, &outcome.decisions[outcome.decisions_count - 1])
		       : NULL;
}

static void tell_decision(struct outcomes *outcomes, struct alerts *alerts, struct recent *recent,
			  const struct breaker_decision *decision)
{
	char reason[REASON_SIZE];
	struct breaker_notice notice = {
		.service = "all services",
		.mode = decision->mode,
		.reason = reason,
		.decision = decision,
	};

	if (decision->service != BREAKER_ALL) {
		notice.service = engine_name(outcomes->engine, decision->service);
		notice.role = engine_role(outcomes->engine, decision->service);
		notice.mode = engine_verdict(outcomes->engine, decision->service).mode;
		keep(outcomes, notice.mode, decision);
	}
	if (decision->what == BREAKER_MOVED)
		notice.unable = unable_of(outcomes, decision);
	breaker_explain(decision, notice.service, reason, sizeof(reason));
	notify_decision(alerts, &notice);
	recent_breaker(recent, &notice);
}

const struct outcome_tale *outcomes_of(const struct outcomes *outcomes, uint32_t slot)
{
	return outcomes->tales[slot];
}

void outcomes_release(struct outcomes *outcomes, struct alerts *alerts, uint32_t slot)
{
	const struct breaker *breaker = engine_breaker(outcomes->engine, slot);

	if (breaker && breaker->state != BREAKER_CLOSED)
		notify_breaker_gone(alerts, engine_name(outcomes->engine, slot),
				    engine_role(outcomes->engine, slot));
	free(outcomes->tales[slot]);
	outcomes->tales[slot] = NULL;
}

void outcomes_tell(struct outcomes *outcomes, struct alerts *alerts, struct recent *recent)
{
	const struct engine_outcome outcome = engine_outcome(outcomes->engine);

	for (uint32_t i = 0; i < outcome.changes_count; i++)
		tell_change(outcomes->engine, alerts, recent, &outcome.changes[i]);
	for (uint32_t i = 0; i < outcome.decisions_count; i++)
		tell_decision(outcomes, alerts, recent, &outcome.decisions[i]);
}
