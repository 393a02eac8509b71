/* SPDX-License-Identifier: GPL-2.0 */
/* What writing a tape and reading it have in common. */
#ifndef SHUNT_JOURNAL_TAPE_PARTS_H
#define SHUNT_JOURNAL_TAPE_PARTS_H

#include <string.h>

#include "journal/tape.h"

/* How far ticks are apart if all is well; a distance is told by how it differs, in units. */
#define TAPE_TICK 100000000LL
#define TAPE_UNIT 1000

/* Of a tick. */
enum tape_flag {
	TAPE_EXACT = 1, /* its distance is not in whole units */
	TAPE_LATE = 2,
	TAPE_LOST = 4,
	TAPE_LOOKED = 8,
	TAPE_SAMPLES = 16,
	TAPE_OUTCOME = 32,
};

/* The fields of a sample but its slot: those that are seldom 0 first, for a short set. */
struct tape_field {
	uint16_t offset;
	bool wide; /* 64 bits, not 32 */
};

#define TAPE_FIELDS 30

extern const struct tape_field tape_fields[TAPE_FIELDS];

static inline uint64_t tape_field(const struct engine_sample *sample,
				  const struct tape_field *field)
{
	const char *at = (const char *)sample + field->offset;
	uint64_t wide;
	uint32_t narrow;

	if (field->wide) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

#endif
