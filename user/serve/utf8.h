/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that others chose: a process may call itself any bytes, while metrics
 * and JSON want UTF-8.
 */
#ifndef SHUNT_UTF8_H
#define SHUNT_UTF8_H

#include "serve/buffer.h"

/*
 * The length in bytes of the well-formed character at `text` (Unicode 15,
 * table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF), or 0
 * where there is none.  `text` is terminated; the terminator is no character.
 */
size_t utf8_length(const char *text);

/*
 * Appends the character at `text`, a byte of what is ill-formed as U+FFFD.
 * Returns how many bytes of `text` that was; not to be called at its end.
 */
size_t utf8_append_one(struct buffer *buffer, const char *text);

/* Appends all of `text` so. */
void utf8_append(struct buffer *buffer, const char *text);

#endif
