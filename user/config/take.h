/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes single values out of the raw file: each function leaves *value alone
 * where the text is NULL (absent) or wrong, and complains in the latter case.
 */
#ifndef SHUNT_CONFIG_TAKE_H
#define SHUNT_CONFIG_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/complaints.h"
#include "config/outline.h"
#include "config/schema.h"

#define TAKE_PREFIX_MAX 64

struct taker {
	const struct outline *outline;
	struct complaints *complaints;
	char prefix[TAKE_PREFIX_MAX]; /* of the keys' paths: "services[1].breaker." */
	int err; /* -ENOMEM, once that has happened */
};

/* Complains about the prefix and `key`. */
void take_refuse(struct taker *taker, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Bytes from `min` to `max`. */
void take_size(struct taker *taker, const char *key, const char *text, uint64_t min, uint64_t max,
	       uint64_t *value);

/* Nanoseconds from `min` to `max`. */
void take_duration(struct taker *taker, const char *key, const char *text, uint64_t min,
		   uint64_t max, uint64_t *value);

void take_uint(struct taker *taker, const char *key, const char *text, uint32_t min, uint32_t max,
	       uint32_t *value);

enum take_share { TAKE_SHARE_ABOVE_ZERO, TAKE_SHARE_FROM_ZERO };

/* 0.0001 to 1 or, from zero, 0. */
void take_share(struct taker *taker, const char *key, const char *text, enum take_share from,
		double *value);

void take_bool(struct taker *taker, const char *key, const char *text, bool *value);

/* One of `names` (ended by NULL): its index, or `value` where there is none. */
int take_name(struct taker *taker, const char *key, const char *text, const char *const *names,
	      int value);

/* One endpoint in these ENDPOINT_… forms; whether *value was set. */
bool take_endpoint(struct taker *taker, const char *key, const char *text, unsigned int forms,
		   struct config_endpoint *value);

/* A list of endpoints; the wrong ones stay zeroed, so that the others keep their place. */
void take_endpoints(struct taker *taker, const char *key, const struct raw_list *list,
		    unsigned int forms, struct config_endpoints *value);

/* What is wrong with a text, or NULL; goes into "KEY: 'TEXT' …". */
typedef const char *(*take_check_fn)(const char *text);

/* A copy of `text`, of which `check` approves, in *value, whose old one is freed. */
void take_text(struct taker *taker, const char *key, const char *text, take_check_fn check,
	       char **value);

/* A list of such, without repetitions. */
void take_texts(struct taker *taker, const char *key, const struct raw_list *list,
		take_check_fn check, struct config_strings *value);

#endif
