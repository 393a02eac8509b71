/* SPDX-License-Identifier: GPL-2.0 */
/* What another library makes of compressed bytes. */
#ifndef SHUNT_TEST_GUNZIP_H
#define SHUNT_TEST_GUNZIP_H

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

#include "serve/buffer.h"

/* They are `plain`, and nothing is behind them. */
static inline void expect_unzipped(const struct buffer *packed, const struct buffer *plain)
{
	static unsigned char bytes[4 << 20];
	z_stream stream = {
		.next_in = (Bytef *)packed->data,
		.avail_in = (uInt)packed->length,
		.next_out = bytes,
		.avail_out = sizeof(bytes),
	};

	cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	cr_expect_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	cr_expect_eq(stream.avail_in, 0);
	cr_expect_eq(stream.total_out, plain->length);
	cr_expect(!plain->length || !memcmp(bytes, plain->data, plain->length));
	inflateEnd(&stream);
}

#endif
