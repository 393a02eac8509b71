/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/tape_parts.h"

#define NARROW(field)                                                                              \
	{                                                                                          \
		offsetof(struct engine_sample, field), false                                       \
	}
#define WIDE(field)                                                                                \
	{                                                                                          \
		offsetof(struct engine_sample, field), true                                        \
	}

/* What is added comes at the end: the order is that of journals that exist. */
const struct tape_field tape_fields[TAPE_FIELDS] = {
	NARROW(open),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_OK]),
	WIDE(traffic.closes[SHUNT_CLOSE_ORDERLY]),
	WIDE(traffic.responses),
	WIDE(traffic.response_time),
	WIDE(samples),
	WIDE(slow),
	NARROW(seen),
	NARROW(waiting),
	NARROW(unread),
	NARROW(queue),
	NARROW(queue_limit),
	WIDE(oldest),
	WIDE(drops),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_REFUSED]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_RESET]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_TIMED_OUT]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_HOST_UNREACHABLE]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_NET_UNREACHABLE]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_OVERFLOW]),
	WIDE(traffic.handshakes[SHUNT_HANDSHAKE_OTHER]),
	WIDE(traffic.closes[SHUNT_CLOSE_RESET_BY_PEER]),
	WIDE(traffic.closes[SHUNT_CLOSE_RESET_BY_LOCAL]),
	WIDE(traffic.closes[SHUNT_CLOSE_TIMED_OUT]),
	WIDE(traffic.closes[SHUNT_CLOSE_NO_RESPONSE]),
	WIDE(traffic.closes[SHUNT_CLOSE_OTHER]),
	WIDE(trials_passed),
	WIDE(trials_failed),
	WIDE(trials_slow),
	NARROW(reserved),
};

/* Nothing of a sample is left out but its slot. */
_Static_assert(sizeof(struct engine_sample) ==
		       4 + 7 * 4 + 8 * (2 + SHUNT_HANDSHAKE_MAX + SHUNT_CLOSE_MAX + 2 + 5),
	       "a field of a sample is not on the tape");
