/* SPDX-License-Identifier: GPL-2.0 */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_refuse_size(struct complaints *complaints, size_t size)
{
	complaints_add(complaints, 0, "%zu bytes, expected at most %d", size, CONFIG_FILE_MAX);
	return -EFBIG;
}

/*
 * Opens what can be read to its end.  O_NONBLOCK, for opening a FIFO would wait
 * for its other end; the size is that of a file that nobody is writing.
 */
static int open_regular(const char *path, struct complaints *complaints, int *ret_fd)
{
	struct stat status;
	int err = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		err = -errno;
		complaints_add(complaints, 0, "%s", strerror(-err));
	} else if (S_ISDIR(status.st_mode)) {
		err = -EISDIR;
		complaints_add(complaints, 0, "is a directory, expected a file");
	} else if (!S_ISREG(status.st_mode)) {
		err = -EINVAL;
		complaints_add(complaints, 0, "is not a regular file");
	} else if (status.st_size > CONFIG_FILE_MAX) {
		err = file_refuse_size(complaints, (size_t)status.st_size);
	}
	if (!err)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

/* Reads one byte more than is allowed, to notice a file that has grown. */
static int read_all(int fd, struct complaints *complaints, char **ret_text, size_t *ret_size)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	size_t size = 0;
	ssize_t got;
	int err;

	if (!text)
		return -ENOMEM;
	do {
		got = read(fd, text + size, CONFIG_FILE_MAX + 1 - size);
		if (got > 0)
			size += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		err = -errno;
		complaints_add(complaints, 0, "%s", strerror(-err));
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

int file_read(const char *path, struct complaints *complaints, char **ret_text, size_t *ret_size)
{
	int fd = -1;
	int err;

	err = open_regular(path, complaints, &fd);
	if (err)
		return err;
	err = read_all(fd, complaints, ret_text, ret_size);
	close(fd);
	return err;
}
