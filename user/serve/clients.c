/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/clients.h"

#include <sys/socket.h>

#define SECOND 1000000ULL

static const struct client_limits defaults = {
	.connections = 64,
	.request_timeout = 5 * SECOND,
	.answer_timeout = 10 * SECOND,
	.idle_timeout = 75 * SECOND,
	.bytes = 32 << 20,
};

void clients_init(struct clients *clients, const struct client_limits *limits)
{
	struct client_limits *own = &clients->limits;

	TAILQ_INIT(&clients->list);
	clients->count = 0;
	clients->bytes = 0;
	*own = *limits;
	own->connections = own->connections ? own->connections : defaults.connections;
	own->request_timeout = own->request_timeout ? own->request_timeout
						    : defaults.request_timeout;
	own->answer_timeout = own->answer_timeout ? own->answer_timeout : defaults.answer_timeout;
	own->idle_timeout = own->idle_timeout ? own->idle_timeout : defaults.idle_timeout;
	own->bytes = own->bytes ? own->bytes : defaults.bytes;
}

static void clients_enter(struct clients *clients, struct client *client, enum client_phase phase,
			  size_t bytes, uint64_t now)
{
	clients->bytes = clients->bytes - client->bytes + bytes;
	client->bytes = bytes;
	client->phase = phase;
	client->since = now;
	TAILQ_REMOVE(&clients->list, client, link);
	TAILQ_INSERT_TAIL(&clients->list, client, link);
}

/*
 * The server owns the descriptor and may not be called from within its own
 * callbacks, but a shut down socket reads as closed the next time it looks.
 */
static void clients_shut(struct clients *clients, struct client *client)
{
	clients->bytes -= client->bytes;
	client->bytes = 0;
	client->phase = CLIENT_CLOSING;
	clients->count--;
	shutdown(client->fd, SHUT_RDWR);
}

static struct client *clients_oldest(struct clients *clients, enum client_phase phase)
{
	struct client *client = TAILQ_FIRST(&clients->list);

	while (client && client->phase != phase)
		client = TAILQ_NEXT(client, link);
	return client;
}

static void clients_make_room(struct clients *clients)
{
	struct client *victim = clients_oldest(clients, CLIENT_NEW);

	if (!victim)
		victim = clients_oldest(clients, CLIENT_IDLE);
	if (!victim)
		victim = clients_oldest(clients, CLIENT_ANSWERING);
	if (victim)
		clients_shut(clients, victim);
}

void clients_add(struct clients *clients, struct client *client, int fd, uint64_t now)
{
	if (clients->count >= clients->limits.connections)
		clients_make_room(clients);
	client->fd = fd;
	client->phase = CLIENT_NEW;
	client->since = now;
	client->bytes = 0;
	clients->count++;
	TAILQ_INSERT_TAIL(&clients->list, client, link);
}

void clients_remove(struct clients *clients, struct client *client)
{
	if (client->phase != CLIENT_CLOSING)
		clients->count--;
	clients->bytes -= client->bytes;
	TAILQ_REMOVE(&clients->list, client, link);
}

void clients_answer(struct clients *clients, struct client *client, size_t bytes, uint64_t now)
{
	struct client *slowest;

	clients_enter(clients, client, CLIENT_ANSWERING, bytes, now);
	while (clients->bytes > clients->limits.bytes) {
		slowest = clients_oldest(clients, CLIENT_ANSWERING);
		if (slowest == client)
			break;
		clients_shut(clients, slowest);
	}
}

void clients_idle(struct clients *clients, struct client *client, uint64_t now)
{
	if (client->phase != CLIENT_CLOSING)
		clients_enter(clients, client, CLIENT_IDLE, 0, now);
}

static uint64_t client_deadline(const struct clients *clients, const struct client *client)
{
	switch (client->phase) {
	case CLIENT_NEW:
		return client->since + clients->limits.request_timeout;
	case CLIENT_ANSWERING:
		return client->since + clients->limits.answer_timeout;
	case CLIENT_IDLE:
		return client->since + clients->limits.idle_timeout;
	default:
		return UINT64_MAX;
	}
}

void clients_expire(struct clients *clients, uint64_t now)
{
	struct client *client;

	for (client = TAILQ_FIRST(&clients->list); client; client = TAILQ_NEXT(client, link)) {
		if (client_deadline(clients, client) <= now)
			clients_shut(clients, client);
	}
}

uint64_t clients_deadline(const struct clients *clients)
{
	const struct client *client;
	uint64_t earliest = UINT64_MAX;

	for (client = TAILQ_FIRST(&clients->list); client; client = TAILQ_NEXT(client, link)) {
		uint64_t deadline = client_deadline(clients, client);

		earliest = deadline < earliest ? deadline : earliest;
	}
	return earliest;
}
