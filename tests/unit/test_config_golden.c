/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tests/golden/config: each NAME.in has a NAME.ok, its canonical form, or a
 * NAME.err, all that is complained of.  Run from the root of the source tree.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "test_config.h"

#define FOLDER "tests/golden/config"

/* The file's text, which the caller frees; NULL if there is none. */
static char *read_golden(const char *name, const char *suffix, size_t *ret_size)
{
	char path[512];
	char *text;
	FILE *file;

	snprintf(path, sizeof(path), FOLDER "/%s.%s", name, suffix);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	text = calloc(1, CONFIG_FILE_MAX + 1);
	*ret_size = fread(text, 1, CONFIG_FILE_MAX, file);
	fclose(file);
	return text;
}

/* Calls `check` with the name and content of each input; returns how many. */
static size_t each_input(void (*check)(const char *name, const char *text, size_t size))
{
	struct dirent **entries;
	size_t inputs = 0;
	int count = scandir(FOLDER, &entries, NULL, alphasort);

	cr_assert_gt(count, 0, FOLDER ": %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;
		char *end = strrchr(name, '.');
		size_t size = 0;
		char *text;

		if (!strcmp(end, ".in")) {
			*end = '\0';
			text = read_golden(name, "in", &size);
			check(name, text, size);
			free(text);
			inputs++;
		}
		free(entries[i]);
	}
	free(entries);
	return inputs;
}

static void check_golden(const char *name, const char *text, size_t size)
{
	size_t unused;
	char *ok = read_golden(name, "ok", &unused);
	char *err = read_golden(name, "err", &unused);
	char file[256];
	char *canonical = NULL;
	struct parsed parsed;

	snprintf(file, sizeof(file), "%s.in", name);
	parsed = parse_config(file, text, size);
	cr_assert_neq(!ok, !err, "%s: neither .ok nor .err, or both", name);
	cr_expect_eq(parsed.err, ok ? 0 : -EINVAL, "%s: %s", name, parsed.complaints);
	cr_expect_str_eq(parsed.complaints, ok ? "" : err, "%s: %s", name, parsed.complaints);
	if (parsed.config)
		canonical = print_config(parsed.config);
	if (ok)
		cr_expect_str_eq(canonical ? canonical : "", ok, "%s: %s", name, canonical);
	free(canonical);
	free(ok);
	free(err);
	free_parsed(&parsed);
}

Test(config_golden, pairs)
{
	cr_expect_geq(each_input(check_golden), 28);
}

/* The canonical form and its JSON are configurations that mean the same. */
static void check_round_trip(const char *name, const char *text, size_t size)
{
	struct parsed parsed = parse_config(name, text, size);
	struct parsed again;
	char *canonical;
	char *twice;
	char *json = NULL;

	if (!parsed.config) {
		free_parsed(&parsed);
		return;
	}
	canonical = print_config(parsed.config);
	cr_assert_eq(config_print_json(parsed.config, &json), 0);
	for (int i = 0; i < 2; i++) {
		again = parse_text(i ? json : canonical);
		cr_assert_eq(again.err, 0, "%s: %s", name, again.complaints);
		twice = print_config(again.config);
		cr_expect_str_eq(twice, canonical, "%s", name);
		cr_expect_eq(config_hash(again.config), config_hash(parsed.config), "%s", name);
		free(twice);
		free_parsed(&again);
	}
	free(canonical);
	free(json);
	free_parsed(&parsed);
}

Test(config_golden, round_trip)
{
	each_input(check_round_trip);
}

/* Computed apart, by the definition, from empty.ok. */
Test(config_golden, hash_is_fnv_1a)
{
	struct parsed parsed = parse_text("");
	uint64_t hash = config_hash(parsed.config);

	cr_expect_eq(hash, UINT64_C(0xcd76c90b70a68929), "%016" PRIx64, hash);
	free_parsed(&parsed);
}

Test(config_golden, hash_tells_apart)
{
	struct parsed a = parse_text("discover: true");
	struct parsed b = parse_text("discover: false");
	struct parsed c = parse_text("# another\n{discover: true}");

	cr_expect_neq(config_hash(a.config), config_hash(b.config));
	cr_expect_eq(config_hash(a.config), config_hash(c.config));
	free_parsed(&a);
	free_parsed(&b);
	free_parsed(&c);
}

Test(config_golden, print_tells_of_a_full_disk)
{
	struct parsed parsed = parse_text("");
	FILE *full = fopen("/dev/full", "w");

	cr_expect_eq(config_print(parsed.config, full), -EIO);
	fclose(full);
	free_parsed(&parsed);
}
