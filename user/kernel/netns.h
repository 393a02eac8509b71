/* SPDX-License-Identifier: GPL-2.0 */
/* Network namespaces, as the kernel numbers them. */
#ifndef SHUNT_KERNEL_NETNS_H
#define SHUNT_KERNEL_NETNS_H

#include <stdint.h>

/* The namespace that this process is in. */
#define NETNS_OWN "/proc/self/ns/net"

/* The inode of that, which is never 0.  0, or a negative errno where there is no /proc. */
int netns_own(uint32_t *ret_inode);

#endif
