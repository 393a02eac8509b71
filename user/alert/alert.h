/* SPDX-License-Identifier: GPL-2.0 */
/* An alert, and the copies of it that wait to be told. */
#ifndef SHUNT_ALERT_H
#define SHUNT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/abi.h"

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

/*
 * What is told.  Name, service, role and severity are the alert's identity: another
 * severity is another alert.
 */
struct alert {
	const char *name; /* Alertmanager's alertname: "ShuntServiceFailing" */
	const char *service;
	enum shunt_role role;
	enum alert_severity severity;
	const char *state; /* the service's health: "failing" */
	const char *summary; /* one line */
	const char *description; /* why, with the numbers */
	uint64_t starts_at; /* ns since the Unix epoch */
	uint64_t ends_at; /* likewise; 0: it fires still */
};

/*
 * A copy that does not change any more, and is freed when the last who holds it lets
 * go.  Its texts are well-formed UTF-8 and of bounded length; none is NULL.
 */
struct notice {
	struct alert alert;
	uint64_t fingerprint; /* Alertmanager's, of the labels */
	uint64_t id; /* the same in each attempt to tell it */
	unsigned int holders;
	char text[];
};

/* "server" or "client"; "info", "warning" or "critical". */
const char *alert_role(const struct alert *alert);
const char *alert_severity(const struct alert *alert);

/*
 * Copies `alert`, of the host `instance`.  NULL for a text is "".  Texts that are too
 * long are cut, what is no UTF-8 in them is replaced.  0, and the caller holds the copy,
 * or -ENOMEM.
 */
int notice_new(const struct alert *alert, const char *instance, uint64_t id,
	       struct notice **ret_notice);

/* One holder more; returns `notice`. */
struct notice *notice_hold(struct notice *notice);

/* One holder less; NULL is fine. */
void notice_drop(struct notice *notice);

static inline bool notice_fires(const struct notice *notice)
{
	return !notice->alert.ends_at;
}

/* Whether both are of the same alert. */
bool notice_same(const struct notice *a, const struct notice *b);

#endif
