/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP POSTs by libcurl's multi interface, driven by an sd-event loop: one timer, and a
 * source for each socket.  Nothing here waits: not for a name server either, for which
 * libcurl makes a thread that lives as long as the question.
 */
#ifndef SHUNT_ALERT_SENDER_H
#define SHUNT_ALERT_SENDER_H

#include <stdint.h>
#include <systemd/sd-event.h>

struct sender;
struct transfer;

/* µs. */
struct sender_limits {
	uint64_t connect_timeout; /* until there is a connection, TLS included */
	uint64_t timeout; /* all together */
};

struct sender_answer {
	long status; /* of HTTP; 0: there was no whole answer */
	const char *text; /* the answer's beginning, or why there is none; printable ASCII */
};

/* Called once for each transfer that was not cancelled, from the loop; it is gone then. */
typedef void (*sender_done_fn)(void *userdata, const struct sender_answer *answer);

/*
 * Initialises libcurl, which takes some MiB, and from here on ignores SIGPIPE.  0 or a
 * negative errno.
 */
int sender_new(sd_event *event, const struct sender_limits *limits, struct sender **ret_sender);

/* All transfers have to be over.  NULL is fine. */
void sender_free(struct sender *sender);

/*
 * Begins to post `body`, JSON, to `url`; neither is kept.  Redirects are not followed.  0
 * or -ENOMEM.
 */
int sender_post(struct sender *sender, const char *url, const char *body, sender_done_fn done,
		void *userdata, struct transfer **ret_transfer);

/* Ends a transfer without an answer. */
void sender_cancel(struct transfer *transfer);

#endif
