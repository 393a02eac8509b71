/* SPDX-License-Identifier: GPL-2.0 */
/* An operator's order, from a service's name to the engine, and what is answered. */
#ifndef SHUNT_DAEMON_COMMAND_H
#define SHUNT_DAEMON_COMMAND_H

#include <stdint.h>

#include <jansson.h>

#include "daemon/order.h"

/*
 * Gives the engine the order of `who` at `now` (ns); engine_outcome() has the decision.  Returns
 * the answer, an object that becomes the caller's, or NULL where there is no memory:
 *
 *   {"ok": true, "message": "checkout: open, was closed: trip by …", "decision": {…}}
 *
 * with the fields of breaker_fields(), or "ok": false, why it was refused, and the decision
 * only where one was made.
 */
json_t *command_run(struct engine *engine, const struct order *order, const char *who,
		    uint64_t now);

#endif
