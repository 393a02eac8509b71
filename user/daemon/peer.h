/* SPDX-License-Identifier: GPL-2.0 */
/* Who is at the other end of a Unix socket, as the kernel says. */
#ifndef SHUNT_DAEMON_PEER_H
#define SHUNT_DAEMON_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/breaker.h"

/* Supplementary groups that are looked at. */
#define PEER_GROUPS_MAX 256

struct peer_identity {
	uid_t uid;
	pid_t pid; /* may be another process by now */
	unsigned groups_count; /* its own one first */
	gid_t groups[1 + PEER_GROUPS_MAX];
	char name[BREAKER_WHO_MAX]; /* "alice, as root (pid 123)" */
};

/*
 * Asks the kernel about the peer of a connected socket, as it was when it connected.  Names
 * come from /etc/passwd alone: a directory service may keep its answer for seconds, and who
 * is only there is "uid 1000".  0 or a negative errno.
 */
int peer_identify(int fd, struct peer_identity *ret_peer);

/* Whether it is root or in the group; (gid_t)-1 is no group. */
bool peer_is_member(const struct peer_identity *peer, gid_t group);

#endif
