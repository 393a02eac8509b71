/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The programs that carry verdicts on dependencies out, at connect(2); a part of the data
 * plane (kernel/dataplane.h), which has the rulings.
 */
#ifndef SHUNT_KERNEL_OUTBOUND_H
#define SHUNT_KERNEL_OUTBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/verdict.h"

struct outbound_options {
	uint32_t slots;
	int cgroup; /* whose processes, and those of all below it, meet the verdicts */
	int rulings_fd, verdicts_fd, targets_fd; /* the data plane's */
	int outbound_fd, prefixes_fd; /* what services are found by; -1: a map of its own */
};

struct outbound;

/*
 * Loads the programs and attaches them to a cgroup, beside whatever is attached there.  No
 * descriptor is kept.  0 and an outbound to close, or a negative errno: -EPERM without
 * privileges or where another program wants the cgroup for itself, -EINVAL …
 */
int outbound_open(const struct outbound_options *options, struct outbound **ret_outbound);

/* Detaches and frees; NULL is fine. */
void outbound_close(struct outbound *outbound);

/* Says how many rulings are there; with none the programs look at nothing. */
void outbound_arm(struct outbound *outbound, uint32_t rulings);

/* Sets a slot's fallback, or takes it away with NULL.  0 or a negative errno. */
int outbound_set_fallback(struct outbound *outbound, uint32_t slot,
			  const struct shunt_target *fallback);

/* Whether a slot has one. */
bool outbound_has_fallback(const struct outbound *outbound, uint32_t slot);

/* Attempts that went on unjudged, by why. */
uint64_t outbound_unjudged(const struct outbound *outbound, enum shunt_unjudged why);

#endif
