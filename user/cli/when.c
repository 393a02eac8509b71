/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/when.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define NSEC_PER_SEC 1000000000ULL

static uint64_t seconds_of(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

static int read_ago(const char *text, uint64_t *ret_wall)
{
	uint64_t now = clock_wall(), ago;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	ago = strtoull(text, &end, 10);
	if (!seconds_of(*end) || end[1] || ago > now / NSEC_PER_SEC / seconds_of(*end))
		return -EINVAL;
	*ret_wall = now - ago * seconds_of(*end) * NSEC_PER_SEC;
	return 0;
}

static int read_epoch(const char *text, uint64_t *ret_wall)
{
	char *end;
	uint64_t seconds;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	seconds = strtoull(text, &end, 10);
	if (*end || seconds > UINT64_MAX / NSEC_PER_SEC)
		return -EINVAL;
	*ret_wall = seconds * NSEC_PER_SEC;
	return 0;
}

static int read_date(const char *text, uint64_t *ret_wall)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm fields = {0};
		const char *end = strptime(text, formats[i], &fields);
		time_t seconds;

		if (!end || (*end && strcmp(end, "Z") != 0))
			continue;
		seconds = timegm(&fields);
		if (seconds < 0)
			return -EINVAL;
		*ret_wall = (uint64_t)seconds * NSEC_PER_SEC;
		return 0;
	}
	return -EINVAL;
}

int when_read(const char *text, uint64_t *ret_wall)
{
	if (*text == '@')
		return read_epoch(text + 1, ret_wall);
	if (!read_ago(text, ret_wall))
		return 0;
	return read_date(text, ret_wall);
}

void when_print(uint64_t wall, char ret_text[WHEN_SIZE])
{
	time_t seconds = (time_t)(wall / NSEC_PER_SEC);
	char date[24] = "?";
	struct tm fields;

	if (gmtime_r(&seconds, &fields))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &fields);
	snprintf(ret_text, WHEN_SIZE, "%s.%03uZ", date, (unsigned)(wall % NSEC_PER_SEC / 1000000));
}
