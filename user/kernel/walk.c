/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/walk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WALK_BUFFER 8192

/* Takes the walk to its end, handing out whole records. */
static int read_walk(int fd, size_t record_size, walk_fn fn, void *userdata)
{
	_Alignas(8) char buffer[WALK_BUFFER];
	size_t held = 0;
	ssize_t size;
	int r;

	while ((size = read(fd, buffer + held, sizeof(buffer) - held)) > 0) {
		size_t at = 0;

		held += (size_t)size;
		for (; held - at >= record_size; at += record_size) {
			r = fn(userdata, buffer + at);
			if (r < 0)
				return r;
		}
		memmove(buffer, buffer + at, held - at);
		held -= at;
	}
	return size < 0 ? -errno : 0;
}

int walk_take(const struct bpf_link *link, size_t record_size, walk_fn fn, void *userdata)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	int r;

	if (fd < 0)
		return fd;
	r = read_walk(fd, record_size, fn, userdata);
	close(fd);
	return r;
}
