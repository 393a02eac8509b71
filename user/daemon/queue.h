/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accept queues of the listening sockets, gathered by service.
 *
 * What a listener turned away dies with its socket, so that the differences between
 * two readings are added up here.
 *
 * The socket's own count is of every packet that it had no use for, also of the reset
 * with which a load balancer's check takes its half-open connection back.  What was
 * turned away for want of room is known of a network namespace alone (ListenDrops):
 * so in the daemon's own namespace no more than that is believed, of full listeners
 * first; in the others that of listeners which are seen to be full.
 */
#ifndef SHUNT_DAEMON_QUEUE_H
#define SHUNT_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/abi.h"

#define QUEUES_STAND (10 * 1000000000ULL)

struct bindings;
struct observer;

/* Of one service: its listeners together. */
struct queue {
	uint64_t length;
	uint64_t limit; /* 0: nobody listens */
	uint64_t drops; /* since the daemon's start */
};

/* Every listener, at one time. */
struct queue_reading {
	struct shunt_queue *items; /* by socket */
	size_t count;
	size_t capacity;
};

struct queues {
	struct queue *slots; /* indexed by slot */
	uint32_t count;
	struct queue_reading last;
	struct queue_reading next; /* memory for the next one */
	uint64_t read_at; /* ns: the last reading */
	uint64_t waiting; /* connections in it */
	uint32_t listens; /* observer_listens(), as of then */
	uint32_t bindings; /* …and the changes of whose listeners are whose */
	uint32_t own_netns;
	uint64_t listen_drops; /* of the own namespace, as of the last reading */
	bool begun; /* what is new from the second reading on has begun at 0 */
};

/* Makes room for so many slots; `own_netns` is the daemon's.  0 or -ENOMEM. */
int queues_init(struct queues *queues, uint32_t slots, uint32_t own_netns);

/* Frees what it holds; one that is all zero is fine. */
void queues_done(struct queues *queues);

/*
 * Reads every listener anew at `now` (ns); `bindings` says whose they are.  0, or a negative
 * errno: -EOPNOTSUPP where the kernel has no walk over them, -ENOMEM, …; then nothing changed.
 */
int queues_read(struct queues *queues, struct observer *observer, const struct bindings *bindings,
		uint64_t now);

/*
 * The same, but that a reading in which nobody waited stands for up to QUEUES_STAND ns, while
 * nobody has `come` to any service, or was turned away, no socket has begun or ceased to
 * listen, and all are whose they were: it would be found again.  What goes unseen for so long is a
 * listener's new limit.
 */
int queues_refresh(struct queues *queues, struct observer *observer,
		   const struct bindings *bindings, bool come, uint64_t now);

/* Forgets what a slot's former service turned away. */
void queues_clear(struct queues *queues, uint32_t slot);

#endif
