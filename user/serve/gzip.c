/* SPDX-License-Identifier: GPL-2.0 */
/*
 * By ISA-L, which takes a third of libdeflate's time, and a sixth of zlib's, for a
 * twentieth more bytes: compression was the greater part of a scrape.
 */
#include "serve/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define LEVEL	   1
#define LEVEL_ROOM ISAL_DEF_LVL1_SMALL

/* What the input holds: it is still in the processor's cache when it is compressed. */
#define INPUT ((size_t)64 << 10)

/* How much room the output has at least when more is compressed. */
#define OUTPUT ((size_t)16 << 10)

struct gzip {
	struct buffer in; /* first: gzip_drain() casts back */
	struct buffer *out;
	struct isal_zstream stream;
	uint8_t memory[LEVEL_ROOM];
};

/*
 * ISA-L leaves the upper halves of the vector registers dirty, so that those who use
 * SSE and AVX in turns wait: an encoder that compresses now and then was half as quick.
 */
#ifdef __x86_64__
__attribute__((target("avx"))) static void clear_uppers(void)
{
	_mm256_zeroupper();
}
#endif

static int deflate_some(struct isal_zstream *stream)
{
	int status = isal_deflate(stream);

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		clear_uppers();
#endif
	return status == COMP_OK ? 0 : -EINVAL;
}

/* Until all has been taken in, and at the end given out. */
static int gzip_take(struct gzip *gzip, const void *data, size_t size, bool end)
{
	struct isal_zstream *stream = &gzip->stream;
	int err;

	if (size > UINT32_MAX)
		return -EFBIG;
	stream->next_in = (uint8_t *)data;
	stream->avail_in = (uint32_t)size;
	stream->end_of_stream = end;
	while (end ? stream->internal_state.state != ZSTATE_END : stream->avail_in) {
		char *room = buffer_reserve(gzip->out, OUTPUT);

		if (!room)
			return gzip->out->error;
		stream->next_out = (uint8_t *)room;
		stream->avail_out = (uint32_t)OUTPUT;
		err = deflate_some(stream);
		if (err)
			return err;
		gzip->out->length += OUTPUT - stream->avail_out;
	}
	return 0;
}

static int gzip_drain(struct buffer *buffer, const void *data, size_t size)
{
	return gzip_take((struct gzip *)buffer, data, size, false);
}

int gzip_begin(struct buffer *out, struct gzip **ret_gzip)
{
	struct gzip *gzip = malloc(sizeof(*gzip));

	if (!gzip)
		return -ENOMEM;
	gzip->in = (struct buffer){.drain = gzip_drain};
	if (!buffer_reserve(&gzip->in, INPUT)) {
		free(gzip);
		return -ENOMEM;
	}
	gzip->out = out;
	isal_deflate_init(&gzip->stream);
	gzip->stream.gzip_flag = IGZIP_GZIP;
	gzip->stream.level = LEVEL;
	gzip->stream.level_buf = gzip->memory;
	gzip->stream.level_buf_size = LEVEL_ROOM;
	*ret_gzip = gzip;
	return 0;
}

struct buffer *gzip_input(struct gzip *gzip)
{
	return &gzip->in;
}

int gzip_end(struct gzip *gzip)
{
	int err = gzip->in.error;

	if (!err)
		err = gzip_take(gzip, gzip->in.data, gzip->in.length, true);
	buffer_free(&gzip->in);
	free(gzip);
	return err;
}
