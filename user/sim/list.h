/* SPDX-License-Identifier: GPL-2.0 */
/* Lists whose links are in what they hold.  A link that is in no list points to itself. */
#ifndef SHUNT_SIM_LIST_H
#define SHUNT_SIM_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev, *next;
};

#define LIST_OF(_link, _struct, _member) ((_struct *)((char *)(_link)-offsetof(_struct, _member)))

static inline void list_init(struct link *list)
{
	list->prev = list->next = list;
}

static inline bool list_is_empty(const struct link *list)
{
	return list->next == list;
}

static inline void list_append(struct link *list, struct link *item)
{
	item->prev = list->prev;
	item->next = list;
	list->prev->next = item;
	list->prev = item;
}

static inline void list_remove(struct link *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* The first, taken out; NULL where there is none. */
static inline struct link *list_take(struct link *list)
{
	struct link *item = list->next;

	if (item == list)
		return NULL;
	list_remove(item);
	return item;
}

#endif
