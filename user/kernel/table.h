/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of open connections (bpf/conn.bpf.h), read from user space.  It is mapped for the
 * time of a call: mapped for good, its pages would count as the daemon's memory.
 */
#ifndef SHUNT_KERNEL_TABLE_H
#define SHUNT_KERNEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/observer.h"

/*
 * Takes the table out of the variables that libbpf has mapped; nobody may read it there from
 * then on.  Where pages are larger than its alignment it stays, and costs its memory.
 */
void table_hide(struct shunt_conn_set *table);

/* observer_waiting(), of the table that lies `at` in the map whose descriptor `map` is. */
int table_waiting(int map, size_t at, uint64_t now, uint64_t age, struct observer_waiting *waiting,
		  uint32_t slots);

#endif
