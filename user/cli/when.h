/* SPDX-License-Identifier: GPL-2.0 */
/* Moments, as people write and read them. */
#ifndef SHUNT_CLI_WHEN_H
#define SHUNT_CLI_WHEN_H

#include <stdint.h>

/* "2026-01-31 12:00:00.250Z" and its final 0, with room to spare. */
#define WHEN_SIZE 40

/*
 * Reads "2026-01-31T12:00:00Z", with a space for the T, without the Z, without seconds, or the
 * date alone, all in UTC; "@" and seconds since 1970; or how long ago: "90s", "15m", "1h", "2d".
 * 0 and ns since 1970, or -EINVAL.
 */
int when_read(const char *text, uint64_t *ret_wall);

/* Writes a moment, in UTC, to the millisecond. */
void when_print(uint64_t wall, char ret_text[WHEN_SIZE]);

#endif
