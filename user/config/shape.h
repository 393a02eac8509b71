/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file's shape against the schema: one pass of libyaml's parser that tells
 * every unknown, repeated or misplaced thing with its line, where libcyaml would
 * stop at the first, and that notes where everything stands.
 */
#ifndef SHUNT_CONFIG_SHAPE_H
#define SHUNT_CONFIG_SHAPE_H

#include <stddef.h>

#include <cyaml/cyaml.h>

#include "config/complaints.h"
#include "config/outline.h"

/*
 * Reads `text` into the empty `outline`; what does not fit `schema` becomes
 * complaints.  Returns 0 even then, -EINVAL where the rest cannot be read (told as
 * well), or -ENOMEM.  In any case `outline` is for outline_release().
 */
int shape_read(const char *text, size_t size, const cyaml_schema_value_t *schema,
	       struct complaints *complaints, struct outline *outline);

#endif
