/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The problems found in one file.  They are collected, so that the operator
 * reads them in the order of the file whichever check found them, and bounded,
 * so that a file of the wrong kind does not fill the screen.
 */
#ifndef SHUNT_CONFIG_COMPLAINTS_H
#define SHUNT_CONFIG_COMPLAINTS_H

#include <stddef.h>

#include "config/config.h"

/* Complaints told; those past it are only counted. */
#define COMPLAINTS_MAX	    20
#define COMPLAINTS_TEXT_MAX 512
/* Bytes of the file's name that are shown. */
#define COMPLAINTS_FILE_MAX 512

/* What quote() needs: 48 bytes of text as "\xNN" each, quotes and an ellipsis. */
#define QUOTED_MAX  48
#define QUOTED_SIZE (4 * QUOTED_MAX + 8)

struct complaint {
	size_t line; /* 0: the file as a whole */
	char text[COMPLAINTS_TEXT_MAX];
};

struct complaints {
	const char *file;
	size_t count; /* of all, the untold too */
	struct complaint items[COMPLAINTS_MAX];
};

/* Adds one complaint about `line` (from 1; 0: none in particular). */
void complaints_add(struct complaints *complaints, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes every complaint on as "FILE:LINE: text", by ascending line. */
void complaints_tell(struct complaints *complaints, config_complain_fn complain, void *userdata);

/*
 * Writes 'text' with everything but printable ASCII escaped, for it comes from
 * a file and goes to a terminal, and cut after QUOTED_MAX bytes.  Returns `buffer`.
 */
const char *quote(const char *text, char buffer[static QUOTED_SIZE]);

#endif
