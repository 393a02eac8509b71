/* SPDX-License-Identifier: GPL-2.0 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>

#include "config/complaints.h"
#include "config/convert.h"
#include "config/file.h"
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
	free_strings(&config->allowed_hosts);
	free_strings(&config->interfaces);
	free_strings(&config->alertmanager);
	free_strings(&config->webhook);
	free(config);
}

/* Shape first, then the values, as far as the shape lets them be read. */
static int parse(const char *text, size_t size, struct complaints *complaints,
		 struct config *config)
{
	struct outline outline = {0};
	void *raw = NULL;
	const char *reason = NULL;
	int err;

	if (size > CONFIG_FILE_MAX)
		return file_refuse_size(complaints, size);
	err = shape_read(text, size, &schema_config, complaints, &outline);
	if (!err)
		err = schema_load(text, size, &schema_config, &raw, &reason);
	if (!err)
		err = convert_config(raw, &outline, complaints, config);
	if (err == -EINVAL && !complaints->count)
		complaints_add(complaints, 0, "%s", reason);
	if (!err && complaints->count)
		err = -EINVAL;
	schema_free(&schema_config, raw);
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

int config_load(const char *path, bool may_be_absent, config_complain_fn complain, void *userdata,
		struct config **ret_config)
{
	struct complaints complaints = {.file = path};
	char *text = NULL;
	size_t size = 0;
	int err;

	err = file_read(path, &complaints, &text, &size);
	if (err == -ENOENT && may_be_absent)
		return config_parse(path, "", 0, complain, userdata, ret_config);
	if (err)
		complaints_tell(&complaints, complain, userdata);
	else
		err = config_parse(path, text, size, complain, userdata, ret_config);
	free(text);
	return err;
}
