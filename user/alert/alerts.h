/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling people at once: alerts go to each Alertmanager and each webhook of the
 * configuration, from the daemon's loop.  Nothing here waits, nor needs a privilege.
 * What is sent when, and what becomes of it where nobody answers: docs/alerts.md.
 */
#ifndef SHUNT_ALERT_ALERTS_H
#define SHUNT_ALERT_ALERTS_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "alert/alert.h"
#include "alert/targets.h"
#include "shunt/config.h"

/*
 * How many alerts may fire at once, and how many notices may wait for each target;
 * where there may be more services than half of it, two for each.
 */
#define ALERTS_CAPACITY 1024

struct alerts;

/* What a test changes.  Zero is the default; times in µs. */
struct alerts_options {
	const char *instance; /* the label; the host's name */
	uint64_t repeat; /* 1 min; what fires ends by itself after four times this */
	uint64_t keep; /* 15 min: what is over is repeated for so long */
	uint64_t connect_timeout; /* 5 s */
	uint64_t timeout; /* 10 s */
	uint64_t seed; /* of the retries' jitter; by chance */
};

/*
 * Makes what tells the targets of `config`, which is not kept.  `options` may be NULL.
 * libcurl is initialised once there is a target, and not before.  0 or a negative errno.
 */
int alerts_new(sd_event *event, const struct config *config, const struct alerts_options *options,
	       struct alerts **ret_alerts);

/*
 * Takes the targets of another configuration.  Those that stay keep their queues; new
 * ones are told what fires.  0, or a negative errno and nothing has changed.
 */
int alerts_reload(struct alerts *alerts, const struct config *config);

/*
 * An alert fires, since `starts_at` (0: now).  One that fires already keeps its start, and its new
 * texts are sent to Alertmanager; webhooks hear of it if its state is another.  What has not
 * changed is not sent, so that this may be called again.  0, -ENOMEM, or -ENOBUFS where too many
 * fire.
 */
int alerts_raise(struct alerts *alerts, const struct alert *alert);

/*
 * It is over, at `ends_at` (0: now).  Texts that are NULL are as they were, and so is the
 * start.  One that does not fire is left alone.  0 or -ENOMEM.
 */
int alerts_resolve(struct alerts *alerts, const struct alert *alert);

void alerts_count(const struct alerts *alerts, enum target_kind kind,
		  struct target_counts *ret_counts);

/* What waits is lost: Alertmanager ends by itself what fired.  NULL is fine. */
void alerts_free(struct alerts *alerts);

#endif
