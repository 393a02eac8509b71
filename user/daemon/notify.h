/* SPDX-License-Identifier: GPL-2.0 */
/* Tells people of a change of a service's health: the log, and whom the configuration names. */
#ifndef SHUNT_DAEMON_NOTIFY_H
#define SHUNT_DAEMON_NOTIFY_H

#include "daemon/health.h"

struct alerts;

/* One line in the log; the alert of the old state is over, that of the new one fires. */
void notify_change(struct alerts *alerts, const struct health_change *change);

#endif
