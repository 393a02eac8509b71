/* SPDX-License-Identifier: GPL-2.0 */
/* The CPUs that programs count by. */
#ifndef SHUNT_KERNEL_CPUS_H
#define SHUNT_KERNEL_CPUS_H

#include <bpf/libbpf.h>
#include <stdint.h>

/* How many this host may ever have, those that are offline too; at least 1. */
static inline uint32_t cpus_possible(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (uint32_t)cpus : 1;
}

#endif
