/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file's outline: where each key and list entry stands.  Made in one pass
 * of libyaml's parser, which compares the file's shape with the schema too and
 * tells every misfit, where libcyaml would stop at the first.
 */
#ifndef SHUNT_CONFIG_OUTLINE_H
#define SHUNT_CONFIG_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>

#include <cyaml/cyaml.h>

#include "config/complaints.h"

struct outline;

/*
 * Reads `text`; what does not fit `schema` becomes complaints.  Returns 0 even
 * then, and *ret_outline is for outline_free(); or -ENOMEM.
 */
int outline_read(const char *text, size_t size, const cyaml_schema_value_t *schema,
		 struct complaints *complaints, struct outline **ret_outline);

/*
 * The line, from 1, of a path such as "services[1].breaker.open_for"; of what
 * is nearest above it where that is absent; 0 if the file is empty.
 */
size_t outline_line(const struct outline *outline, const char *path);

/* Whether a list stands at the path, if only an empty one. */
bool outline_has_list(const struct outline *outline, const char *path);

/* Frees it; NULL is fine. */
void outline_free(struct outline *outline);

#endif
