/* SPDX-License-Identifier: GPL-2.0 */
#include "config/complaints.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void complaints_add(struct complaints *complaints, size_t line, const char *format, ...)
{
	struct complaint *item;
	va_list args;

	if (complaints->count++ >= COMPLAINTS_MAX)
		return;
	item = &complaints->items[complaints->count - 1];
	item->line = line;
	va_start(args, format);
	vsnprintf(item->text, sizeof(item->text), format, args);
	va_end(args);
}

/*
 * Copies `text` with everything but printable ASCII escaped, up to `max` bytes
 * of it; `out` has room for four times as many and a NUL.  Returns the length.
 */
static size_t escape(const char *text, size_t max, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < max && text[i]; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '\'' && byte != '\\')
			out[used++] = text[i];
		else
			used += (size_t)sprintf(out + used, "\\x%02x", byte);
	}
	out[used] = '\0';
	return used;
}

const char *quote(const char *text, char buffer[static QUOTED_SIZE])
{
	size_t used;

	buffer[0] = '\'';
	used = 1 + escape(text, QUOTED_MAX, buffer + 1);
	snprintf(buffer + used, QUOTED_SIZE - used, "%s'",
		 strnlen(text, QUOTED_MAX + 1) > QUOTED_MAX ? "..." : "");
	return buffer;
}

/* Insertion sort: at most 20 items, and it keeps those of one line in order. */
static void sort_by_line(struct complaint *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j > 0 && items[j].line < items[j - 1].line; j--) {
			struct complaint swap = items[j];

			items[j] = items[j - 1];
			items[j - 1] = swap;
		}
	}
}

void complaints_tell(struct complaints *complaints, config_complain_fn complain, void *userdata)
{
	size_t told = complaints->count < COMPLAINTS_MAX ? complaints->count : COMPLAINTS_MAX;
	char file[4 * COMPLAINTS_FILE_MAX + 1];
	char line[sizeof(file) + COMPLAINTS_TEXT_MAX + 32];

	if (!complain)
		return;
	sort_by_line(complaints->items, told);
	escape(complaints->file, COMPLAINTS_FILE_MAX, file);
	for (size_t i = 0; i < told; i++) {
		const struct complaint *item = &complaints->items[i];

		if (item->line)
			snprintf(line, sizeof(line), "%s:%zu: %s", file, item->line, item->text);
		else
			snprintf(line, sizeof(line), "%s: %s", file, item->text);
		complain(userdata, line);
	}
	if (complaints->count > told) {
		snprintf(line, sizeof(line), "%s: %zu more problems are not shown", file,
			 complaints->count - told);
		complain(userdata, line);
	}
}
