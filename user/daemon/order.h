/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An operator's order as it crosses the control socket: one line of JSON, such as
 *
 *   {"order": "trip", "service": "checkout", "action": "drop", "for": "5m", "why": "INC-7"}
 *   {"order": "reset", "service": "checkout", "why": "it is well again"}
 *   {"order": "mode", "all": true, "mode": "off", "for": "1h", "why": "maintenance"}
 */
#ifndef SHUNT_DAEMON_ORDER_H
#define SHUNT_DAEMON_ORDER_H

#include <stddef.h>

#include "engine/breaker.h"
#include "engine/engine.h"

/* Bytes of an order, the newline at its end among them. */
#define ORDER_LINE_MAX	    2048
#define ORDER_COMPLAINT_MAX 256

struct order {
	char service[ENGINE_NAME_MAX]; /* "": all of them */
	struct breaker_command command; /* but for `now`, `service` and `who` */
};

/*
 * Reads an order of `size` bytes, with or without a newline at its end.  0, or -EINVAL with
 * what is wrong and what was expected in `complaint`, in printable characters.
 */
int order_parse(const char *line, size_t size, struct order *ret_order,
		char complaint[static ORDER_COMPLAINT_MAX]);

#endif
