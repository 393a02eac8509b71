/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counts of a whole network namespace. */
#ifndef SHUNT_KERNEL_NETSTAT_H
#define SHUNT_KERNEL_NETSTAT_H

#include <stdint.h>

/*
 * SYNs and connections that listeners of the daemon's own network namespace turned
 * away since it was made (TcpExt ListenDrops of /proc/net/netstat).  0, or a negative
 * errno with *ret_drops as it was.
 */
int netstat_listen_drops(uint64_t *ret_drops);

#endif
