/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#define LEVEL	   1
#define LEVEL_ROOM ISAL_DEF_LVL1_SMALL

/* The text comes down to a twentieth; what needs more gets it. */
#define SHARE 16
#define LEAST 4096

/* Until all has been taken in and given out. */
static int compress_all(struct isal_zstream *stream, size_t step, struct buffer *out)
{
	while (stream->internal_state.state != ZSTATE_END) {
		char *room = buffer_reserve(out, step);

		if (!room)
			return out->error;
		stream->next_out = (uint8_t *)room;
		stream->avail_out = (uint32_t)step;
		if (isal_deflate(stream) != COMP_OK)
			return -EINVAL;
		out->length += step - stream->avail_out;
	}
	return 0;
}

/*
 * By ISA-L, which takes a third of libdeflate's time, and a sixth of zlib's, for a
 * twentieth more bytes: compression was the greater part of a scrape.
 */
int gzip_compress(const struct buffer *in, struct buffer *out)
{
	struct isal_zstream stream;
	uint8_t *memory;
	int err;

	if (in->length > UINT32_MAX)
		return -EFBIG;
	memory = malloc(LEVEL_ROOM);
	if (!memory)
		return -ENOMEM;
	isal_deflate_init(&stream);
	stream.gzip_flag = IGZIP_GZIP;
	stream.level = LEVEL;
	stream.level_buf = memory;
	stream.level_buf_size = LEVEL_ROOM;
	stream.next_in = (uint8_t *)in->data;
	stream.avail_in = (uint32_t)in->length;
	stream.end_of_stream = 1;
	err = compress_all(&stream, in->length / SHARE + LEAST, out);
	free(memory);
	return err;
}
