/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/buffer.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_FIRST 256
#define NS_PER_SECOND  1000000000ULL

/* Integers up to here are exact in a double. */
#define DOUBLE_INTEGERS 9007199254740992.0

static int buffer_grow(struct buffer *buffer, size_t size)
{
	size_t needed, capacity = buffer->capacity ? buffer->capacity : CAPACITY_FIRST;
	char *data;

	if (__builtin_add_overflow(buffer->length, size, &needed) || needed > SIZE_MAX / 2)
		return -EOVERFLOW;
	while (capacity < needed)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

static void buffer_flush(struct buffer *buffer)
{
	size_t length = buffer->length;

	if (buffer->error || !length)
		return;
	buffer->length = 0;
	buffer->error = buffer->drain(buffer, buffer->data, length);
}

char *buffer_make_room(struct buffer *buffer, size_t size)
{
	if (buffer->drain && size > buffer->capacity - buffer->length)
		buffer_flush(buffer);
	if (buffer->error)
		return NULL;
	if (!buffer->data || size > buffer->capacity - buffer->length)
		buffer->error = buffer_grow(buffer, size);
	return buffer->error ? NULL : buffer->data + buffer->length;
}

void buffer_append_more(struct buffer *buffer, const void *data, size_t size)
{
	char *room;

	/* What it has no room for when empty goes past it. */
	if (buffer->drain && size > buffer->capacity) {
		buffer_flush(buffer);
		if (!buffer->error)
			buffer->error = buffer->drain(buffer, data, size);
		return;
	}
	room = buffer_make_room(buffer, size);
	if (!room || !size)
		return;
	memcpy(room, data, size);
	buffer->length += size;
}

char *buffer_digits(char *at, uint64_t value)
{
	char digits[BUFFER_DIGITS];
	char *first = digits + sizeof(digits);

	do {
		*--first = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return mempcpy(at, first, (size_t)(digits + sizeof(digits) - first));
}

void buffer_u64(struct buffer *buffer, uint64_t value)
{
	char *room = buffer_reserve(buffer, BUFFER_DIGITS);

	if (room)
		buffer->length += (size_t)(buffer_digits(room, value) - room);
}

/* Fewest digits first: doubles that are no integers are rare here. */
static void buffer_fraction(struct buffer *buffer, double value)
{
	char digits[32];

	for (int precision = 1; precision <= 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	buffer_string(buffer, digits);
}

void buffer_double(struct buffer *buffer, double value)
{
	if (isnan(value)) {
		buffer_string(buffer, "NaN");
	} else if (isinf(value)) {
		buffer_string(buffer, value > 0 ? "+Inf" : "-Inf");
	} else if (value == trunc(value) && fabs(value) < DOUBLE_INTEGERS) {
		if (value < 0)
			buffer_char(buffer, '-');
		buffer_u64(buffer, (uint64_t)fabs(value));
	} else {
		buffer_fraction(buffer, value);
	}
}

void buffer_seconds(struct buffer *buffer, uint64_t ns)
{
	char digits[] = ".000000000";
	size_t length = sizeof(digits) - 1;
	uint64_t fraction = ns % NS_PER_SECOND;

	buffer_u64(buffer, ns / NS_PER_SECOND);
	if (!fraction)
		return;
	for (size_t i = length; i-- > 1; fraction /= 10)
		digits[i] = (char)('0' + fraction % 10);
	while (digits[length - 1] == '0')
		length--;
	buffer_append(buffer, digits, length);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	char *room;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0) {
		buffer->error = buffer->error ? buffer->error : -EINVAL;
		return;
	}
	room = buffer_reserve(buffer, (size_t)length + 1);
	if (!room)
		return;
	va_start(args, format);
	vsnprintf(room, (size_t)length + 1, format, args);
	va_end(args);
	buffer->length += (size_t)length;
}

char *buffer_take(struct buffer *buffer, size_t *ret_length)
{
	char *data = NULL;

	/* An empty buffer is handed over too: a response may be empty. */
	if (buffer_reserve(buffer, 1)) {
		data = buffer->data;
		*ret_length = buffer->length;
		buffer->data = NULL;
	}
	buffer_free(buffer);
	return data;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
