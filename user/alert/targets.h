/* SPDX-License-Identifier: GPL-2.0 */
/* All who are told, as a configuration names them. */
#ifndef SHUNT_ALERT_TARGETS_H
#define SHUNT_ALERT_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "alert/target.h"
#include "shunt/config.h"

/* Of all targets of one kind, those of former configurations included. */
struct target_counts {
	uint64_t sent; /* notices that a target accepted, repeats not counted */
	uint64_t failed; /* attempts that did not get through */
	uint64_t dropped; /* notices given up: refused, or no room */
	uint64_t waiting; /* notices that a target has yet to accept: not a counter */
};

struct targets {
	struct target **items;
	size_t count;
	size_t capacity; /* of each one's queue */
	struct target_times times;
	uint64_t seed; /* each gets another one from it */
	void *owner;
	struct target_counts past[TARGET_KINDS]; /* of those that went */
};

/* How many a configuration names. */
size_t targets_named(const struct config *config);

/*
 * Takes those of another configuration; the fields from `capacity` to `owner` are the caller's.
 * Those that stay keep what they have, new ones are not `welcome` yet.  0, or -ENOMEM and nothing
 * has changed.
 */
int targets_configure(struct targets *targets, const struct config *config);

void targets_done(struct targets *targets);

/* Everybody hears of it; with `webhooks` false, Alertmanagers alone. */
void targets_put(struct targets *targets, struct notice *notice, bool webhooks, uint64_t now);

/* When the first of them wants to send, or OUTBOX_NEVER. */
uint64_t targets_due(const struct targets *targets);

void targets_count(const struct targets *targets, enum target_kind kind,
		   struct target_counts *ret_counts);

#endif
