/* SPDX-License-Identifier: GPL-2.0 */
/* Records as they lie in the file: compressed where that pays, with a checksum in any case. */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>

#include "journal/journal_file.h"

/* Less is not worth the attempt. */
#define COMPRESS_LEAST 128

static uint32_t checksum(const struct journal_record *record)
{
	const uint64_t about[] = {record->sequence, record->time, record->wall, record->run,
				  record->kind};

	uint32_t crc = libdeflate_crc32(0, about, sizeof(about));

	/* SQLite gives no bytes as NULL, for which libdeflate begins anew. */
	return record->size ? libdeflate_crc32(crc, record->bytes, record->size) : crc;
}

int journal_pack(struct libdeflate_compressor *compressor, const struct journal_record *record,
		 struct journal_packed *ret_packed)
{
	struct journal_packed packed = {
		.bytes = record->bytes,
		.size = record->size,
		.crc = checksum(record),
	};
	size_t size = 0;

	if (record->size > JOURNAL_RECORD_MAX)
		return -EFBIG;
	if (record->size >= COMPRESS_LEAST) {
		packed.memory = malloc(record->size);
		if (!packed.memory)
			return -ENOMEM;
		size = libdeflate_deflate_compress(compressor, record->bytes, record->size,
						   packed.memory, record->size - 1);
	}
	/* What does not become smaller found no room, and stays as it is. */
	if (size) {
		packed.bytes = packed.memory;
		packed.size = size;
		packed.raw = record->size;
	}
	*ret_packed = packed;
	return 0;
}

static int inflate(const struct journal_packed *packed, void *raw)
{
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	enum libdeflate_result result;

	if (!decompressor)
		return -ENOMEM;
	result = libdeflate_deflate_decompress(decompressor, packed->bytes, packed->size, raw,
					       packed->raw, NULL);
	libdeflate_free_decompressor(decompressor);
	return result == LIBDEFLATE_SUCCESS ? 0 : -EUCLEAN;
}

int journal_unpack(const struct journal_packed *packed, struct journal_record *record,
		   void **ret_memory)
{
	void *raw = NULL;
	int r = 0;

	record->bytes = packed->bytes;
	record->size = packed->size;
	if (packed->raw > JOURNAL_RECORD_MAX)
		return -EUCLEAN;
	if (packed->raw) {
		raw = malloc(packed->raw);
		if (!raw)
			return -ENOMEM;
		r = inflate(packed, raw);
		record->bytes = raw;
		record->size = packed->raw;
	}
	if (r >= 0 && checksum(record) != packed->crc)
		r = -EUCLEAN;
	if (r < 0)
		free(raw);
	else
		*ret_memory = raw;
	return r;
}
