/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket: whoever holds it is the daemon.
 *
 * A Unix stream socket of mode 0660, for root and the group `shunt` where there is
 * one.  What comes in by it is daemon/operators.h's.
 */
#ifndef SHUNT_DAEMON_CONTROL_H
#define SHUNT_DAEMON_CONTROL_H

#include <sys/types.h>

struct control;

/*
 * Takes the socket at `path`; one that a dead daemon left behind is replaced.
 * Returns 0, or a negative errno: -EADDRINUSE where a living daemon holds it, with
 * its process id in *ret_holder; -ENAMETOOLONG, -ENOENT, -EACCES …
 */
int control_open(const char *path, struct control **ret_control, pid_t *ret_holder);

/* The listening socket, for the loop. */
int control_fd(const struct control *control);

/* The group whose members may give orders beside root; (gid_t)-1: there is none. */
gid_t control_group(const struct control *control);

/* Gives the socket up, and removes it where that is still allowed; NULL is fine. */
void control_close(struct control *control);

#endif
