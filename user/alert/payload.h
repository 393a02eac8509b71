/* SPDX-License-Identifier: GPL-2.0 */
/* What is sent, as JSON.  docs/alerts.md describes it for those who receive it. */
#ifndef SHUNT_ALERT_PAYLOAD_H
#define SHUNT_ALERT_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "alert/alert.h"

/* Who sends. */
struct payload_sender {
	const char *instance; /* the host's name, the label `instance` */
	const char *url; /* the daemon's own page */
};

/*
 * The body of a POST to Alertmanager's /api/v2/alerts.  An alert that fires is said to
 * end at `until` (ns since the Unix epoch), unless it is repeated before.  The caller
 * frees *ret_text.  0 or -ENOMEM.
 */
int payload_alertmanager(const struct payload_sender *sender, struct notice *const *notices,
			 size_t count, uint64_t until, char **ret_text);

/*
 * One document for a webhook: what Alertmanager itself sends to one (version 4), with a
 * single alert.  The caller frees *ret_text.  0 or -ENOMEM.
 */
int payload_webhook(const struct payload_sender *sender, const struct notice *notice,
		    char **ret_text);

#endif
