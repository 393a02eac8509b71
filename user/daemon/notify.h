/* SPDX-License-Identifier: GPL-2.0 */
/* Tells people of a change of a service's health: the log, and whom the configuration names. */
#ifndef SHUNT_DAEMON_NOTIFY_H
#define SHUNT_DAEMON_NOTIFY_H

#include "engine/breaker.h"
#include "engine/health.h"
#include "shunt/abi.h"

struct alerts;

struct health_change {
	const char *service; /* its name */
	enum shunt_role role;
	enum health_state was;
	enum health_state is;
	const char *reason; /* in words, without a full stop */
};

typedef void (*health_change_fn)(void *userdata, const struct health_change *change);

/* A decision of a breaker, and what is known of its service. */
struct breaker_notice {
	const char *service; /* its name; "all services" */
	enum shunt_role role;
	enum config_mode mode; /* in force */
	const char *reason; /* breaker_explain() */
	const char *unable; /* why it is not carried out though it is to be; NULL: it is */
	const struct breaker_decision *decision;
};

/* One line in the log; the alert of an open breaker fires, or is over. */
void notify_decision(struct alerts *alerts, const struct breaker_notice *notice);

/* A service is gone whose breaker was not closed: so is the alert. */
void notify_breaker_gone(struct alerts *alerts, const char *service, enum shunt_role role);

/* One line in the log; the alert of the old state is over, that of the new one fires. */
void notify_change(struct alerts *alerts, const struct health_change *change);

#endif
