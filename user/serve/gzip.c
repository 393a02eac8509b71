/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/gzip.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

/* zlib's own defaults for the window and memory, plus 16 for a gzip header. */
#define WINDOW_BITS (15 + 16)
#define MEMORY	    8

int gzip_compress(const struct buffer *in, struct buffer *out)
{
	z_stream stream = {0};
	char *room;
	uLong bound;
	int err = -ENOMEM;

	if (in->length > UINT_MAX / 2)
		return -EFBIG;
	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&stream, in->length);
	room = buffer_reserve(out, bound);
	if (!room)
		goto out;
	stream.next_in = (Bytef *)in->data;
	stream.avail_in = (uInt)in->length;
	stream.next_out = (Bytef *)room;
	stream.avail_out = (uInt)bound;
	/* One call does it all, for the output cannot run out. */
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		goto out;
	out->length += stream.total_out;
	err = 0;
out:
	deflateEnd(&stream);
	return err;
}
