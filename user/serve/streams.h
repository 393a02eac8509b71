/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event streams (text/event-stream): readers that stay, and are given the newest
 * status each time there is one.
 *
 * There is one event, the newest, which all readers share.  Who is slower than they
 * come skips those that it missed; what it has begun it is given to the end, so that
 * a reader holds one event at most.  Who has read it all is suspended, costs nothing,
 * and sleeps until streams_publish().
 *
 * A reader is one of the server's clients: an event is an answer to it, and who does
 * not take it within the limit is shut down (serve/clients.h).
 */
#ifndef SHUNT_STREAMS_H
#define SHUNT_STREAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "serve/buffer.h"
#include "serve/clients.h"

struct MHD_Connection;
struct MHD_Response;
struct event;
struct stream;

struct streams {
	TAILQ_HEAD(stream_list, stream) list;
	size_t count;
	struct event *latest; /* NULL: none, or nobody reads */
	struct clients *clients;
	uint64_t (*now)(const void *userdata); /* microseconds, the clock of `clients` */
	const void *userdata;
};

/* More readers than this are refused. */
#define STREAMS_MAX 16

void streams_init(struct streams *streams, struct clients *clients,
		  uint64_t (*now)(const void *userdata), const void *userdata);

/*
 * Makes the response that streams to this connection, and begins with the latest event.
 * The stream ends with the response.  0, -EBUSY where there are too many, or -ENOMEM.
 */
int streams_open(struct streams *streams, struct MHD_Connection *connection, struct client *client,
		 struct MHD_Response **ret_response);

/*
 * Makes `json`, one line, the newest event, and wakes who waits for it.  Not from within
 * the server's callbacks, unless nobody waits.  Its bytes are copied.  0 or -ENOMEM.
 */
int streams_publish(struct streams *streams, const struct buffer *json);

/* Wakes everybody, which has to be done before the server is stopped; they end. */
void streams_end(struct streams *streams);

#endif
