/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inputs of tests/golden/config with bytes flipped, cut, doubled and swapped,
 * always in the same way.  Nothing crashes; what is refused says why, in printable
 * lines; what is taken prints back as itself.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>

#include "test_config.h"

#define ROUNDS	   20000
#define LENGTH_MAX 4096

/* xorshift64* (Marsaglia 2003, Vigna 2016), seeded alike each time. */
static uint64_t state = 0x9e3779b97f4a7c15;

static size_t below(size_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % limit;
}

/* What the grammar is made of, put in more often than chance would. */
static const char *const tokens[] = {
	"\n",	":",
	"- ",	"[",
	"]",	"{",
	"}",	"\"",
	"'",	"*",
	"&a",	"|",
	"#",	"\t",
	"\\",	"/0",
	"~",	"null",
	"  ",	"99999999999999999999",
	"\xff", "\xe2\x80\xa8",
	"!!",	"---\n",
	",",	"0",
	"%",
};

static size_t insert(char *text, size_t size, const char *token)
{
	size_t length = strlen(token);
	size_t at = below(size + 1);

	memmove(text + at + length, text + at, size - at);
	for (size_t i = 0; i < length; i++)
		text[at + i] = token[i];
	return size + length;
}

static size_t mutate(char *text, size_t size)
{
	size_t from = below(size + 1);
	size_t length = below(size + 1 - from) % 64;
	size_t to;

	switch (below(5)) {
	case 0:
		return below(size + 1);
	case 1:
		memmove(text + from, text + from + length, size - from - length);
		return size - length;
	case 2:
		return insert(text, size, tokens[below(sizeof(tokens) / sizeof(tokens[0]))]);
	case 3:
		to = below(size + 1 - length);
		memmove(text + to, text + from, length);
		return size;
	default:
		if (size)
			text[below(size)] ^= (char)(1 << below(8));
		return size;
	}
}

static void expect_printable(const char *complaints)
{
	for (; *complaints; complaints++)
		cr_assert(isprint((unsigned char)*complaints) || *complaints == '\n');
}

/* Returns whether it was taken. */
static bool check(const char *text, size_t size)
{
	struct parsed parsed = parse_config("t", text, size);
	bool taken = parsed.config;
	struct parsed again;
	char *canonical;
	char *twice;

	expect_printable(parsed.complaints);
	cr_assert_eq(taken, !*parsed.complaints, "%s", parsed.complaints);
	if (taken) {
		canonical = print_config(parsed.config);
		again = parse_text(canonical);
		cr_assert_eq(again.err, 0, "%s%s", canonical, again.complaints);
		twice = print_config(again.config);
		cr_assert_str_eq(canonical, twice);
		free(canonical);
		free(twice);
		free_parsed(&again);
	}
	free_parsed(&parsed);
	return taken;
}

static size_t read_input(const char *path, char *text)
{
	FILE *file = fopen(path, "r");
	size_t size;

	cr_assert(file, "%s", path);
	size = fread(text, 1, LENGTH_MAX, file);
	fclose(file);
	return size;
}

Test(config_mutate, golden_inputs)
{
	char text[LENGTH_MAX + 64];
	char *exact;
	size_t taken = 0;
	glob_t inputs;

	cr_assert_eq(glob("tests/golden/config/*.in", 0, NULL, &inputs), 0);
	for (size_t round = 0; round < ROUNDS; round++) {
		size_t size = read_input(inputs.gl_pathv[round % inputs.gl_pathc], text);

		for (size_t i = 0, count = 1 + below(3); i < count; i++)
			size = mutate(text, size);
		/* A copy without room to spare, so that a sanitizer sees the end. */
		exact = malloc(size + !size);
		memcpy(exact, text, size);
		taken += check(exact, size);
		free(exact);
	}
	globfree(&inputs);
	/* Both kinds have to come up, or the mutations prove nothing. */
	cr_expect_gt(taken, ROUNDS / 20);
	cr_expect_lt(taken, ROUNDS / 2);
}
