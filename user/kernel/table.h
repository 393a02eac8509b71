/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of open connections (bpf/conn.bpf.h), read from user space.  It is mapped for the
 * time of a call: mapped for good, its pages would count as the daemon's memory.
 */
#ifndef SHUNT_KERNEL_TABLE_H
#define SHUNT_KERNEL_TABLE_H

#include <stdint.h>

#include "kernel/observer.h"

/* observer_waiting(), of the table whose descriptor `map` is. */
int table_waiting(int map, uint64_t now, uint64_t age, struct observer_waiting *waiting,
		  uint32_t slots);

#endif
