/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What services are found by in the kernel, as a set that is replaced whole: the
 * difference to what is installed is applied, the rest is not touched.
 */
#ifndef SHUNT_DAEMON_BINDING_H
#define SHUNT_DAEMON_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include "shunt/abi.h"

enum binding_kind {
	BINDING_INBOUND, /* an exact local address, or a family's wildcard */
	BINDING_OUTBOUND, /* an exact remote address */
	BINDING_PREFIX, /* a remote prefix */
};

/* The fields before `slot` are the key, without padding, and compared as bytes. */
struct binding {
	uint8_t kind;
	uint8_t bits; /* of a prefix's address; 0 else */
	uint16_t port;
	uint32_t netns;
	uint64_t cgroup;
	uint8_t addr[16];
	uint32_t slot;
	uint32_t order; /* of two with one key the earlier added holds */
};

struct bindings {
	struct binding *items;
	size_t count;
	size_t capacity;
	uint32_t changes; /* of what is installed: times that it became another set */
};

struct observer;

/* Adds to the set.  0 or -ENOMEM. */
int bindings_add(struct bindings *bindings, const struct binding *binding);

/* Empties the set and frees its memory. */
void bindings_done(struct bindings *bindings);

/*
 * Makes the kernel hold `desired` where it held `installed`, which then holds what
 * the kernel does; `desired` is sorted and loses duplicates.  Returns how many keys
 * the kernel refused (a map is full), or -ENOMEM with nothing changed.
 */
int bindings_apply(struct observer *observer, struct bindings *installed, struct bindings *desired);

/*
 * The slot of the service that a listening socket's connections go to, or
 * SHUNT_SLOT_UNKNOWN_SERVER.  One that listens on a wildcard may serve several that
 * are configured by address: then the first of them.
 */
uint32_t bindings_listener_slot(const struct bindings *installed,
				const struct shunt_endpoint *local);

#endif
