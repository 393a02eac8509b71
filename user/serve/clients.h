/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connections of the HTTP server, and which of them has to go.
 *
 * A scraper and an attacker may share an address, so that no limit per address
 * would help: instead nobody is refused, and where there are too many, those
 * that have shown the least give way.  First the oldest of those that never
 * completed a request, then the one whose last request lies furthest back, then
 * the slowest reader.  A client that sends its request at once is answered
 * however many others sit idle.
 *
 * Deadlines are total: a byte now and then moves none of them, which is what
 * ends a slow-loris and a reader of one byte a second alike.
 */
#ifndef SHUNT_CLIENTS_H
#define SHUNT_CLIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Times in microseconds; a field that is 0 stands for its default. */
struct client_limits {
	size_t connections; /* 64 */
	/* From the connection to a complete request: 5 s. */
	uint64_t request_timeout;
	/* To take the answer: 10 s, when Prometheus gives a scrape up. */
	uint64_t answer_timeout;
	/* Until the next request: 75 s, above Prometheus' usual one minute. */
	uint64_t idle_timeout;
	/* Answers that wait for their readers, all together: 32 MiB. */
	size_t bytes;
};

enum client_phase {
	CLIENT_NEW, /* no complete request yet */
	CLIENT_ANSWERING,
	CLIENT_IDLE, /* between two requests */
	CLIENT_CLOSING, /* shut down; the server has yet to notice */
};

struct client {
	TAILQ_ENTRY(client) link;
	int fd; /* the server's, not ours to close */
	enum client_phase phase;
	uint64_t since; /* when the phase began */
	size_t bytes; /* of the answer */
};

struct clients {
	TAILQ_HEAD(client_list, client) list; /* by `since`, the oldest first */
	struct client_limits limits;
	size_t count; /* without those that are closing */
	size_t bytes;
};

void clients_init(struct clients *clients, const struct client_limits *limits);

/* Takes a new connection in, and shuts another one down where there is no room. */
void clients_add(struct clients *clients, struct client *client, int fd, uint64_t now);

void clients_remove(struct clients *clients, struct client *client);

/* An answer of `bytes` is on its way; slower readers may have to give way. */
void clients_answer(struct clients *clients, struct client *client, size_t bytes, uint64_t now);

/* …and was sent in full. */
void clients_idle(struct clients *clients, struct client *client, uint64_t now);

/* Shuts down whoever is past a deadline. */
void clients_expire(struct clients *clients, uint64_t now);

/* When clients_expire() has something to do next; UINT64_MAX: never. */
uint64_t clients_deadline(const struct clients *clients);

#endif
