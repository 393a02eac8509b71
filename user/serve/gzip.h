/* SPDX-License-Identifier: GPL-2.0 */
/* Compression of an HTTP body (RFC 1952). */
#ifndef SHUNT_GZIP_H
#define SHUNT_GZIP_H

#include "serve/buffer.h"

/*
 * Appends `in` compressed.  The level is the fastest, for the text is made of
 * near copies, which any level finds.  Returns 0, -ENOMEM, or -EFBIG from 4 GiB on.
 */
int gzip_compress(const struct buffer *in, struct buffer *out);

#endif
