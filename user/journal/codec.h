/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How what the journal keeps is written as bytes: small numbers in few of them, the same on
 * every machine.  Numbers are LEB128 (DWARF 5, 7.6): seven bits a byte, the lowest first.
 */
#ifndef SHUNT_JOURNAL_CODEC_H
#define SHUNT_JOURNAL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/buffer.h"

/* A number has at most so many bytes. */
#define CODEC_U64_MAX 10

void codec_u64(struct buffer *out, uint64_t value);

/* A difference, which may be below zero: zigzag, so that -1 is as short as 1. */
void codec_s64(struct buffer *out, int64_t value);

/* Bit for bit, in 8 bytes. */
void codec_double(struct buffer *out, double value);

/* Its length and its bytes. */
void codec_bytes(struct buffer *out, const void *bytes, size_t size);
void codec_text(struct buffer *out, const char *text);

/* As codec_bytes(), for what is mostly zeros: runs of zeros and of others take turns. */
void codec_sparse(struct buffer *out, const void *bytes, size_t size);

/*
 * What is read.  After the end, or where the bytes make no sense, everything reads as 0 and
 * `failed` is set: so a reader asks once, at its end.
 */
struct codec_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct codec_reader codec_reader(const void *bytes, size_t size);

/* Whether there is more, and all went well so far. */
static inline bool codec_more(const struct codec_reader *reader)
{
	return !reader->failed && reader->at < reader->end;
}

uint64_t codec_read_u64(struct codec_reader *reader);
int64_t codec_read_s64(struct codec_reader *reader);
double codec_read_double(struct codec_reader *reader);

/* The bytes themselves, which are the reader's; NULL and 0 where it fails. */
const void *codec_read_bytes(struct codec_reader *reader, size_t *ret_size);

/* Into `size` bytes, the last of which is 0; fails where the text is longer. */
void codec_read_text(struct codec_reader *reader, char *text, size_t size);

/* What codec_sparse() wrote of exactly `size` bytes; of another size it fails. */
void codec_read_sparse(struct codec_reader *reader, void *bytes, size_t size);

#endif
