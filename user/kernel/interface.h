/* SPDX-License-Identifier: GPL-2.0 */
/* Network interfaces that XDP programs are attached to. */
#ifndef SHUNT_KERNEL_INTERFACE_H
#define SHUNT_KERNEL_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/verdict.h"

/*
 * What programs must know of an interface of the caller's network namespace.  0 or a negative
 * errno: -ENODEV; -EOPNOTSUPP for what has no Ethernet address.
 */
int interface_read(const char *name, struct shunt_interface *ret_interface);

/*
 * Attaches a program to an interface for as long as the link is open whose descriptor is
 * returned: in its driver where that can, else generically, which `*ret_native` tells.  A
 * negative errno otherwise: -EBUSY where another program is there, which is left alone.
 */
int interface_attach(uint32_t index, int program, bool *ret_native);

#endif
