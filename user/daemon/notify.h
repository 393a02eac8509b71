/* SPDX-License-Identifier: GPL-2.0 */
/* Tells people of a change of a service's health: the log, and whom the configuration names. */
#ifndef SHUNT_DAEMON_NOTIFY_H
#define SHUNT_DAEMON_NOTIFY_H

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

/* One line in the log; the alert of the old state is over, that of the new one fires. */
void notify_change(struct alerts *alerts, const struct health_change *change);

#endif
