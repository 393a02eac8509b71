/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/text.h"

#include <stdarg.h>
#include <stdio.h>

void say(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	if (text->length >= text->size)
		return;
	va_start(args, format);
	n = vsnprintf(text->buf + text->length, text->size - text->length, format, args);
	va_end(args);
	if (n > 0)
		text->length += (size_t)n;
}
