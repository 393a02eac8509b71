/* SPDX-License-Identifier: GPL-2.0 */
#include "config/yaml.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "config/values.h"

#define SHARE_SCALE 1000000000

/* A null or a boolean to YAML 1.1, whatever we make of it. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no",
					    "on",   "off",  "y",     "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcasecmp(words[i], text))
			return true;
	}
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Durations, sizes, and words and paths that no reader could mistake. */
static bool is_plain(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-./";
	uint64_t value;

	if (!value_parse_duration(text, &value) || !value_parse_size(text, &value))
		return true;
	if (!is_letter(*text) && *text != '/')
		return false;
	return !text[strspn(text, safe)] && !is_reserved(text);
}

static void print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* From 0 to 1 with up to nine decimals, whatever the locale's decimal point. */
static void print_share(double share, FILE *out)
{
	long scaled = lround(share * SHARE_SCALE);
	int digits = 9;

	if (scaled % SHARE_SCALE == 0) {
		fprintf(out, "%ld", scaled / SHARE_SCALE);
		return;
	}
	for (; scaled % 10 == 0; digits--)
		scaled /= 10;
	fprintf(out, "0.%0*ld", digits, scaled);
}

static void print_scalar(const json_t *value, FILE *out)
{
	const char *text = json_string_value(value);

	if (json_is_real(value))
		print_share(json_real_value(value), out);
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "true" : "false", out);
	else if (!text)
		fputs("null", out);
	else if (is_plain(text))
		fputs(text, out);
	else
		print_quoted(text, out);
}

/* Quoted throughout: in a flow list plain texts have rules of their own. */
static void print_list(const json_t *list, FILE *out)
{
	const json_t *item;
	size_t i;

	fputs(" [", out);
	json_array_foreach(list, i, item)
	{
		fputs(i ? ", " : "", out);
		print_quoted(json_string_value(item), out);
	}
	fputs("]\n", out);
}

static void print_object(const json_t *object, int indent, const char *first, FILE *out);

static void print_member(const json_t *value, int indent, FILE *out)
{
	const json_t *item;
	size_t i;

	if (json_is_object(value)) {
		fputc('\n', out);
		print_object(value, indent + 2, "", out);
	} else if (json_is_object(json_array_get(value, 0))) {
		fputc('\n', out);
		json_array_foreach(value, i, item) print_object(item, indent + 4, "- ", out);
	} else if (json_is_array(value)) {
		print_list(value, out);
	} else {
		fputc(' ', out);
		print_scalar(value, out);
		fputc('\n', out);
	}
}

/* `first` stands before the first key, within the indentation. */
static void print_object(const json_t *object, int indent, const char *first, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		fprintf(out, "%*s%s:", indent, first, key);
		first = "";
		print_member(value, indent, out);
	}
}

void yaml_print(const json_t *object, FILE *out)
{
	print_object(object, 0, "", out);
}
