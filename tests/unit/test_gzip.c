/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "gunzip.h"
#include "random.h"
#include "serve/gzip.h"

/* More than the compressor's input holds, some times over. */
#define LINES 30000

static struct gzip *begin(struct buffer *packed)
{
	struct gzip *gzip;

	cr_assert_eq(gzip_begin(packed, &gzip), 0);
	return gzip;
}

/* In one piece. */
static void pack(const struct buffer *plain, struct buffer *packed)
{
	struct gzip *gzip = begin(packed);

	buffer_append(gzip_input(gzip), plain->data, plain->length);
	cr_assert_eq(gzip_end(gzip), 0);
}

static void append_line(struct buffer *out, int i)
{
	buffer_printf(out, "shunt_tcp_rtt_seconds_bucket{service=\"s\",le=\"%d\"} %d\n", i, i * 7);
}

static struct buffer text(void)
{
	struct buffer plain = {0};

	for (int i = 0; i < LINES; i++)
		append_line(&plain, i);
	return plain;
}

Test(gzip, nothing)
{
	struct buffer plain = {0}, packed = {0};

	pack(&plain, &packed);
	expect_unzipped(&packed, &plain);
	buffer_free(&packed);
}

Test(gzip, text)
{
	struct buffer plain = text(), packed = {0};

	pack(&plain, &packed);
	expect_unzipped(&packed, &plain);
	cr_expect_lt(packed.length, plain.length / 5);
	buffer_free(&plain);
	buffer_free(&packed);
}

/* The input never holds all of it. */
Test(gzip, text_in_pieces)
{
	struct buffer plain = text(), packed = {0};
	struct gzip *gzip = begin(&packed);

	for (int i = 0; i < LINES; i++)
		append_line(gzip_input(gzip), i);
	cr_expect_lt(gzip_input(gzip)->capacity, plain.length / 8);
	cr_assert_eq(gzip_end(gzip), 0);
	expect_unzipped(&packed, &plain);
	cr_expect_lt(packed.length, plain.length / 5);
	buffer_free(&plain);
	buffer_free(&packed);
}

/* It needs many times the room that text does, and comes in pieces of any size. */
Test(gzip, noise)
{
	struct buffer plain = {0}, packed = {0};
	struct gzip *gzip = begin(&packed);
	uint64_t seed = 1;

	for (int i = 0; i < 1 << 17; i++) {
		uint64_t word = random_next(&seed);

		buffer_append(&plain, &word, sizeof(word));
	}
	for (size_t at = 0, size = 1; at < plain.length; at += size, size = size * 3 + 1) {
		if (size > plain.length - at)
			size = plain.length - at;
		buffer_append(gzip_input(gzip), plain.data + at, size);
	}
	cr_assert_eq(gzip_end(gzip), 0);
	expect_unzipped(&packed, &plain);
	cr_expect_geq(packed.length, plain.length);
	buffer_free(&plain);
	buffer_free(&packed);
}

Test(gzip, is_appended)
{
	struct buffer plain = {0}, packed = {0};

	buffer_string(&plain, "health");
	buffer_string(&packed, "before");
	pack(&plain, &packed);
	cr_expect(!memcmp(packed.data, "before\x1f\x8b", 8));
	buffer_free(&plain);
	buffer_free(&packed);
}

Test(gzip, an_error_of_the_input_is_one)
{
	struct buffer packed = {0};
	struct gzip *gzip = begin(&packed);

	for (int i = 0; i < LINES; i++)
		append_line(gzip_input(gzip), i);
	cr_assert_null(buffer_reserve(gzip_input(gzip), SIZE_MAX));
	append_line(gzip_input(gzip), LINES);
	cr_expect_eq(gzip_end(gzip), -EOVERFLOW);
	buffer_free(&packed);
}

/* Whether it shows as more is appended, or at the end alone. */
Test(gzip, an_error_of_the_output_is_one)
{
	for (int lines = 1; lines <= LINES; lines += LINES - 1) {
		struct buffer packed = {0};
		struct gzip *gzip = begin(&packed);

		packed.error = -ENOMEM;
		for (int i = 0; i < lines; i++)
			append_line(gzip_input(gzip), i);
		cr_expect_eq(gzip_input(gzip)->error, lines == 1 ? 0 : -ENOMEM);
		cr_expect_eq(gzip_end(gzip), -ENOMEM);
		cr_expect_eq(packed.length, 0);
		buffer_free(&packed);
	}
}
