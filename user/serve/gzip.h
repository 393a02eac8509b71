/* SPDX-License-Identifier: GPL-2.0 */
/* Compression of an HTTP body (RFC 1952). */
#ifndef SHUNT_GZIP_H
#define SHUNT_GZIP_H

#include "serve/buffer.h"

struct gzip;

/*
 * Begins a stream whose compressed bytes are appended to `out`.  The level is the
 * fastest, for the text is made of near copies, which any level finds.  0 or -ENOMEM.
 */
int gzip_begin(struct buffer *out, struct gzip **ret_gzip);

/* Where the plain bytes are appended; it is small, and drains into the compressor. */
struct buffer *gzip_input(struct gzip *gzip);

/* Ends the stream and frees it.  0, or the first error of the input or of the output. */
int gzip_end(struct gzip *gzip);

#endif
