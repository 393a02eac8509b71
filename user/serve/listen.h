/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_LISTEN_H
#define SHUNT_LISTEN_H

#include <stdint.h>

/*
 * A listening, non-blocking TCP socket on a numeric address; `::` takes IPv4
 * too.  Port 0 lets the kernel choose.  Returns 0 with a descriptor that the
 * caller closes and the port that it has; -EINVAL for what is no numeric
 * address, or the kernel's errno.
 */
int listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port);

#endif
