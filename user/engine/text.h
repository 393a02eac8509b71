/* SPDX-License-Identifier: GPL-2.0 */
/* Words that are put together in a buffer of the caller's. */
#ifndef SHUNT_ENGINE_TEXT_H
#define SHUNT_ENGINE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *buf;
	size_t size, length; /* a length past the size: the rest was cut */
};

/* Adds words; what does not fit is cut, and the last byte is always 0. */
void say(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Nanoseconds in seconds, as people read them. */
static inline double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

#endif
