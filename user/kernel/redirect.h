/* SPDX-License-Identifier: GPL-2.0 */
/* Where connections to a service are carried under SHUNT_VERDICT_REDIRECT; for the data plane. */
#ifndef SHUNT_KERNEL_REDIRECT_H
#define SHUNT_KERNEL_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/verdict.h"

struct redirect;

/* What redirection shares with the programs: descriptors of maps, and their variable. */
struct redirect_maps {
	int targets;
	int ways;
	int flows;
	int flow_of;
	uint32_t *carried;
};

/*
 * Loads the walk over listening sockets (iter/tcp, Linux 5.8).  0 and a struct to close with
 * redirect_close(), or a negative errno.
 */
int redirect_open(uint32_t slots, struct redirect **ret_redirect);

/* NULL is fine. */
void redirect_close(struct redirect *redirect);

/* Descriptor of the map of standbys' sockets, shunt_standbys. */
int redirect_standbys(const struct redirect *redirect);

/* To be called before what follows; the maps stay the caller's.  0 or a negative errno. */
int redirect_use(struct redirect *redirect, const struct redirect_maps *maps);

/* Tells of an interface that the programs are attached to, of at most SHUNT_INTERFACES_MAX. */
void redirect_add_interface(struct redirect *redirect, uint32_t index,
			    const struct shunt_interface *interface);

/*
 * Sets a slot's target, or with NULL that it has none, and looks for its sockets or for the way
 * there.  0 or a negative errno: as way_find(), but that a machine may be found later; or
 * -EADDRINUSE, as flows_check_ports().
 */
int redirect_set(struct redirect *redirect, uint32_t slot, const struct shunt_target *target);

/* Whether a slot has a target, found or not; false for a slot that is none. */
bool redirect_has(const struct redirect *redirect, uint32_t slot);

/*
 * Looks for the targets' sockets and for the ways to them, and tends what is carried.  0 or a
 * negative errno, with all done that could be.
 */
int redirect_refresh(struct redirect *redirect);

#endif
