/* SPDX-License-Identifier: GPL-2.0 */
/* One who is told: an Alertmanager or a webhook, with what it has yet to be told. */
#ifndef SHUNT_ALERT_TARGET_H
#define SHUNT_ALERT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert/outbox.h"
#include "alert/payload.h"
#include "alert/retry.h"
#include "alert/sender.h"

enum target_kind { TARGET_ALERTMANAGER, TARGET_WEBHOOK, TARGET_KINDS };

/* µs; of Alertmanager. */
struct target_times {
	uint64_t repeat; /* what fires is repeated so often, */
	uint64_t lifetime; /* …and ends by itself after this */
	uint64_t keep; /* what is over is repeated for so long */
};

struct target {
	enum target_kind kind;
	char *configured; /* the URL as it was given */
	char *url; /* what is posted to */
	char *name; /* for people: the URL without password and path, which may be secrets */
	struct outbox outbox;
	struct retry retry;
	uint64_t wait; /* not to be sent to before */
	struct transfer *transfer; /* what is under way, or NULL */
	uint64_t lifetime;
	uint64_t sent; /* notices that were accepted, repeats not counted */
	uint64_t failed; /* attempts that did not get through */
	bool welcome; /* was told what fires */
	bool told_full;
	long told_status; /* of the last refusal that was logged */
	void *owner;
};

/*
 * Makes a target for a URL of the configuration, with room for `capacity` notices;
 * `owner` is for the caller.  The jitter of its retries comes from `seed`.  0 or -ENOMEM.
 */
int target_new(enum target_kind kind, const char *url, size_t capacity,
	       const struct target_times *times, uint64_t seed, void *owner,
	       struct target **ret_target);

/* Ends what is under way, too.  NULL is fine. */
void target_free(struct target *target);

/* Something to be told, due at once. */
void target_put(struct target *target, struct notice *notice, uint64_t now);

/* When target_send() wants to be called (µs, of `now`'s clock), or OUTBOX_NEVER. */
uint64_t target_due(const struct target *target);

/*
 * Sends what is due, if anything is and nothing is under way: Alertmanager gets up to
 * TARGET_BATCH alerts at once, a webhook one.  `wall`: ns since the Unix epoch.  `done`
 * is called with the target, for target_answered().
 */
#define TARGET_BATCH 64
void target_send(struct target *target, struct sender *sender, const struct payload_sender *origin,
		 uint64_t now, uint64_t wall, sender_done_fn done);

/*
 * What came of it.  2xx: told.  4xx: refused, and given up (but 408, 425 and 429).  All
 * else: later again.
 */
void target_answered(struct target *target, const struct sender_answer *answer, uint64_t now);

#endif
