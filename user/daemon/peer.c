/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

#define NOBODY_LOGGED_IN ((uid_t)-1)

/* "alice", or "uid 1000". */
static void name_user(uid_t uid, size_t size, char *ret_name)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry = NULL;

	while (file && (entry = fgetpwent(file)) && entry->pw_uid != uid)
		;
	if (entry)
		snprintf(ret_name, size, "%.20s", entry->pw_name);
	else
		snprintf(ret_name, size, "uid %u", uid);
	if (file)
		fclose(file);
}

/* Who has logged in to become that user, as the kernel's audit keeps it across su and sudo. */
static uid_t login_of(pid_t pid)
{
	unsigned uid = NOBODY_LOGGED_IN;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return NOBODY_LOGGED_IN;
	if (fscanf(file, "%u", &uid) != 1)
		uid = NOBODY_LOGGED_IN;
	fclose(file);
	return uid;
}

static void describe(struct peer_identity *peer)
{
	uid_t login = login_of(peer->pid);
	char user[24], person[24];

	name_user(peer->uid, sizeof(user), user);
	if (login == NOBODY_LOGGED_IN || login == peer->uid) {
		snprintf(peer->name, sizeof(peer->name), "%s (pid %d)", user, (int)peer->pid);
		return;
	}
	name_user(login, sizeof(person), person);
	snprintf(peer->name, sizeof(peer->name), "%s, as %s (pid %d)", person, user,
		 (int)peer->pid);
}

int peer_identify(int fd, struct peer_identity *ret_peer)
{
	struct peer_identity peer = {.groups_count = 1};
	socklen_t groups = PEER_GROUPS_MAX * sizeof(gid_t);
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return -errno;
	peer.uid = credentials.uid;
	peer.pid = credentials.pid;
	peer.groups[0] = credentials.gid;
	/* Who is in more groups than fit counts as in none of them. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups + 1, &groups))
		peer.groups_count += groups / sizeof(gid_t);
	describe(&peer);
	*ret_peer = peer;
	return 0;
}

bool peer_is_member(const struct peer_identity *peer, gid_t group)
{
	if (!peer->uid)
		return true;
	for (unsigned i = 0; i < peer->groups_count && group != (gid_t)-1; i++) {
		if (peer->groups[i] == group)
			return true;
	}
	return false;
}
