/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was found on this host: the sockets that listen, and the remotes that are
 * talked to.  Only a memory of events; which of them become services is the plan's.
 */
#ifndef SHUNT_DAEMON_DISCOVERY_H
#define SHUNT_DAEMON_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/abi.h"

/* How many of each are remembered; those past it are counted under _unknown. */
#define DISCOVERY_MAX 16384

struct found {
	struct shunt_event event; /* its type tells listener and remote apart */
	bool gone; /* a listener that closed; its key stays, for those it refuses */
	bool covered; /* by the configuration, as of the last plan */
	bool planned; /* in this run of the plan */
	uint32_t slot; /* as of the last plan; 0: none yet */
};

struct discovery {
	struct found *items;
	size_t count;
	size_t capacity;
	bool changed; /* since the last plan */
	bool incomplete; /* an event said that a walk is needed */
	uint64_t ignored; /* found when the memory was full */
};

/* Takes an event in. */
void discovery_event(struct discovery *discovery, const struct shunt_event *event);

/* Forgets the items for which `forget` says so. */
void discovery_prune(struct discovery *discovery,
		     bool (*forget)(void *userdata, const struct found *found), void *userdata);

/* Forgets everything and frees the memory. */
void discovery_done(struct discovery *discovery);

/*
 * The name that a found thing has by itself: "nginx:80" for a listener,
 * "_out:10.0.0.9:5432" or "_out:[2001:db8::5]:443" for a remote.  Bytes of a process'
 * name that are no plain, printable ASCII read as '_'.
 */
void found_name(const struct found *found, size_t size, char *ret_name);

/* The last component of its cgroup's path, cleaned likewise; empty in the root cgroup. */
void found_unit(const struct found *found, char ret_unit[static SHUNT_UNIT_MAX]);

#endif
