/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "alert/alerts.h"
#include "base/log.h"

#define SUMMARY_SIZE 192

/* What a state is to people.  Critical is what does not do its work now. */
static const struct {
	const char *alert; /* NULL: none */
	enum alert_severity severity;
	int priority;
} states[HEALTH_MAX] = {
	[HEALTH_HEALTHY] = {NULL, ALERT_INFO, LOG_INFO},
	[HEALTH_AT_RISK] = {"ShuntServiceAtRisk", ALERT_WARNING, LOG_WARNING},
	[HEALTH_CHECKER_FAULT] = {"ShuntCheckerFault", ALERT_WARNING, LOG_WARNING},
	[HEALTH_FAILING] = {"ShuntServiceFailing", ALERT_CRITICAL, LOG_ERR},
	[HEALTH_WEDGED] = {"ShuntServiceWedged", ALERT_CRITICAL, LOG_ERR},
	[HEALTH_FLAPPING] = {"ShuntServiceFlapping", ALERT_WARNING, LOG_WARNING},
};

static const char *role_of(const struct health_change *change)
{
	return change->role == SHUNT_ROLE_SERVER ? "server" : "client";
}

static void log_change(const struct health_change *change)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_HEALTH,
		.service = change->service,
		.state = health_state_name(change->is),
		.reason = change->reason,
	};

	log_event(states[change->is].priority, &fields, "%s (%s): %s, was %s: %s", change->service,
		  role_of(change), health_state_name(change->is), health_state_name(change->was),
		  change->reason);
}

/* The alert of one state, in the words of the present one. */
static struct alert alert_of(const struct health_change *change, enum health_state state,
			     const char *summary)
{
	return (struct alert){
		.name = states[state].alert,
		.service = change->service,
		.role = change->role,
		.severity = states[state].severity,
		.state = health_state_name(change->is),
		.summary = summary,
		.description = change->reason,
	};
}

static void change_alerts(struct alerts *alerts, const struct health_change *change)
{
	char summary[SUMMARY_SIZE];
	struct alert alert;
	int r = 0;

	snprintf(summary, sizeof(summary), "%s (%s) is %s", change->service, role_of(change),
		 health_state_name(change->is));
	if (states[change->was].alert) {
		alert = alert_of(change, change->was, summary);
		r = alerts_resolve(alerts, &alert);
	}
	if (states[change->is].alert) {
		alert = alert_of(change, change->is, summary);
		r = alerts_raise(alerts, &alert);
	}
	/* That too many fire is said there. */
	if (r < 0 && r != -ENOBUFS)
		log_warning("alerts: %s: %s", change->service, strerror(-r));
}

void notify_change(struct alerts *alerts, const struct health_change *change)
{
	log_change(change);
	change_alerts(alerts, change);
}
