/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/names.h"

#include <string.h>

#define OTHER "_OTHER"

static const char *const handshakes[SHUNT_HANDSHAKE_MAX] = {
	[SHUNT_HANDSHAKE_OK] = "",
	[SHUNT_HANDSHAKE_REFUSED] = "refused",
	[SHUNT_HANDSHAKE_RESET] = "reset",
	[SHUNT_HANDSHAKE_TIMED_OUT] = "timed_out",
	[SHUNT_HANDSHAKE_HOST_UNREACHABLE] = "host_unreachable",
	[SHUNT_HANDSHAKE_NET_UNREACHABLE] = "net_unreachable",
	[SHUNT_HANDSHAKE_OVERFLOW] = "overflow",
	[SHUNT_HANDSHAKE_OTHER] = OTHER,
};

static const char *const closes[SHUNT_CLOSE_MAX] = {
	[SHUNT_CLOSE_ORDERLY] = "",
	[SHUNT_CLOSE_RESET_BY_PEER] = "reset_by_peer",
	[SHUNT_CLOSE_RESET_BY_LOCAL] = "reset_by_local",
	[SHUNT_CLOSE_TIMED_OUT] = "timed_out",
	[SHUNT_CLOSE_NO_RESPONSE] = "no_response",
	[SHUNT_CLOSE_OTHER] = OTHER,
};

static const char *const outcomes[SHUNT_PROBE_MAX] = {
	[SHUNT_PROBE_PASS] = "pass",
	[SHUNT_PROBE_REFUSED] = "refused",
	[SHUNT_PROBE_RESET] = "reset",
	[SHUNT_PROBE_TIMED_OUT] = "timed_out",
	[SHUNT_PROBE_NO_RESPONSE] = "no_response",
	[SHUNT_PROBE_HTTP_ERROR] = "http_error",
	[SHUNT_PROBE_OVERFLOW] = "overflow",
};

const char *name_role(enum shunt_role role)
{
	return role == SHUNT_ROLE_CLIENT ? "client" : "server";
}

const char *name_handshake(enum shunt_handshake outcome)
{
	return outcome < SHUNT_HANDSHAKE_MAX ? handshakes[outcome] : OTHER;
}

const char *name_close(enum shunt_close outcome)
{
	return outcome < SHUNT_CLOSE_MAX ? closes[outcome] : OTHER;
}

const char *name_outcome(enum shunt_probe_outcome outcome)
{
	return outcome < SHUNT_PROBE_MAX ? outcomes[outcome] : OTHER;
}

const char *name_verdict(enum shunt_verdict verdict)
{
	static const char *const names[SHUNT_VERDICT_MAX] = {
		[SHUNT_VERDICT_PASS] = "pass",	       [SHUNT_VERDICT_DROP] = "drop",
		[SHUNT_VERDICT_REJECT] = "reject",     [SHUNT_VERDICT_DRAIN] = "drain",
		[SHUNT_VERDICT_REDIRECT] = "redirect",
	};

	return verdict < SHUNT_VERDICT_MAX ? names[verdict] : "_OTHER";
}

const char *name_mode(unsigned mode)
{
	static const char *const names[] = {"off", "shadow", "enforce"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "_OTHER";
}

bool handshake_possible(enum shunt_role role, enum shunt_handshake outcome)
{
	switch (outcome) {
	case SHUNT_HANDSHAKE_HOST_UNREACHABLE:
	case SHUNT_HANDSHAKE_NET_UNREACHABLE:
		return role == SHUNT_ROLE_CLIENT;
	case SHUNT_HANDSHAKE_OVERFLOW:
		return role == SHUNT_ROLE_SERVER;
	default:
		return true;
	}
}

const char *name_errno(int error)
{
	return strerrorname_np(error);
}
