/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/codec.h"

#include <string.h>

/* So many zeros in a row are worth the two lengths that leaving them out costs. */
#define ZEROS_LEAST 4

void codec_u64(struct buffer *out, uint64_t value)
{
	char *room = buffer_reserve(out, CODEC_U64_MAX);
	size_t size = 0;

	if (!room)
		return;
	for (; value >= 0x80; value >>= 7)
		room[size++] = (char)(value | 0x80);
	room[size++] = (char)value;
	out->length += size;
}

void codec_s64(struct buffer *out, int64_t value)
{
	codec_u64(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void codec_double(struct buffer *out, double value)
{
	uint64_t bits;
	uint8_t bytes[sizeof(bits)];

	memcpy(&bits, &value, sizeof(bits));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(bits >> (8 * i));
	buffer_append(out, bytes, sizeof(bytes));
}

void codec_bytes(struct buffer *out, const void *bytes, size_t size)
{
	codec_u64(out, size);
	buffer_append(out, bytes, size);
}

void codec_text(struct buffer *out, const char *text)
{
	codec_bytes(out, text, strlen(text));
}

static size_t zeros_at(const uint8_t *bytes, size_t size)
{
	size_t count = 0;

	while (count < size && !bytes[count])
		count++;
	return count;
}

/* How many bytes come before the next run of zeros that is long enough. */
static size_t others_at(const uint8_t *bytes, size_t size)
{
	size_t count = 0, zeros = 0;

	while (count < size && zeros < ZEROS_LEAST)
		zeros = bytes[count++] ? 0 : zeros + 1;
	return zeros == ZEROS_LEAST ? count - zeros : count;
}

void codec_sparse(struct buffer *out, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	codec_u64(out, size);
	while (size) {
		size_t zeros = zeros_at(at, size);
		size_t others = others_at(at + zeros, size - zeros);

		codec_u64(out, zeros);
		codec_bytes(out, at + zeros, others);
		at += zeros + others;
		size -= zeros + others;
	}
}

/* ---- reading ---- */

struct codec_reader codec_reader(const void *bytes, size_t size)
{
	/* An empty record has no bytes at all. */
	return (struct codec_reader){
		.at = bytes,
		.end = size ? (const uint8_t *)bytes + size : bytes,
	};
}

static uint64_t fail(struct codec_reader *reader)
{
	reader->failed = true;
	reader->at = reader->end;
	return 0;
}

uint64_t codec_read_u64(struct codec_reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (reader->at == reader->end)
			return fail(reader);
		byte = *reader->at++;
		/* Of the tenth byte one bit is left. */
		if (shift == 63 && byte > 1)
			return fail(reader);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	return fail(reader);
}

int64_t codec_read_s64(struct codec_reader *reader)
{
	uint64_t value = codec_read_u64(reader);

	return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

double codec_read_double(struct codec_reader *reader)
{
	uint64_t bits = 0;
	double value;

	if ((size_t)(reader->end - reader->at) < sizeof(bits)) {
		fail(reader);
		return 0;
	}
	for (size_t i = 0; i < sizeof(bits); i++)
		bits |= (uint64_t)*reader->at++ << (8 * i);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

const void *codec_read_bytes(struct codec_reader *reader, size_t *ret_size)
{
	uint64_t size = codec_read_u64(reader);
	const void *bytes = reader->at;

	if (reader->failed || size > (uint64_t)(reader->end - reader->at)) {
		fail(reader);
		*ret_size = 0;
		return NULL;
	}
	reader->at += size;
	*ret_size = (size_t)size;
	return bytes;
}

void codec_read_text(struct codec_reader *reader, char *text, size_t size)
{
	size_t length;
	const void *bytes = codec_read_bytes(reader, &length);

	text[0] = '\0';
	if (!bytes)
		return;
	if (length >= size || memchr(bytes, '\0', length)) {
		fail(reader);
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

void codec_read_sparse(struct codec_reader *reader, void *bytes, size_t size)
{
	uint8_t *at = bytes;
	size_t left = size;

	if (codec_read_u64(reader) != size)
		fail(reader);
	while (left && !reader->failed) {
		uint64_t zeros = codec_read_u64(reader);
		size_t others;
		const void *from = codec_read_bytes(reader, &others);

		if (!from || zeros > left || others > left - zeros || zeros + others == 0) {
			fail(reader);
			break;
		}
		memset(at, 0, zeros);
		memcpy(at + zeros, from, others);
		at += zeros + others;
		left -= zeros + others;
	}
	memset(at, 0, left);
}
