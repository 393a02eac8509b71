/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers, texts and states as bytes, and back; and what is no such bytes. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "journal/codec.h"
#include "unit/random.h"

static struct buffer out;

static void clear(void)
{
	buffer_free(&out);
	out = (struct buffer){0};
}

TestSuite(journal_codec, .fini = clear);

static struct codec_reader written(void)
{
	cr_assert_eq(out.error, 0);
	return codec_reader(out.data, out.length);
}

Test(journal_codec, numbers_are_as_short_as_they_are_small)
{
	static const struct {
		uint64_t value;
		size_t size;
	} cases[] = {{0, 1},
		     {1, 1},
		     {127, 1},
		     {128, 2},
		     {16383, 2},
		     {16384, 3},
		     {UINT32_MAX, 5},
		     {(uint64_t)INT64_MAX, 9},
		     {(uint64_t)INT64_MAX + 1, 10},
		     {UINT64_MAX, 10}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct codec_reader reader;

		buffer_clear(&out);
		codec_u64(&out, cases[i].value);
		cr_assert_eq(out.length, cases[i].size, "%llu", (unsigned long long)cases[i].value);
		reader = written();
		cr_assert_eq(codec_read_u64(&reader), cases[i].value);
		cr_assert_not(reader.failed);
		cr_assert_not(codec_more(&reader));
	}
}

Test(journal_codec, differences_are_as_short_below_zero)
{
	static const int64_t values[] = {0, -1, 1, -64, 63, -65, 64, INT64_MIN, INT64_MAX};
	static const size_t sizes[] = {1, 1, 1, 1, 1, 2, 2, 10, 10};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct codec_reader reader;

		buffer_clear(&out);
		codec_s64(&out, values[i]);
		cr_assert_eq(out.length, sizes[i]);
		reader = written();
		cr_assert_eq(codec_read_s64(&reader), values[i]);
	}
}

Test(journal_codec, doubles_are_kept_bit_for_bit)
{
	static const double values[] = {0.0, -0.0, 0.1, 1e308, 5e-324, INFINITY};
	struct codec_reader reader;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		codec_double(&out, values[i]);
	reader = written();
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		double value = codec_read_double(&reader);

		/* Also -0.0.  NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
		cr_assert_eq(memcmp(&value, &values[i], sizeof(value)), 0);
	}
	cr_assert_not(codec_more(&reader));
	cr_assert_eq(codec_read_double(&reader), 0);
	cr_assert(reader.failed);
}

Test(journal_codec, texts_and_states_come_back)
{
	uint8_t state[1000] = {0}, back[1000];
	struct codec_reader reader;
	uint64_t random = 1;
	char text[6];

	for (unsigned i = 0; i < 40; i++)
		state[random_next(&random) % sizeof(state)] = (uint8_t)random_next(&random);
	codec_text(&out, "hello");
	codec_sparse(&out, state, sizeof(state));
	codec_u64(&out, 7);
	cr_assert_lt(out.length, 240);
	reader = written();
	codec_read_text(&reader, text, sizeof(text));
	cr_assert_str_eq(text, "hello");
	memset(back, 0xff, sizeof(back));
	codec_read_sparse(&reader, back, sizeof(back));
	cr_assert_eq(memcmp(back, state, sizeof(back)), 0);
	cr_assert_eq(codec_read_u64(&reader), 7);
	cr_assert_not(reader.failed);
}

Test(journal_codec, a_text_that_does_not_fit_fails)
{
	struct codec_reader reader;
	char text[5];

	codec_text(&out, "hello");
	reader = written();
	codec_read_text(&reader, text, sizeof(text));
	cr_assert(reader.failed);
	cr_assert_str_eq(text, "");
}

Test(journal_codec, a_state_of_another_size_fails)
{
	uint8_t state[64] = {1}, back[65];
	struct codec_reader reader;

	codec_sparse(&out, state, sizeof(state));
	reader = written();
	codec_read_sparse(&reader, back, sizeof(back));
	cr_assert(reader.failed);
}

/* Each beginning of what was written, and 100,000 strings of random bytes. */
Test(journal_codec, no_bytes_lead_anywhere_else)
{
	uint64_t random = 2;
	uint8_t state[64] = {0, 0, 0, 0, 0, 0, 1, 2, 3}, back[64], noise[24];
	size_t size;

	codec_sparse(&out, state, sizeof(state));
	for (size = 0; size < out.length; size++) {
		struct codec_reader reader = codec_reader(out.data, size);

		codec_read_sparse(&reader, back, sizeof(back));
		cr_assert(reader.failed, "%zu", size);
	}
	for (unsigned i = 0; i < 100000; i++) {
		struct codec_reader reader = codec_reader(noise, sizeof(noise));

		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)random_next(&random);
		noise[0] = 64;
		codec_read_sparse(&reader, back, sizeof(back));
		codec_read_bytes(&reader, &size);
		codec_read_s64(&reader);
		cr_assert_leq(reader.at, reader.end);
	}
}

Test(journal_codec, the_eleventh_byte_of_a_number_is_too_many)
{
	static const uint8_t longest[] = {0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0x02};
	struct codec_reader reader = codec_reader(longest, sizeof(longest));

	cr_assert_eq(codec_read_u64(&reader), 0);
	cr_assert(reader.failed);
}
