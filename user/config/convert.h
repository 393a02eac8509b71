/* SPDX-License-Identifier: GPL-2.0 */
/* From the file's text values to the configuration. */
#ifndef SHUNT_CONFIG_CONVERT_H
#define SHUNT_CONFIG_CONVERT_H

#include "config/complaints.h"
#include "config/outline.h"
#include "config/schema.h"

/*
 * Fills the zeroed `config`, from defaults where `raw` (NULL: all of it) is
 * silent; every wrong value becomes a complaint.  Returns 0 even then, and on
 * failure (-ENOMEM) too `config` is for config_free().
 */
int convert_config(const struct raw_config *raw, const struct outline *outline,
		   struct complaints *complaints, struct config *config);

#endif
