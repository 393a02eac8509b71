/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The status page: user/serve/page/ made one file by page/build, which is part of the
 * program.  It asks for /api/v1/events and for nothing else, and can do nothing.
 */
#ifndef SHUNT_PAGE_H
#define SHUNT_PAGE_H

#include <stddef.h>

extern const char page_html[];
extern const size_t page_length;

/* Content-Security-Policy: this very script and style, by their hashes, and no others. */
extern const char page_policy[];

#endif
