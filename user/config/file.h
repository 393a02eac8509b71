/* SPDX-License-Identifier: GPL-2.0 */
/* Reads a whole file, of bounded size, that somebody wrote by hand. */
#ifndef SHUNT_CONFIG_FILE_H
#define SHUNT_CONFIG_FILE_H

#include <stddef.h>

#include "config/complaints.h"

/*
 * Reads the regular file at `path`, of at most CONFIG_FILE_MAX bytes.  0, and the caller
 * frees *ret_text, which no 0 byte ends; or a negative errno, told to `complaints` but for
 * -ENOMEM.
 */
int file_read(const char *path, struct complaints *complaints, char **ret_text, size_t *ret_size);

/* Complains about that size; returns -EFBIG. */
int file_refuse_size(struct complaints *complaints, size_t size);

#endif
