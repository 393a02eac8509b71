/* SPDX-License-Identifier: GPL-2.0 */
#include "config/take.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/endpoint.h"
#include "config/values.h"

#define KEY_SIZE 48

void take_refuse(struct taker *taker, const char *key, const char *format, ...)
{
	char path[TAKE_PREFIX_MAX + KEY_SIZE];
	char text[COMPLAINTS_TEXT_MAX - sizeof(path)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s%s", taker->prefix, key);
	complaints_add(taker->complaints, outline_line(taker->outline, path), "%s: %s", path, text);
}

void take_duration(struct taker *taker, const char *key, const char *text, uint64_t min,
		   uint64_t max, uint64_t *value)
{
	char least[VALUE_DURATION_SIZE];
	char most[VALUE_DURATION_SIZE];
	char quoted[QUOTED_SIZE];
	uint64_t nsec = 0;
	int err;

	if (!text)
		return;
	quote(text, quoted);
	value_print_duration(min, least);
	value_print_duration(max, most);
	err = value_parse_duration(text, &nsec);
	if (err == -EINVAL)
		take_refuse(taker, key,
			    "%s is not a duration, expected a number and one of us ms s m h",
			    quoted);
	else if (err == -EDOM)
		take_refuse(taker, key, "%s is finer than a nanosecond", quoted);
	else if (err || nsec < min || nsec > max)
		take_refuse(taker, key, "%s is out of range, expected %s to %s", quoted, least,
			    most);
	else
		*value = nsec;
}

void take_size(struct taker *taker, const char *key, const char *text, uint64_t min, uint64_t max,
	       uint64_t *value)
{
	char least[VALUE_SIZE_SIZE];
	char most[VALUE_SIZE_SIZE];
	char quoted[QUOTED_SIZE];
	uint64_t bytes = 0;
	int err;

	if (!text)
		return;
	quote(text, quoted);
	value_print_size(min, least);
	value_print_size(max, most);
	err = value_parse_size(text, &bytes);
	if (err == -EINVAL)
		take_refuse(taker, key,
			    "%s is not a size, expected a whole number and one of KiB MiB GiB",
			    quoted);
	else if (err || bytes < min || bytes > max)
		take_refuse(taker, key, "%s is out of range, expected %s to %s", quoted, least,
			    most);
	else
		*value = bytes;
}

void take_uint(struct taker *taker, const char *key, const char *text, uint32_t min, uint32_t max,
	       uint32_t *value)
{
	char quoted[QUOTED_SIZE];
	uint64_t number = 0;
	int err;

	if (!text)
		return;
	quote(text, quoted);
	err = value_parse_uint(text, &number);
	if (err == -EINVAL)
		take_refuse(taker, key,
			    "%s is not a whole number, expected %" PRIu32 " to %" PRIu32, quoted,
			    min, max);
	else if (err || number < min || number > max)
		take_refuse(taker, key, "%s is out of range, expected %" PRIu32 " to %" PRIu32,
			    quoted, min, max);
	else
		*value = (uint32_t)number;
}

void take_share(struct taker *taker, const char *key, const char *text, enum take_share from,
		double *value)
{
	const char *range = from == TAKE_SHARE_ABOVE_ZERO ? "0.0001 to 1" : "0, or 0.0001 to 1";
	char quoted[QUOTED_SIZE];
	double share = 0;
	int err;

	if (!text)
		return;
	quote(text, quoted);
	err = value_parse_share(text, &share);
	if (err == -EINVAL)
		take_refuse(taker, key, "%s is not a plain decimal number, expected %s", quoted,
			    range);
	else if (err || (from == TAKE_SHARE_ABOVE_ZERO && share <= 0))
		take_refuse(taker, key, "%s is out of range, expected %s", quoted, range);
	else
		*value = share;
}

void take_bool(struct taker *taker, const char *key, const char *text, bool *value)
{
	char quoted[QUOTED_SIZE];

	if (text && value_parse_bool(text, value))
		take_refuse(taker, key, "%s is not a boolean, expected true or false",
			    quote(text, quoted));
}

int take_name(struct taker *taker, const char *key, const char *text, const char *const *names,
	      int value)
{
	char expected[COMPLAINTS_TEXT_MAX / 4] = "";
	char quoted[QUOTED_SIZE];
	size_t length = 0;

	if (!text)
		return value;
	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], text))
			return i;
		length += (size_t)snprintf(expected + length, sizeof(expected) - length, " %s",
					   names[i]);
	}
	take_refuse(taker, key, "%s is unknown, expected one of%s", quote(text, quoted), expected);
	return value;
}

bool take_endpoint(struct taker *taker, const char *key, const char *text, unsigned int forms,
		   struct config_endpoint *value)
{
	char why[ENDPOINT_WHY_MAX];
	char quoted[QUOTED_SIZE];

	if (!text)
		return false;
	if (!endpoint_parse(text, forms, value, why))
		return true;
	take_refuse(taker, key, "%s %s", quote(text, quoted), why);
	return false;
}

/* Room for a list of `count`: of at least one, for calloc(0) may return NULL. */
static void *allocate(struct taker *taker, size_t count, size_t size)
{
	void *items = calloc(count ? count : 1, size);

	if (!items)
		taker->err = -ENOMEM;
	return items;
}

void take_endpoints(struct taker *taker, const char *key, const struct raw_list *list,
		    unsigned int forms, struct config_endpoints *value)
{
	char entry[KEY_SIZE];

	if (!list->items)
		return;
	free(value->items);
	*value = (struct config_endpoints){
		.items = allocate(taker, list->count, sizeof(*value->items)),
	};
	for (unsigned int i = 0; value->items && i < list->count; i++) {
		snprintf(entry, sizeof(entry), "%s[%u]", key, i);
		take_endpoint(taker, entry, list->items[i], forms, &value->items[value->count++]);
	}
}

static const char *check_characters(const char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return "holds a character outside printable ASCII";
	}
	return NULL;
}

/* A copy, or NULL after a complaint. */
static char *copy_text(struct taker *taker, const char *key, const char *text, take_check_fn check)
{
	char quoted[QUOTED_SIZE];
	const char *wrong;
	char *copy;

	wrong = check_characters(text);
	if (!wrong)
		wrong = check(text);
	if (wrong) {
		take_refuse(taker, key, "%s %s", quote(text, quoted), wrong);
		return NULL;
	}
	copy = strdup(text);
	if (!copy)
		taker->err = -ENOMEM;
	return copy;
}

void take_text(struct taker *taker, const char *key, const char *text, take_check_fn check,
	       char **value)
{
	char *copy = text ? copy_text(taker, key, text, check) : NULL;

	if (!copy)
		return;
	free(*value);
	*value = copy;
}

static bool is_repeated(const struct config_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->count; i++) {
		if (!strcmp(strings->items[i], text))
			return true;
	}
	return false;
}

void take_texts(struct taker *taker, const char *key, const struct raw_list *list,
		take_check_fn check, struct config_strings *value)
{
	char quoted[QUOTED_SIZE];
	char entry[KEY_SIZE];

	if (!list->items)
		return;
	*value = (struct config_strings){
		.items = allocate(taker, list->count, sizeof(*value->items)),
	};
	for (unsigned int i = 0; value->items && i < list->count; i++) {
		const char *text = list->items[i];
		char *copy;

		snprintf(entry, sizeof(entry), "%s[%u]", key, i);
		if (is_repeated(value, text)) {
			take_refuse(taker, entry, "%s is given twice", quote(text, quoted));
			continue;
		}
		copy = copy_text(taker, entry, text, check);
		if (copy)
			value->items[value->count++] = copy;
	}
}
