/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is a service's own fault, of the ways in which attempts and connections end.
 * Of a server: that it did not listen, had no room, or took a request and never
 * answered; its peers may reset it or vanish, which is their affair.  Of a dependency:
 * whatever kept it from being reached or from answering, but not this host's own want
 * of ports (_OTHER).
 */
#ifndef SHUNT_ENGINE_FAULT_H
#define SHUNT_ENGINE_FAULT_H

#include <stdint.h>

#include "shunt/abi.h"

/* How many of these attempts failed by the fault of a service in this role. */
uint64_t fault_handshakes(enum shunt_role role, const uint64_t handshakes[SHUNT_HANDSHAKE_MAX]);

/* …and how many of these connections ended badly by it. */
uint64_t fault_closes(enum shunt_role role, const uint64_t closes[SHUNT_CLOSE_MAX]);

#endif
