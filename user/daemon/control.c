/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct control {
	int fd;
	gid_t group; /* whose members may connect, beside root; (gid_t)-1: nobody */
	int lock; /* held for as long as we live; two starting daemons meet here */
	struct sockaddr_un address;
};

/* The process that listens on the socket; 0 where it cannot be asked. */
static pid_t holder_of(const struct sockaddr_un *address)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	close(fd);
	return peer.pid;
}

static int take_lock(const char *path)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];
	int fd, r;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	close(fd);
	return r;
}

static int bind_socket(const struct sockaddr_un *address, gid_t group)
{
	int fd, r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* We hold the lock, so that whoever made it is gone. */
	unlink(address->sun_path);
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    chmod(address->sun_path, 0660) || chown(address->sun_path, (uid_t)-1, group) ||
	    listen(fd, 8)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int control_open(const char *path, struct control **ret_control, pid_t *ret_holder)
{
	const struct group *group;
	struct control *control;
	int r;

	if (strlen(path) >= sizeof(control->address.sun_path))
		return -ENAMETOOLONG;
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->fd = -1;
	group = getgrnam("shunt");
	control->group = group ? group->gr_gid : (gid_t)-1;
	control->address.sun_family = AF_UNIX;
	memcpy(control->address.sun_path, path, strlen(path) + 1);

	r = control->lock = take_lock(path);
	if (r < 0) {
		if (r == -EADDRINUSE)
			*ret_holder = holder_of(&control->address);
		goto out;
	}
	r = control->fd = bind_socket(&control->address, control->group);
	if (r < 0)
		goto out;
	*ret_control = control;
	return 0;
out:
	control_close(control);
	return r;
}

int control_fd(const struct control *control)
{
	return control->fd;
}

gid_t control_group(const struct control *control)
{
	return control->group;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	if (control->fd >= 0) {
		close(control->fd);
		/* An unprivileged daemon may not; the next one replaces the socket. */
		unlink(control->address.sun_path);
	}
	if (control->lock >= 0)
		close(control->lock);
	free(control);
}
