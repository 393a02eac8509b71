/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon may do: much at the start, next to nothing after it. */
#ifndef SHUNT_DAEMON_PRIVILEGE_H
#define SHUNT_DAEMON_PRIVILEGE_H

#include <stdbool.h>

/* What privilege_missing() writes at most. */
#define PRIVILEGE_NAMES_MAX 96

/*
 * The capabilities that a start takes and that are not there, as "CAP_BPF, CAP_PERFMON";
 * "" where none is missing.  To load and attach, CAP_BPF and CAP_PERFMON; besides, whoever
 * is root takes CAP_SETUID, CAP_SETGID and CAP_SETPCAP to become somebody else for good, and
 * CAP_CHOWN where there is a user `shunt`, whose group gets the control socket.
 */
void privilege_missing(char ret_names[static PRIVILEGE_NAMES_MAX]);

/*
 * Whether what touches packets can be loaded: XDP, sk_lookup and the hooks of cgroups take
 * CAP_NET_ADMIN besides.  Observing goes without it.
 */
bool privilege_may_divert(void);

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
