/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scalars as people write them: strict, without regard to the locale, and each
 * with a canonical spelling that reads back as the same value.
 */
#ifndef SHUNT_CONFIG_VALUES_H
#define SHUNT_CONFIG_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#define NSEC_PER_USEC	UINT64_C(1000)
#define NSEC_PER_MSEC	(1000 * NSEC_PER_USEC)
#define NSEC_PER_SEC	(1000 * NSEC_PER_MSEC)
#define NSEC_PER_MINUTE (60 * NSEC_PER_SEC)
#define NSEC_PER_HOUR	(60 * NSEC_PER_MINUTE)

/* "1.5s" and the like: a decimal number and one of us ms s m h, into nanoseconds.
 * -EINVAL for another form, -ERANGE past 64 bits, -EDOM for a fraction of a nanosecond. */
int value_parse_duration(const char *text, uint64_t *ret_nsec);

#define VALUE_KIB (UINT64_C(1) << 10)
#define VALUE_MIB (UINT64_C(1) << 20)
#define VALUE_GIB (UINT64_C(1) << 30)

/* "64MiB" and the like: a whole number and one of KiB MiB GiB, into bytes.  -EINVAL for another
 * form, -ERANGE past 64 bits. */
int value_parse_size(const char *text, uint64_t *ret_bytes);

/* A decimal integer without sign or leading zeros; -EINVAL, or -ERANGE past 64 bits. */
int value_parse_uint(const char *text, uint64_t *ret_value);

/* A plain decimal number with at most nine decimals: 0, or 0.0001 to 1; -EINVAL, -ERANGE. */
int value_parse_share(const char *text, double *ret_value);

/* `true` or `false`; -EINVAL. */
int value_parse_bool(const char *text, bool *ret_value);

/* Room for any duration with its unit: 20 digits, a point, a unit. */
#define VALUE_DURATION_SIZE 32

/* Room for any size with its unit. */
#define VALUE_SIZE_SIZE 32

/* The largest unit that gives a whole number; `bytes` is one of KiB. */
void value_print_size(uint64_t bytes, char ret_text[static VALUE_SIZE_SIZE]);

/* The largest unit that gives a whole number (below a microsecond: decimals). */
void value_print_duration(uint64_t nsec, char ret_text[static VALUE_DURATION_SIZE]);

#endif
