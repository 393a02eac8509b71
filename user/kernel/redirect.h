/* SPDX-License-Identifier: GPL-2.0 */
/* Where connections to a service are carried under SHUNT_VERDICT_REDIRECT; for the data plane. */
#ifndef SHUNT_KERNEL_REDIRECT_H
#define SHUNT_KERNEL_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/abi.h"

struct redirect;

/*
 * Loads the walk over listening sockets (iter/tcp, Linux 5.8).  0 and a struct to close with
 * redirect_close(), or a negative errno.
 */
int redirect_open(uint32_t slots, struct redirect **ret_redirect);

/* NULL is fine. */
void redirect_close(struct redirect *redirect);

/* Descriptor of the map of standbys' sockets, shunt_standbys. */
int redirect_standbys(const struct redirect *redirect);

/* Descriptor of shunt_targets, which is to be told of what follows. */
void redirect_use(struct redirect *redirect, int targets);

/*
 * Sets a slot's target, or with NULL that it has none, and looks for its sockets.  0,
 * -EADDRNOTAVAIL where the address is none of this host's, or another negative errno.
 */
int redirect_set(struct redirect *redirect, uint32_t slot, const struct shunt_target *target);

bool redirect_has(const struct redirect *redirect, uint32_t slot);

/* Looks for the targets' sockets: what was started anew is found.  0 or a negative errno. */
int redirect_refresh(struct redirect *redirect);

#endif
