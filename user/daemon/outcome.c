/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/outcome.h"

#include "config/names.h"
#include "daemon/notify.h"
#include "daemon/recent.h"

#define REASON_SIZE 512

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

void outcome_tell(const struct engine *engine, struct alerts *alerts, struct recent *recent)
{
	const struct engine_outcome outcome = engine_outcome(engine);

	for (uint32_t i = 0; i < outcome.changes_count; i++)
		tell_change(engine, alerts, recent, &outcome.changes[i]);
}
