/* SPDX-License-Identifier: GPL-2.0 */
/* The services that shunt top lists: which of them, in which order, and the one that is chosen. */
#ifndef SHUNT_CLI_TOP_LIST_H
#define SHUNT_CLI_TOP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum top_sort {
	TOP_BY_URGENCY, /* as the daemon gives them */
	TOP_BY_NAME,
	TOP_BY_CONNECTS,
	TOP_BY_FAILURES,
	TOP_BY_OPEN,
	TOP_BY_LATENCY, /* p99 of handshakes */
	TOP_SORTS,
};

#define TOP_FILTER_MAX 64
#define TOP_KEY_MAX    256

/* All zero is an empty one. */
struct top_list {
	const json_t **services; /* of the status that was last given */
	size_t count;
	size_t capacity;
	enum top_sort sort;
	bool reversed;
	char filter[TOP_FILTER_MAX]; /* part of a name or of a state; "": all */
	size_t chosen; /* index; 0 where there are none */
	char key[TOP_KEY_MAX]; /* whose: it stays chosen wherever it goes */
};

/* "urgency", … */
const char *top_sort_name(enum top_sort sort);

/* Lists the services of a status, which has to outlive the list or the next call. */
void top_list_update(struct top_list *list, const json_t *status);

/* Moves the choice by so many, as far as there are. */
void top_list_move(struct top_list *list, long by);

/* NULL where there are none. */
const json_t *top_list_chosen(const struct top_list *list);

void top_list_free(struct top_list *list);

#endif
