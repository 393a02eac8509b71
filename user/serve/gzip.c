/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/gzip.h"

#include <errno.h>
#include <libdeflate.h>

#define LEVEL_FASTEST 1

/*
 * By libdeflate, which takes half of zlib's time for the same size of this text:
 * compression is the greater part of a scrape.
 */
int gzip_compress(const struct buffer *in, struct buffer *out)
{
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL_FASTEST);
	int err = -ENOMEM;
	size_t bound, size;
	char *room;

	if (!compressor)
		return -ENOMEM;
	bound = libdeflate_gzip_compress_bound(compressor, in->length);
	room = buffer_reserve(out, bound);
	if (!room)
		goto out;
	/* It fits, and then it cannot fail. */
	size = libdeflate_gzip_compress(compressor, in->data, in->length, room, bound);
	if (!size)
		goto out;
	out->length += size;
	err = 0;
out:
	libdeflate_free_compressor(compressor);
	return err;
}
