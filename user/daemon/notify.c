/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "alert/alerts.h"
#include "base/log.h"
#include "serve/names.h"

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

static void log_change(const struct health_change *change)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_HEALTH,
		.service = change->service,
		.state = health_state_name(change->is),
		.reason = change->reason,
	};

	log_event(states[change->is].priority, &fields, "%s (%s): %s, was %s: %s", change->service,
		  name_role(change->role), health_state_name(change->is),
		  health_state_name(change->was), change->reason);
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

	snprintf(summary, sizeof(summary), "%s (%s) is %s", change->service,
		 name_role(change->role), health_state_name(change->is));
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

/* ---- breakers ---- */

/* What is decided touches somebody in the mode enforce alone, and has an alert for each. */
static const struct {
	const char *alert;
	enum alert_severity severity;
	int priority;
	const char *mode;
} modes[] = {
	[CONFIG_MODE_OFF] = {NULL, ALERT_INFO, LOG_INFO, "off"},
	[CONFIG_MODE_SHADOW] = {"ShuntBreakerWouldOpen", ALERT_WARNING, LOG_WARNING, "shadow"},
	[CONFIG_MODE_ENFORCE] = {"ShuntBreakerOpen", ALERT_CRITICAL, LOG_ERR, "enforce"},
};

static int decision_priority(const struct breaker_notice *notice)
{
	const struct breaker_decision *decision = notice->decision;

	if (decision->what == BREAKER_REFUSED)
		return LOG_WARNING;
	if (decision->what != BREAKER_MOVED || decision->to != BREAKER_OPEN)
		return LOG_INFO;
	return modes[notice->mode].priority;
}

static void log_decision(const struct breaker_notice *notice)
{
	const struct breaker_decision *decision = notice->decision;
	struct breaker_fields fields;
	struct log_fields logged = {
		.message_id = LOG_ID_BREAKER,
		.service = notice->service,
		.state = breaker_state_name(decision->to),
		.reason = breaker_reason_name(decision->reason),
		.mode = modes[notice->mode].mode,
		.who = decision->who[0] ? decision->who : NULL,
	};

	breaker_fields(decision, notice->service, &fields);
	logged.path = fields.path[0] ? fields.path : NULL;
	logged.guards = fields.refused[0] ? fields.refused : NULL;
	log_event(decision_priority(notice), &logged, "breaker, %s: %s%s%s", logged.mode,
		  notice->reason, notice->unable ? "; not carried out: " : "",
		  notice->unable ? notice->unable : "");
}

static int resolve(struct alerts *alerts, const char *service, enum shunt_role role,
		   enum config_mode mode, const char *reason)
{
	const struct alert alert = {
		.name = modes[mode].alert,
		.service = service,
		.role = role,
		.severity = modes[mode].severity,
		.state = breaker_state_name(BREAKER_CLOSED),
		.summary = "the breaker is closed",
		.description = reason,
	};

	return alert.name ? alerts_resolve(alerts, &alert) : 0;
}

static int raise_open(struct alerts *alerts, const struct breaker_notice *notice)
{
	char summary[SUMMARY_SIZE];
	const struct alert alert = {
		.name = modes[notice->mode].alert,
		.service = notice->service,
		.role = notice->role,
		.severity = modes[notice->mode].severity,
		.state = breaker_state_name(notice->decision->to),
		.summary = summary,
		.description = notice->reason,
	};

	snprintf(summary, sizeof(summary), "%s (%s): the breaker is %s%s", notice->service,
		 name_role(notice->role), breaker_state_name(notice->decision->to),
		 notice->mode == CONFIG_MODE_ENFORCE ? "" : ", in shadow");
	return alert.name ? alerts_raise(alerts, &alert) : 0;
}

void notify_decision(struct alerts *alerts, const struct breaker_notice *notice)
{
	const struct breaker_decision *decision = notice->decision;
	int r = 0;

	log_decision(notice);
	if (decision->service == BREAKER_ALL || decision->what == BREAKER_REFUSED)
		return;
	for (enum config_mode mode = CONFIG_MODE_SHADOW; mode <= CONFIG_MODE_ENFORCE; mode++)
		if (decision->to == BREAKER_CLOSED || mode != notice->mode)
			r = resolve(alerts, notice->service, notice->role, mode, notice->reason);
	if (decision->to != BREAKER_CLOSED)
		r = raise_open(alerts, notice);
	if (r < 0 && r != -ENOBUFS)
		log_warning("alerts: %s: %s", notice->service, strerror(-r));
}

void notify_breaker_gone(struct alerts *alerts, const char *service, enum shunt_role role)
{
	for (enum config_mode mode = CONFIG_MODE_SHADOW; mode <= CONFIG_MODE_ENFORCE; mode++)
		resolve(alerts, service, role, mode, "the service is observed no more");
}
