/* SPDX-License-Identifier: GPL-2.0 */
/* Writes a JSON tree as YAML that people read. */
#ifndef SHUNT_CONFIG_YAML_H
#define SHUNT_CONFIG_YAML_H

#include <stdio.h>

#include <jansson.h>

/*
 * Writes an object in block style: lists of values on one line, a text quoted
 * wherever some YAML reader could take it for something else.  Reals have to be
 * from 0 to 1.  Errors are left in ferror(out).
 */
void yaml_print(const json_t *object, FILE *out);

#endif
