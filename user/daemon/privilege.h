/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon may do: much at the start, next to nothing after it. */
#ifndef SHUNT_DAEMON_PRIVILEGE_H
#define SHUNT_DAEMON_PRIVILEGE_H

#include <stdbool.h>

/* Whether loading BPF programs can succeed at all: root, or the capabilities for it. */
bool privilege_may_load(void);

/*
 * Makes a file or directory that of the user that privilege_drop() becomes; nothing where
 * this is not root, and so becomes nobody else.  0 or a negative errno.
 */
int privilege_give(const char *path);

/*
 * Gives up every capability and becomes the user `shunt`, or `nobody` where there
 * is none; no_new_privs is set, the bounding set emptied.  CAP_BPF alone is kept on
 * kernels before 5.19, which want it for map updates by descriptor (commit
 * c8644cd0efe7).  Returns 0 and the user's name, or a negative errno: -EPERM also
 * where something was left after all.
 */
int privilege_drop(const char **ret_user);

#endif
