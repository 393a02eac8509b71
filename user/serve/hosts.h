/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which hosts may be asked for.  A web page elsewhere can have its own name resolve to this
 * host (DNS rebinding), and its reader's browser then lets it read what is answered; but the
 * request's Host header still has that name.
 *
 * Addresses are always answered, for they have no name to be resolved anew; so are localhost
 * and this host's own name.  Other names are refused where the server listens on loopback
 * alone, which nobody reaches by another one, or where some are allowed expressly.
 */
#ifndef SHUNT_HOSTS_H
#define SHUNT_HOSTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct hosts {
	char own[HOST_NAME_MAX + 1];
	bool loopback; /* is all that is listened on */
	char **names;
	size_t count;
};

/* Of a server at this numeric address, with no names yet. */
void hosts_init(struct hosts *hosts, const char *address);

/* Copies the names that are allowed besides, in place of those before.  0 or -ENOMEM. */
int hosts_set(struct hosts *hosts, char *const *names, size_t count);

void hosts_done(struct hosts *hosts);

/* Whether to answer a request with that Host header; NULL: it has none, as in HTTP/1.0. */
bool hosts_allow(const struct hosts *hosts, const char *header);

#endif
