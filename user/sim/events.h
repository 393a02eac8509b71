/* SPDX-License-Identifier: GPL-2.0 */
/* What is to happen, and when: a binary heap.  What comes at one time comes in the order given. */
#ifndef SHUNT_SIM_EVENTS_H
#define SHUNT_SIM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;

/* `serial` is that of scheduling: who has another one by now is not meant any more. */
typedef void (*sim_event_fn)(struct sim *sim, void *what, uint32_t serial);

struct sim_event {
	uint64_t at; /* ns */
	uint64_t order;
	sim_event_fn run;
	void *what;
	uint32_t serial;
};

struct sim_events {
	struct sim_event *items;
	size_t count, room;
	uint64_t order;
	bool failed; /* there was no memory for one */
};

void events_add(struct sim_events *events, uint64_t at, sim_event_fn run, void *what,
		uint32_t serial);

/* Takes the first out if it is due before `until`; whether there was one. */
bool events_take(struct sim_events *events, uint64_t until, struct sim_event *ret_event);

/* Frees what it holds. */
void events_done(struct sim_events *events);

#endif
