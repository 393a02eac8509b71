/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts values into a JSON object.  jansson's setters take the value over and fail on NULL,
 * so that a value that could not be made fails here; `fine`, which becomes false then,
 * gathers all of that.
 */
#ifndef SHUNT_PUT_H
#define SHUNT_PUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Takes the value over. */
void put(bool *fine, json_t *object, const char *key, json_t *value);

void put_u64(bool *fine, json_t *object, const char *key, uint64_t value);

/* What is not finite is null. */
void put_double(bool *fine, json_t *object, const char *key, double value);

/* NULL is null; what is no UTF-8 is replaced. */
void put_string(bool *fine, json_t *object, const char *key, const char *value);

/* Seconds since the Unix epoch, as "2026-01-01T12:00:00.250Z"; for what is told as an age, and
 * dated anew. */
void put_time(bool *fine, json_t *object, const char *key, double seconds);

/* The same to the microsecond: for what was dated once. */
void put_moment(bool *fine, json_t *object, const char *key, double seconds);

#endif
