/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "serve/buffer.h"
#include "serve/utf8.h"

static bool holds(const struct buffer *buffer, const char *text)
{
	return !buffer->error && buffer->length == strlen(text) &&
	       (!buffer->length || !memcmp(buffer->data, text, buffer->length));
}

#define EXPECT(buffer, text)                                                                       \
	cr_expect(holds(buffer, text), "%.*s is not %s", (int)(buffer)->length, (buffer)->data,    \
		  text)

Test(buffer, grows_and_keeps)
{
	struct buffer buffer = {0};
	char *data;
	size_t length;

	for (int i = 0; i < 10000; i++)
		buffer_printf(&buffer, "%04d", i);
	cr_assert_eq(buffer.error, 0);
	cr_assert_eq(buffer.length, 40000);
	cr_assert_eq(memcmp(buffer.data + 4 * 1234, "1234", 4), 0);
	data = buffer_take(&buffer, &length);
	cr_assert_eq(length, 40000);
	cr_assert_null(buffer.data);
	cr_assert_eq(memcmp(data + 39996, "9999", 4), 0);
	free(data);
}

Test(buffer, an_empty_one_is_no_error)
{
	struct buffer buffer = {0};
	size_t length = 1;
	char *data = buffer_take(&buffer, &length);

	cr_assert_not_null(data);
	cr_assert_eq(length, 0);
	free(data);
}

Test(buffer, the_first_error_sticks)
{
	struct buffer buffer = {0};
	size_t length = 77;

	buffer_string(&buffer, "before");
	cr_assert_null(buffer_reserve(&buffer, SIZE_MAX));
	cr_assert_eq(buffer.error, -EOVERFLOW);
	cr_assert_null(buffer_reserve(&buffer, SIZE_MAX / 4));
	buffer_string(&buffer, "after");
	buffer_u64(&buffer, 1);
	buffer_printf(&buffer, "%d", 2);
	cr_assert_eq(buffer.length, strlen("before"));
	cr_assert_eq(buffer.error, -EOVERFLOW);
	cr_assert_null(buffer_take(&buffer, &length));
	cr_assert_eq(length, 77);
}

/* ---- a drain ---- */

static struct buffer drained;
static int drained_error;

static int drain(struct buffer *buffer, const void *data, size_t size)
{
	(void)buffer;
	buffer_append(&drained, data, size);
	return drained_error;
}

/* Reserved, appended, and more at once than there is room for in all. */
Test(buffer, a_drain_takes_all_in_order)
{
	struct buffer buffer = {.drain = drain}, all = {0};
	char piece[1000];
	size_t capacity;

	cr_assert_not_null(buffer_reserve(&buffer, 200));
	capacity = buffer.capacity;
	for (size_t size = 0; size < sizeof(piece); size++) {
		memset(piece, (int)('a' + size % 26), size);
		buffer_append(&buffer, piece, size);
		buffer_u64(&buffer, size);
		buffer_append(&all, piece, size);
		buffer_u64(&all, size);
	}
	cr_assert_eq(buffer.error, 0);
	cr_assert_eq(buffer.capacity, capacity);
	buffer_append(&drained, buffer.data, buffer.length);
	cr_assert_eq(drained.length, all.length);
	cr_assert_eq(memcmp(drained.data, all.data, all.length), 0);
	buffer_free(&buffer);
	buffer_free(&drained);
	buffer_free(&all);
}

Test(buffer, an_error_of_the_drain_sticks)
{
	struct buffer buffer = {.drain = drain};
	size_t length;

	cr_assert_not_null(buffer_reserve(&buffer, 200));
	buffer_string(&buffer, "before");
	drained_error = -EIO;
	for (int i = 0; i < 1000; i++)
		buffer_string(&buffer, "after");
	cr_assert_eq(buffer.error, -EIO);
	cr_assert_null(buffer_reserve(&buffer, 1));
	length = drained.length;
	cr_assert_gt(length, 0);
	cr_assert_leq(length, buffer.capacity);
	buffer_append(&buffer, "", 0);
	cr_assert_eq(drained.length, length);
	buffer_free(&buffer);
	buffer_free(&drained);
}

Test(buffer, integers)
{
	const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{9, "9"},
		{10, "10"},
		{1234567890, "1234567890"},
		{UINT64_MAX, "18446744073709551615"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = {0};

		buffer_u64(&buffer, cases[i].value);
		EXPECT(&buffer, cases[i].text);
		buffer_free(&buffer);
	}
}

Test(buffer, seconds_are_exact)
{
	const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "0.000000001"},
		{100, "0.0000001"},
		{999999999, "0.999999999"},
		{1000000000, "1"},
		{1500000000, "1.5"},
		{10000000010, "10.00000001"},
		{UINT64_MAX, "18446744073.709551615"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = {0};

		buffer_seconds(&buffer, cases[i].ns);
		EXPECT(&buffer, cases[i].text);
		buffer_free(&buffer);
	}
}

Test(buffer, doubles_are_short)
{
	const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-1, "-1"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.52587890625e-05, "1.52587890625e-05"},
		{1e15, "1000000000000000"},
		{9007199254740991, "9007199254740991"},
		{1e22, "1e+22"},
		{5e-324, "5e-324"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{NAN, "NaN"},
		{INFINITY, "+Inf"},
		{-INFINITY, "-Inf"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = {0};

		buffer_double(&buffer, cases[i].value);
		EXPECT(&buffer, cases[i].text);
		buffer_free(&buffer);
	}
}

Test(buffer, doubles_read_back)
{
	uint64_t bits = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < 20000; i++) {
		struct buffer buffer = {0};
		double value;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		buffer_double(&buffer, value);
		buffer_char(&buffer, '\0');
		cr_assert_eq(strtod(buffer.data, NULL), value, "%s", buffer.data);
		buffer_free(&buffer);
	}
}

#define BAD "\xef\xbf\xbd"

Test(utf8, what_is_ill_formed_is_replaced)
{
	const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\x01\x7f", "\x01\x7f"},
		{"\x80", BAD},
		{"\xff\xfe", BAD BAD},
		{"a\xc3", "a" BAD}, /* cut off, as a name of 15 bytes may be */
		{"a\xe2\x82", "a" BAD BAD},
		{"\xf0\x9f\x98", BAD BAD BAD},
		{"\xc0\xaf", BAD BAD}, /* overlong */
		{"\xc1\xbf", BAD BAD},
		{"\xe0\x9f\xbf", BAD BAD BAD},
		{"\xe0\xa0\x80", "\xe0\xa0\x80"},
		{"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
		{"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
		{"\xed\xa0\x80", BAD BAD BAD}, /* a surrogate */
		{"\xed\x9f\xbf", "\xed\x9f\xbf"},
		{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* past U+10FFFF */
		{"\xf5\x80\x80\x80", BAD BAD BAD BAD},
		{"\xe2\x28\xa1", BAD "(" BAD},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = {0};

		utf8_append(&buffer, cases[i].in);
		EXPECT(&buffer, cases[i].out);
		buffer_free(&buffer);
	}
}
