/* SPDX-License-Identifier: GPL-2.0 */
/* cgroup v2 directories and their ids. */
#ifndef SHUNT_KERNEL_CGROUP_H
#define SHUNT_KERNEL_CGROUP_H

#include <stdint.h>

/* Ids that one pattern may stand for; more are ignored. */
#define CGROUP_IDS_MAX 256

/*
 * Finds the ids of the cgroups that `pattern` (a path below the cgroup2 mount, or a
 * glob(7)) matches, and of those below them, in rising order.  The id of a cgroup
 * is its directory's inode (kernfs).  Returns how many there are, 0 where none
 * exists yet, -ENOENT where no cgroup2 is mounted, or another negative errno.
 */
int cgroup_resolve(const char *pattern, uint64_t ret_ids[static CGROUP_IDS_MAX]);

/*
 * Opens the root of cgroup2.  A descriptor to close, -ENOENT where none is mounted, or
 * another negative errno.
 */
int cgroup_root(void);

#endif
