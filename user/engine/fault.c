/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/fault.h"

uint64_t fault_handshakes(enum shunt_role role, const uint64_t handshakes[SHUNT_HANDSHAKE_MAX])
{
	if (role == SHUNT_ROLE_SERVER)
		return handshakes[SHUNT_HANDSHAKE_REFUSED] + handshakes[SHUNT_HANDSHAKE_OVERFLOW];
	return handshakes[SHUNT_HANDSHAKE_REFUSED] + handshakes[SHUNT_HANDSHAKE_RESET] +
	       handshakes[SHUNT_HANDSHAKE_TIMED_OUT] +
	       handshakes[SHUNT_HANDSHAKE_HOST_UNREACHABLE] +
	       handshakes[SHUNT_HANDSHAKE_NET_UNREACHABLE];
}

uint64_t fault_closes(enum shunt_role role, const uint64_t closes[SHUNT_CLOSE_MAX])
{
	if (role == SHUNT_ROLE_SERVER)
		return closes[SHUNT_CLOSE_NO_RESPONSE];
	return closes[SHUNT_CLOSE_NO_RESPONSE] + closes[SHUNT_CLOSE_RESET_BY_PEER] +
	       closes[SHUNT_CLOSE_TIMED_OUT];
}
