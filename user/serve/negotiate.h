/* SPDX-License-Identifier: GPL-2.0 */
/* What a client would rather have (RFC 9110, 12.5): Accept and Accept-Encoding. */
#ifndef SHUNT_NEGOTIATE_H
#define SHUNT_NEGOTIATE_H

#include <stdbool.h>

#include "serve/metrics.h"

/*
 * The format with the highest q; the earlier in the header among equals.  A
 * wildcard stands for the text format.  METRICS_TEXT as well where `accept` is
 * NULL or names nothing that there is: a scraper is better served with
 * something than with 406.
 */
enum metrics_format negotiate_format(const char *accept);

/* Whether to compress; `accept_encoding` may be NULL. */
bool negotiate_gzip(const char *accept_encoding);

#endif
