/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/complaints.h"
#include "config/file.h"
#include "config/outline.h"
#include "config/shape.h"
#include "sim/convert.h"
#include "sim/raw.h"

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	config_free(scenario->config);
	free(scenario);
}

struct loading {
	const char *path;
	config_complain_fn complain;
	void *userdata;
	struct complaints complaints; /* of the scenario itself */
};

/*
 * The configuration is a text within the text: with as many empty lines before it as
 * there are lines above, complaints name the lines of the file.
 */
static int parse_config(struct loading *loading, const struct raw_scenario *raw,
			const struct outline *outline, struct config **ret_config)
{
	size_t above = outline_line(outline, "config");
	size_t length = strlen(raw->config);
	char *text = malloc(above + length + 1);
	int err;

	if (!text)
		return -ENOMEM;
	memset(text, '\n', above);
	memcpy(text + above, raw->config, length + 1);
	err = config_parse(loading->path, text, above + length, loading->complain,
			   loading->userdata, ret_config);
	free(text);
	return err;
}

static int take_config(struct loading *loading, const struct raw_scenario *raw,
		       const struct outline *outline, const char *config_path,
		       struct config **ret_config)
{
	if (config_path)
		return config_load(config_path, false, loading->complain, loading->userdata,
				   ret_config);
	if (raw && raw->config)
		return parse_config(loading, raw, outline, ret_config);
	complaints_add(&loading->complaints, 0,
		       "config: is missing, expected a configuration's text after `config: |`");
	return -EINVAL;
}

static int parse(struct loading *loading, const char *text, size_t size, const char *config_path,
		 struct scenario *scenario)
{
	struct outline outline = {0};
	const char *reason = "cannot be read";
	void *raw = NULL;
	int err;

	err = shape_read(text, size, &raw_scenario_schema, &loading->complaints, &outline);
	if (!err)
		err = schema_load(text, size, &raw_scenario_schema, &raw, &reason);
	if (err == -EINVAL && !loading->complaints.count)
		complaints_add(&loading->complaints, 0, "%s", reason);
	if (!err)
		err = take_config(loading, raw, &outline, config_path, &scenario->config);
	if (!err)
		err = sim_convert(raw, &outline, &loading->complaints, scenario);
	if (!err && loading->complaints.count)
		err = -EINVAL;
	schema_free(&raw_scenario_schema, raw);
	outline_release(&outline);
	return err;
}

int scenario_load(const char *path, const char *config_path, config_complain_fn complain,
		  void *userdata, struct scenario **ret_scenario)
{
	struct loading loading = {
		.path = path,
		.complain = complain,
		.userdata = userdata,
		.complaints = {.file = path},
	};
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	char *text = NULL;
	size_t size = 0;
	int err = -ENOMEM;

	if (!scenario)
		return err;
	err = file_read(path, &loading.complaints, &text, &size);
	if (!err)
		err = parse(&loading, text, size, config_path, scenario);
	complaints_tell(&loading.complaints, complain, userdata);
	free(text);
	if (err)
		scenario_free(scenario);
	else
		*ret_scenario = scenario;
	return err;
}
