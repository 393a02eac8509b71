/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

#include "random.h"
#include "serve/gzip.h"

/* As another library reads it: the bytes, and nothing behind them. */
static void expect_back(const struct buffer *plain, const struct buffer *packed)
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

static void pack(struct buffer *plain, struct buffer *packed)
{
	cr_assert_eq(gzip_compress(plain, packed), 0);
	expect_back(plain, packed);
}

Test(gzip, nothing)
{
	struct buffer plain = {0}, packed = {0};

	pack(&plain, &packed);
	buffer_free(&packed);
}

Test(gzip, text)
{
	struct buffer plain = {0}, packed = {0};

	for (int i = 0; i < 30000; i++)
		buffer_printf(&plain, "shunt_tcp_rtt_seconds_bucket{service=\"s\",le=\"%d\"} %d\n",
			      i, i * 7);
	pack(&plain, &packed);
	cr_expect_lt(packed.length, plain.length / 5);
	buffer_free(&plain);
	buffer_free(&packed);
}

/* It needs many times the room that text does. */
Test(gzip, noise)
{
	struct buffer plain = {0}, packed = {0};
	uint64_t seed = 1;

	for (int i = 0; i < 1 << 17; i++) {
		uint64_t word = random_next(&seed);

		buffer_append(&plain, &word, sizeof(word));
	}
	pack(&plain, &packed);
	cr_expect_geq(packed.length, plain.length);
	buffer_free(&plain);
	buffer_free(&packed);
}

Test(gzip, is_appended)
{
	struct buffer plain = {0}, packed = {0};

	buffer_string(&plain, "health");
	buffer_string(&packed, "before");
	cr_assert_eq(gzip_compress(&plain, &packed), 0);
	cr_expect(!memcmp(packed.data, "before\x1f\x8b", 8));
	buffer_free(&plain);
	buffer_free(&packed);
}
