/* SPDX-License-Identifier: GPL-2.0 */
/* URLs that are pushed to: an absolute http or https URL with a host (RFC 3986). */
#ifndef SHUNT_CONFIG_URL_H
#define SHUNT_CONFIG_URL_H

/*
 * What is wrong with `text`, which is printable ASCII, or NULL.  Names are not looked up; a
 * numeric address has to be one.
 */
const char *url_check(const char *text);

/* Likewise for one that a path is appended to, so that it has no query. */
const char *url_check_base(const char *text);

/* Likewise for the name of a host alone. */
const char *url_check_host(const char *text);

#endif
