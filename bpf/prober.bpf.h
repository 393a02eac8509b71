/* SPDX-License-Identifier: GPL-2.0 */
/* Who is known to check a service: told by the daemon, for observation and for verdicts. */
#ifndef SHUNT_BPF_PROBER_H
#define SHUNT_BPF_PROBER_H

#include "shunt/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct shunt_prober_key);
	__type(value, struct shunt_prober);
} shunt_probers SEC(".maps");

#endif
