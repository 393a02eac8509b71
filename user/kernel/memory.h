/* SPDX-License-Identifier: GPL-2.0 */
/* How much memory the kernel will give to the programs' maps. */
#ifndef SHUNT_KERNEL_MEMORY_H
#define SHUNT_KERNEL_MEMORY_H

#include <stdint.h>

#include "kernel/observer.h"

/* In bytes. */
struct kernel_memory {
	uint64_t fixed; /* taken at the start, with the two below */
	uint64_t cells; /* the counters and histograms of all services and CPUs */
	uint64_t connections; /* the table of open connections */
	uint64_t verdicts; /* what carries the breakers' verdicts out; 0: nothing does */
	uint64_t per_overflow; /* taken for each connection that its table has no room for */
};

/* What the maps would take with these limits on this machine.  0 or a negative errno. */
int memory_foretell(const struct observer_limits *limits, struct kernel_memory *ret_memory);

/*
 * Adds to that what a data plane takes for so many slots: of its own programs, and of those at
 * connect(2) if there are dependencies.  0 or a negative errno.
 */
int memory_add_dataplane(uint32_t slots, bool outbound, struct kernel_memory *memory);

#endif
