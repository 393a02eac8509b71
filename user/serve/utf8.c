/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/utf8.h"

#include <stdbool.h>

static bool within(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

/* What the second byte may be depends on the first; the later ones are free. */
static bool second_fits(const unsigned char *text)
{
	switch (text[0]) {
	case 0xe0:
		return within(text[1], 0xa0, 0xbf);
	case 0xed:
		return within(text[1], 0x80, 0x9f);
	case 0xf0:
		return within(text[1], 0x90, 0xbf);
	case 0xf4:
		return within(text[1], 0x80, 0x8f);
	default:
		return within(text[1], 0x80, 0xbf);
	}
}

size_t utf8_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length;

	if (within(bytes[0], 0x01, 0x7f))
		return 1;
	if (within(bytes[0], 0xc2, 0xdf))
		length = 2;
	else if (within(bytes[0], 0xe0, 0xef))
		length = 3;
	else if (within(bytes[0], 0xf0, 0xf4))
		length = 4;
	else
		return 0;

	if (!second_fits(bytes))
		return 0;
	for (size_t i = 2; i < length; i++) {
		if (!within(bytes[i], 0x80, 0xbf))
			return 0;
	}
	return length;
}

size_t utf8_append_one(struct buffer *buffer, const char *text)
{
	size_t length = utf8_length(text);

	if (length) {
		buffer_append(buffer, text, length);
		return length;
	}
	buffer_string(buffer, "\xef\xbf\xbd");
	return 1;
}

void utf8_append(struct buffer *buffer, const char *text)
{
	while (*text)
		text += utf8_append_one(buffer, text);
}
