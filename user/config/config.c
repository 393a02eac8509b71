/* SPDX-License-Identifier: GPL-2.0 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/complaints.h"
#include "config/convert.h"
#include "config/outline.h"
#include "config/schema.h"
#include "config/shape.h"

static void free_strings(struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->services_count; i++) {
		free(config->services[i].endpoints.items);
		free(config->services[i].cgroup);
		free(config->services[i].health_check.probers.items);
	}
	free(config->services);
	free(config->control);
	free(config->state_dir);
	free(config->guards.protect.items);
	free_strings(&config->interfaces);
	free_strings(&config->alertmanager);
	free_strings(&config->webhook);
	free(config);
}

static int refuse_size(struct complaints *complaints, size_t size)
{
	complaints_add(complaints, 0, "%zu bytes, expected at most %d", size, CONFIG_FILE_MAX);
	return -EFBIG;
}

/* Shape first, then the values, as far as the shape lets them be read. */
static int parse(const char *text, size_t size, struct complaints *complaints,
		 struct config *config)
{
	struct outline outline = {0};
	struct raw_config *raw = NULL;
	const char *reason = NULL;
	int err;

	if (size > CONFIG_FILE_MAX)
		return refuse_size(complaints, size);
	err = shape_read(text, size, &schema_config, complaints, &outline);
	if (!err)
		err = schema_load(text, size, &raw, &reason);
	if (!err)
		err = convert_config(raw, &outline, complaints, config);
	if (err == -EINVAL && !complaints->count)
		complaints_add(complaints, 0, "%s", reason);
	if (!err && complaints->count)
		err = -EINVAL;
	schema_free(raw);
	outline_release(&outline);
	return err;
}

int config_parse(const char *name, const char *text, size_t size, config_complain_fn complain,
		 void *userdata, struct config **ret_config)
{
	struct complaints complaints = {.file = name};
	struct config *config;
	int err;

	config = calloc(1, sizeof(*config));
	if (!config)
		return -ENOMEM;
	err = parse(text, size, &complaints, config);
	complaints_tell(&complaints, complain, userdata);
	if (err)
		config_free(config);
	else
		*ret_config = config;
	return err;
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
		err = refuse_size(complaints, (size_t)status.st_size);
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
	int err = 0;

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

int config_load(const char *path, bool may_be_absent, config_complain_fn complain, void *userdata,
		struct config **ret_config)
{
	struct complaints complaints = {.file = path};
	char *text = NULL;
	size_t size = 0;
	int fd = -1;
	int err;

	err = open_regular(path, &complaints, &fd);
	if (err == -ENOENT && may_be_absent)
		return config_parse(path, "", 0, complain, userdata, ret_config);
	if (!err)
		err = read_all(fd, &complaints, &text, &size);
	if (fd >= 0)
		close(fd);
	if (err)
		complaints_tell(&complaints, complain, userdata);
	else
		err = config_parse(path, text, size, complain, userdata, ret_config);
	free(text);
	return err;
}
