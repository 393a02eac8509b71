/* SPDX-License-Identifier: GPL-2.0 */
/* The way to a standby on another host, by the interfaces that XDP programs are attached to. */
#ifndef SHUNT_KERNEL_WAY_H
#define SHUNT_KERNEL_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/verdict.h"

struct way_interface {
	uint32_t index;
	struct shunt_interface about;
};

struct way_interfaces {
	struct way_interface all[SHUNT_INTERFACES_MAX];
	uint32_t count;
};

/*
 * Whether an address is this host's own, and else the way there.  0, or a negative errno:
 * -EADDRNOTAVAIL where the way leads by no such interface, for answers would come back
 * unseen; -ENOENT where the next machine's Ethernet address is not known, which is asked for
 * by way_ask(); -EHOSTUNREACH where that was in vain; -ENETUNREACH …
 */
int way_find(const struct shunt_target *target, const struct way_interfaces *interfaces,
	     bool *ret_local, struct shunt_way *ret_way);

/*
 * Has the kernel find the next machine on the way, and look whether it is there still: sends
 * an empty datagram to the target, for which no privileges are needed.
 */
void way_ask(const struct shunt_target *target);

#endif
