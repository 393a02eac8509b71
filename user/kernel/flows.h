/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connections that are carried to other hosts (bpf/flow.bpf.h), as the daemon tends them:
 * programs begin them, and only it gives their ports back.
 */
#ifndef SHUNT_KERNEL_FLOWS_H
#define SHUNT_KERNEL_FLOWS_H

#include <stdint.h>

#include "shunt/verdict.h"

struct flows;

/*
 * Maps shunt_flows; `by_client` is the descriptor of shunt_flow_of and `count` the programs'
 * shunt_carried, both the caller's.  0 or a negative errno.
 */
int flows_open(int map, int by_client, uint32_t *count, struct flows **ret_flows);

/* NULL is fine. */
void flows_close(struct flows *flows);

/*
 * Ends flows of which nothing was heard for too long, and frees those that are ended; a call
 * each second is meant.  `now` is CLOCK_MONOTONIC in ns.
 */
void flows_sweep(struct flows *flows, uint64_t now);

/* Sends what goes to a standby by another way from now on. */
void flows_reroute(struct flows *flows, const struct shunt_target *standby,
		   const struct shunt_way *way);

/*
 * Whether the ports of carried connections are left to them: none is one that the kernel gives
 * to others (net.ipv4.ip_local_port_range, ip_local_reserved_ports).  0, -EADDRINUSE, or
 * another negative errno.
 */
int flows_check_ports(void);

#endif
