/* SPDX-License-Identifier: GPL-2.0 */
#include "config/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SHARE_DECIMALS 9
/* The least share but 0 is one of so many: C prints what is less with an exponent. */
#define SHARE_PARTS 10000

/* Largest first: printing takes the first that divides. */
static const struct unit {
	const char *name;
	uint64_t nsec;
} units[] = {
	{"h", NSEC_PER_HOUR},  {"m", NSEC_PER_MINUTE}, {"s", NSEC_PER_SEC},
	{"ms", NSEC_PER_MSEC}, {"us", NSEC_PER_USEC},
};

static const struct {
	const char *name;
	uint64_t bytes;
} sizes[] = {{"GiB", VALUE_GIB}, {"MiB", VALUE_MIB}, {"KiB", VALUE_KIB}};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* isdigit() takes the locale's word for it. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits up to something else; moves *text past them. */
static int parse_digits(const char **text, uint64_t *ret_value)
{
	const char *at = *text;
	uint64_t value = 0;
	int err = 0;

	if (!is_digit(*at))
		return -EINVAL;
	if (*at == '0' && is_digit(at[1]))
		return -EINVAL;
	for (; is_digit(*at); at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			err = -ERANGE;
	}
	*text = at;
	if (!err)
		*ret_value = value;
	return err;
}

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(units[i].name, name))
			return &units[i];
	}
	return NULL;
}

/* What the decimals after the point are worth, digit by digit and exactly. */
static int sum_decimals(const char *digits, uint64_t unit, uint64_t *ret_nsec)
{
	uint64_t sum = 0;

	for (; is_digit(*digits); digits++) {
		if (unit % 10 == 0) {
			unit /= 10;
			sum += (uint64_t)(*digits - '0') * unit;
		} else if (*digits != '0') {
			return -EDOM;
		}
	}
	*ret_nsec = sum;
	return 0;
}

int value_parse_duration(const char *text, uint64_t *ret_nsec)
{
	const char *decimals = NULL;
	const struct unit *unit;
	uint64_t nsec = 0;
	uint64_t rest = 0;
	int overflow;
	int err;

	overflow = parse_digits(&text, &nsec);
	if (overflow == -EINVAL)
		return overflow;
	if (*text == '.') {
		decimals = ++text;
		text += strspn(text, "0123456789");
		if (text == decimals)
			return -EINVAL;
	}
	unit = find_unit(text);
	if (!unit)
		return -EINVAL;
	err = decimals ? sum_decimals(decimals, unit->nsec, &rest) : 0;
	if (err)
		return err;
	if (overflow || __builtin_mul_overflow(nsec, unit->nsec, &nsec) ||
	    __builtin_add_overflow(nsec, rest, &nsec))
		return -ERANGE;
	*ret_nsec = nsec;
	return 0;
}

int value_parse_uint(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;
	int err;

	err = parse_digits(&text, &value);
	if (err == -EINVAL || *text)
		return -EINVAL;
	if (!err)
		*ret_value = value;
	return err;
}

int value_parse_share(const char *text, double *ret_value)
{
	uint64_t numerator = 0;
	uint64_t scale = 1;
	int err;

	err = parse_digits(&text, &numerator);
	if (err)
		return err;
	if (*text == '.') {
		size_t count = strspn(++text, "0123456789");

		if (!count || count > SHARE_DECIMALS)
			return -EINVAL;
		if (numerator > 1)
			return -ERANGE;
		for (; is_digit(*text); text++) {
			numerator = numerator * 10 + (uint64_t)(*text - '0');
			scale *= 10;
		}
	}
	if (*text)
		return -EINVAL;
	if (numerator > scale || (numerator && numerator * SHARE_PARTS < scale))
		return -ERANGE;
	/* Both are below 2^53, so the quotient is the double nearest to the text. */
	*ret_value = (double)numerator / (double)scale;
	return 0;
}

int value_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t number = 0;
	size_t i = 0;
	int err = parse_digits(&text, &number);

	while (i < SIZES && strcmp(sizes[i].name, text) != 0)
		i++;
	if (err == -EINVAL || i == SIZES)
		return -EINVAL;
	if (err || __builtin_mul_overflow(number, sizes[i].bytes, &number))
		return -ERANGE;
	*ret_bytes = number;
	return 0;
}

int value_parse_bool(const char *text, bool *ret_value)
{
	bool value = !strcmp(text, "true");

	if (!value && strcmp(text, "false") != 0)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

void value_print_size(uint64_t bytes, char ret_text[static VALUE_SIZE_SIZE])
{
	size_t i = 0;

	while (i < SIZES - 1 && bytes % sizes[i].bytes)
		i++;
	snprintf(ret_text, VALUE_SIZE_SIZE, "%" PRIu64 "%s", bytes / sizes[i].bytes, sizes[i].name);
}

void value_print_duration(uint64_t nsec, char ret_text[static VALUE_DURATION_SIZE])
{
	unsigned int decimals = (unsigned int)(nsec % NSEC_PER_USEC);

	if (!nsec) {
		strcpy(ret_text, "0s");
		return;
	}
	if (decimals) {
		size_t length = (size_t)snprintf(ret_text, VALUE_DURATION_SIZE, "%" PRIu64 ".%03u",
						 nsec / NSEC_PER_USEC, decimals);

		while (ret_text[length - 1] == '0')
			length--;
		strcpy(ret_text + length, "us");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (nsec % units[i].nsec)
			continue;
		snprintf(ret_text, VALUE_DURATION_SIZE, "%" PRIu64 "%s", nsec / units[i].nsec,
			 units[i].name);
		return;
	}
}
