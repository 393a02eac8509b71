/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the outside calls what the ABI numbers: label values of the metrics and
 * keys of the JSON.  A number that has no name is `_OTHER`.
 */
#ifndef SHUNT_NAMES_H
#define SHUNT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "shunt/abi.h"
#include "shunt/verdict.h"

/* server, client */
const char *name_role(enum shunt_role role);

/* OpenTelemetry's error.type: "" is success, refused, …, _OTHER. */
const char *name_handshake(enum shunt_handshake outcome);

/* "" is an orderly close, reset_by_peer, …, _OTHER. */
const char *name_close(enum shunt_close outcome);

/* pass, refused, …, _OTHER. */
const char *name_outcome(enum shunt_probe_outcome outcome);

/* pass, drop, reject, redirect, drain. */
const char *name_verdict(enum shunt_verdict verdict);

/* off, shadow, enforce: of an enum config_mode. */
const char *name_mode(unsigned mode);

/*
 * Whether an attempt in this role can end so at all.  A server's kernel never
 * learns that a network is unreachable; a client cannot tell a full accept
 * queue from a lost SYN.
 */
bool handshake_possible(enum shunt_role role, enum shunt_handshake outcome);

/* Symbolic name of a positive errno, NULL where it has none. */
const char *name_errno(int error);

#endif
