/* SPDX-License-Identifier: GPL-2.0 */
/* Parses a configuration and keeps what was complained of, for the tests of it. */
#ifndef SHUNT_TEST_CONFIG_H
#define SHUNT_TEST_CONFIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

struct parsed {
	int err;
	struct config *config; /* NULL on failure */
	char *complaints; /* each with a newline */
	size_t complaints_size;
};

static void keep_complaint(void *userdata, const char *line)
{
	fprintf(userdata, "%s\n", line);
}

static inline struct parsed parse_config(const char *name, const char *text, size_t size)
{
	struct parsed parsed = {0};
	FILE *out = open_memstream(&parsed.complaints, &parsed.complaints_size);

	parsed.err = config_parse(name, text, size, keep_complaint, out, &parsed.config);
	fclose(out);
	return parsed;
}

static inline struct parsed parse_text(const char *text)
{
	return parse_config("t", text, strlen(text));
}

static inline struct parsed load_config(const char *path, bool may_be_absent)
{
	struct parsed parsed = {0};
	FILE *out = open_memstream(&parsed.complaints, &parsed.complaints_size);

	parsed.err = config_load(path, may_be_absent, keep_complaint, out, &parsed.config);
	fclose(out);
	return parsed;
}

static inline void free_parsed(struct parsed *parsed)
{
	config_free(parsed->config);
	free(parsed->complaints);
}

/* The canonical form; the caller frees it. */
static inline char *print_config(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (config_print(config, out))
		abort();
	fclose(out);
	return text;
}

#endif
