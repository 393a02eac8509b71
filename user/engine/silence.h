/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a service that is asked has fallen silent: connections are made and requests
 * come in, as the kernel sees to that, but nothing is answered.  A stopped, deadlocked
 * or swapped-out process is so, and a TCP check cannot tell it from a healthy one.
 *
 * Silence alone means nothing.  A silence begins with a demand that is not met and
 * ends with the next response, to whomever; it counts once it is much longer than this
 * service's usual ones.  How much longer depends on what else is seen:
 *
 *   untouched  connections lie in the accept queue, or requests in the receive buffers,
 *              and nobody takes them: the application does not run
 *   unmet      requests wait or new connections are not answered, and it is not known
 *              whether the application has taken them
 *   taken      the application takes everything in and answers nothing: it may well be
 *              at work, so only many new connections in vain say that it is not
 */
#ifndef SHUNT_ENGINE_SILENCE_H
#define SHUNT_ENGINE_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct silence_limits {
	uint64_t shortest; /* ns: no silence below this counts */
	double gaps; /* …nor below this many usual ones */
	uint64_t taken; /* ns: likewise where everything is taken in; and twice `gaps` */
	double slowest; /* unmet, taken: …nor below this many times the slowest response lately */
	double expected; /* unmet, taken: …nor if fewer responses than this were due at the usual
			    rate */
	double familiar; /* ticks with a response in the last minute before any silence counts */
	unsigned demand; /* requests or connections that must be waiting */
	double vain; /* unmet: new connections that should have been answered by now */
	double vain_taken; /* taken: likewise */
	uint64_t look; /* ns: from this on a closer look is wanted */
	uint64_t forget; /* ns: a silence in which nobody asks any more is none after this */
};

/* What the caller saw since the last tick. */
struct silence_input {
	uint64_t now; /* ns, never falls */
	double stretch; /* what every limit in time is multiplied by, from 1 on */
	bool late; /* this tick came late: its silence proves nothing */
	uint64_t connections; /* successful handshakes */
	uint64_t refused; /* attempts that found nobody listening */
	uint64_t responses;
	uint64_t response_time; /* ns: the sum of their durations */
	bool checks_answered; /* a health check was answered by the application itself */
	bool waiting_known;
	bool unread_known;
	bool queue_known;
	uint32_t waiting; /* requests that wait for a response */
	uint32_t unread; /* …of which the application has not read */
	uint64_t oldest; /* ns: how long the oldest of them has waited */
	uint32_t queue; /* the accept queue's length */
};

enum silence_kind {
	SILENCE_NONE,
	SILENCE_UNTOUCHED,
	SILENCE_UNMET,
	SILENCE_TAKEN,
};

/* All zero has seen nothing. */
struct silence {
	uint64_t at; /* ns: the last tick; 0: there was none */
	/* What is usual. */
	double gap; /* ns: the usual silence */
	double responses; /* a second */
	double connections; /* a second */
	double familiar; /* ticks with a response in the last minute or so */
	double slowest; /* ns: the mean of the slowest tick lately */
	double waiting; /* requests that wait although others are answered */
	uint64_t responded_at; /* ns: the last response, or what ended a silence otherwise */
	uint64_t broken_at; /* ns: when a silence that counted ended; 0: none did */
	/* The silence at hand. */
	uint64_t from; /* ns: when the first demand that is not met came; 0: none */
	uint64_t asked_at; /* ns: the last sign of demand */
	uint64_t arrivals; /* connections since `from` */
	uint64_t oldest; /* ns: as last seen, as the next two */
	uint32_t unmet; /* requests that wait, beyond those that always do */
	uint32_t unread;
	uint32_t queue; /* connections that nobody accepts; as last seen */
	bool unread_known;
	bool queue_known;
	bool draining; /* the accept queue was seen to get shorter */
	bool checks_answered;
	enum silence_kind kind;
};

/* Takes a tick; afterwards `kind` says whether the service has fallen silent, and how. */
void silence_add(struct silence *silence, const struct silence_limits *limits,
		 const struct silence_input *input);

/* Whether a closer look (accept queue, waiting requests) is wanted in the next tick. */
bool silence_wants_look(const struct silence *silence, const struct silence_limits *limits);

#endif
