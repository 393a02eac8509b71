/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A growing run of bytes for the encoders.
 *
 * The first error sticks: later appends do nothing, so that an encoder checks
 * `error` once, at its end.  A zeroed struct is an empty buffer.
 */
#ifndef SHUNT_BUFFER_H
#define SHUNT_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	char *data; /* not terminated; NULL while nothing was appended */
	size_t length;
	size_t capacity;
	int error; /* 0 or negative errno */
	/*
	 * Takes bytes away where there is no room for more: 0 or negative errno.  What was
	 * appended may be gone then, except the last piece where all of it has room at once;
	 * what is left is for the owner.  NULL: it grows.
	 */
	int (*drain)(struct buffer *buffer, const void *data, size_t size);
};

/* As buffer_reserve(), where there may be no room yet. */
char *buffer_make_room(struct buffer *buffer, size_t size);

/*
 * Room for `size` more bytes: where to write them, or NULL after an error.
 * The caller adds what it wrote to `length`.
 */
static inline char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (!buffer->error && size < buffer->capacity - buffer->length)
		return buffer->data + buffer->length;
	return buffer_make_room(buffer, size);
}

/* As buffer_append(), where there may be no room yet. */
void buffer_append_more(struct buffer *buffer, const void *data, size_t size);

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (!buffer->error && size && size < buffer->capacity - buffer->length) {
		memcpy(buffer->data + buffer->length, data, size);
		buffer->length += size;
	} else {
		buffer_append_more(buffer, data, size);
	}
}

static inline void buffer_string(struct buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

static inline void buffer_char(struct buffer *buffer, char c)
{
	buffer_append(buffer, &c, 1);
}

/* A value has at most so many digits. */
#define BUFFER_DIGITS 20

/* Writes a value in decimal where there is room for BUFFER_DIGITS; returns its end. */
char *buffer_digits(char *at, uint64_t value);

/* In decimal. */
void buffer_u64(struct buffer *buffer, uint64_t value);

/*
 * The shortest decimal that reads back as the same double; integers below
 * 2^53 without a point, the others as `NaN`, `+Inf` and `-Inf`.  LC_NUMERIC has
 * to be "C", which it is unless a program calls setlocale().
 */
void buffer_double(struct buffer *buffer, double value);

/* Nanoseconds as an exact decimal of seconds: 1500000000 is `1.5`. */
void buffer_seconds(struct buffer *buffer, uint64_t ns);

void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Hands the bytes over: free() them.  NULL, and an empty buffer, after an error. */
char *buffer_take(struct buffer *buffer, size_t *ret_length);

/* Keeps the memory, forgets the bytes and the error. */
static inline void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->error = 0;
}

void buffer_free(struct buffer *buffer);

#endif
