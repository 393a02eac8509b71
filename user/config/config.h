/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads, checks and prints the configuration.
 *
 * A key that is absent, empty, `null` or `~` has its default.  Aliases, second
 * documents and anything outside printable ASCII in a value are refused.
 */
#ifndef SHUNT_USER_CONFIG_H
#define SHUNT_USER_CONFIG_H

#include <stdio.h>

#include "shunt/config.h"

/* The breaker of a service of which nothing is configured. */
extern const struct config_breaker config_breaker_defaults;

/* Files larger than this are refused unread. */
#define CONFIG_FILE_MAX (1024 * 1024)

/*
 * Where complaints go: one call per problem, a whole line without its newline
 * ("FILE:LINE: KEY: what is wrong, expected …"), in the order of the file, in
 * printable ASCII.  After 20 of them, one more says how many are left.
 */
typedef void (*config_complain_fn)(void *userdata, const char *line);

/*
 * Loads and validates the file at `path` into a new configuration.  With
 * `may_be_absent`, a file that does not exist counts as an empty one; an empty
 * file gives the defaults.
 *
 * Returns 0 and sets *ret_config (the caller frees it with config_free()), or
 * leaves it untouched and returns a negative errno: -EINVAL where the content is
 * wrong or this is no regular file (each problem has been told to `complain`,
 * which may be NULL), -ENOENT, -EACCES, -EISDIR, -EFBIG … where the file cannot
 * be read (told as well), -ENOMEM (not told).
 */
int config_load(const char *path, bool may_be_absent, config_complain_fn complain, void *userdata,
		struct config **ret_config);

/* As config_load(), from memory; `name` stands for the file in complaints.  Over
 * CONFIG_FILE_MAX bytes are refused too. */
int config_parse(const char *name, const char *text, size_t size, config_complain_fn complain,
		 void *userdata, struct config **ret_config);

/* Frees a configuration; NULL is fine. */
void config_free(struct config *config);

/*
 * Prints the canonical form: every key, defaults included, in the contract's order,
 * `null` where nothing is given and no default exists.  Parsing it gives the same
 * configuration again.  Returns 0, -ENOMEM, or -EIO where `out` took no more.
 */
int config_print(const struct config *config, FILE *out);

/* The canonical form as JSON, which parses back too; the caller frees *ret_json.
 * 0 or -ENOMEM. */
int config_print_json(const struct config *config, char **ret_json);

/* A 64-bit FNV-1a hash of the canonical form, for shunt_config_info{hash}; 0 if
 * memory is short. */
uint64_t config_hash(const struct config *config);

#endif
