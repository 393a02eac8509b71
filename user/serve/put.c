/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/put.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "serve/utf8.h"

void put(bool *fine, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		*fine = false;
}

void put_u64(bool *fine, json_t *object, const char *key, uint64_t value)
{
	put(fine, object, key, json_integer((json_int_t)value));
}

void put_double(bool *fine, json_t *object, const char *key, double value)
{
	put(fine, object, key, isfinite(value) ? json_real(value) : json_null());
}

void put_string(bool *fine, json_t *object, const char *key, const char *value)
{
	struct buffer text = {0};

	if (!value) {
		put(fine, object, key, json_null());
		return;
	}
	utf8_append(&text, value);
	/* An empty one has no memory. */
	put(fine, object, key,
	    text.error ? NULL : json_stringn(text.length ? text.data : "", text.length));
	buffer_free(&text);
}

/* With so many digits behind the point. */
static void put_date(bool *fine, json_t *object, const char *key, double seconds, int digits)
{
	time_t whole = (time_t)seconds;
	char date[32], text[48];
	struct tm fields;

	if (!gmtime_r(&whole, &fields)) {
		put(fine, object, key, json_null());
		return;
	}
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &fields);
	snprintf(text, sizeof(text), "%s.%0*dZ", date, digits,
		 (int)((seconds - (double)whole) * (digits == 6 ? 1e6 : 1e3)));
	put_string(fine, object, key, text);
}

void put_time(bool *fine, json_t *object, const char *key, double seconds)
{
	put_date(fine, object, key, seconds, 3);
}

void put_moment(bool *fine, json_t *object, const char *key, double seconds)
{
	put_date(fine, object, key, seconds, 6);
}
