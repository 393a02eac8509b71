/* SPDX-License-Identifier: GPL-2.0 */
/* The sockets that standbys on this host listen with: kept by one program, used by others. */
#ifndef SHUNT_BPF_STANDBY_H
#define SHUNT_BPF_STANDBY_H

#include "shunt/verdict.h"

/* A socket that ceases to listen leaves by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SHUNT_LISTENERS_MAX);
	__type(key, struct shunt_listener);
	__type(value, __u64);
} shunt_standbys SEC(".maps");

#endif
