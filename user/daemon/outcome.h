/* SPDX-License-Identifier: GPL-2.0 */
/* Tells people what the engine came to: changes of health, and what the breakers decided. */
#ifndef SHUNT_DAEMON_OUTCOME_H
#define SHUNT_DAEMON_OUTCOME_H

#include <stdint.h>

#include "engine/engine.h"

struct alerts;
struct recent;

/* The name of a slot's load balancer; NULL where that is not known. */
const char *outcome_balancer(const struct engine *engine, uint32_t slot);

/* Tells of the engine's last tick or command, and remembers it. */
void outcome_tell(const struct engine *engine, struct alerts *alerts, struct recent *recent);

#endif
