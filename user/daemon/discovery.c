/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/discovery.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/address.h"

static struct found *append(struct discovery *discovery)
{
	if (discovery->count >= DISCOVERY_MAX) {
		discovery->ignored++;
		return NULL;
	}
	if (discovery->count == discovery->capacity) {
		size_t capacity = discovery->capacity ? discovery->capacity * 2 : 64;
		struct found *items = realloc(discovery->items, capacity * sizeof(*items));

		if (!items) {
			discovery->ignored++;
			return NULL;
		}
		discovery->items = items;
		discovery->capacity = capacity;
	}
	return &discovery->items[discovery->count++];
}

static bool same_endpoint(const struct shunt_event *a, const struct shunt_event *b)
{
	return a->netns == b->netns && a->port == b->port &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static struct found *find_socket(struct discovery *discovery, uint64_t socket)
{
	for (size_t i = 0; i < discovery->count; i++) {
		struct found *found = &discovery->items[i];

		if (found->event.type == SHUNT_EVENT_LISTEN && !found->gone &&
		    found->event.socket == socket)
			return found;
	}
	return NULL;
}

/* A listener that closed and is back: the same process name on the same address. */
static struct found *find_returned(struct discovery *discovery, const struct shunt_event *event)
{
	for (size_t i = 0; i < discovery->count; i++) {
		struct found *found = &discovery->items[i];

		if (found->gone && same_endpoint(&found->event, event) &&
		    !strncmp(found->event.comm, event->comm, sizeof(event->comm)))
			return found;
	}
	return NULL;
}

static void on_listen(struct discovery *discovery, const struct shunt_event *event)
{
	struct found *found = find_socket(discovery, event->socket);

	/* listen(2) without bind(2): the port is chosen after the event was sent. */
	if (!event->port) {
		discovery->incomplete = true;
		return;
	}
	if (found) {
		/* A socket that init passed on is named after who serves it. */
		if (found->event.pid == 1 && event->pid != 1) {
			found->event = *event;
			found->slot = 0;
			discovery->changed = true;
		}
		return;
	}
	found = find_returned(discovery, event);
	if (found) {
		found->event = *event;
		found->gone = false;
		discovery->changed = true;
		return;
	}
	found = append(discovery);
	if (!found)
		return;
	*found = (struct found){.event = *event};
	discovery->changed = true;
}

static void on_unlisten(struct discovery *discovery, const struct shunt_event *event)
{
	struct found *found = find_socket(discovery, event->socket);

	if (!found)
		return;
	found->gone = true;
	discovery->changed = true;
}

static void on_remote(struct discovery *discovery, const struct shunt_event *event)
{
	struct found *found;

	for (size_t i = 0; i < discovery->count; i++) {
		found = &discovery->items[i];
		if (found->event.type == SHUNT_EVENT_REMOTE && same_endpoint(&found->event, event))
			return;
	}
	found = append(discovery);
	if (!found)
		return;
	*found = (struct found){.event = *event};
	discovery->changed = true;
}

void discovery_event(struct discovery *discovery, const struct shunt_event *event)
{
	switch (event->type) {
	case SHUNT_EVENT_LISTEN:
		on_listen(discovery, event);
		break;
	case SHUNT_EVENT_UNLISTEN:
		on_unlisten(discovery, event);
		break;
	case SHUNT_EVENT_REMOTE:
		on_remote(discovery, event);
		break;
	default:
		break;
	}
}

void discovery_prune(struct discovery *discovery,
		     bool (*forget)(void *userdata, const struct found *found), void *userdata)
{
	size_t kept = 0;

	for (size_t i = 0; i < discovery->count; i++) {
		if (!forget(userdata, &discovery->items[i]))
			discovery->items[kept++] = discovery->items[i];
	}
	discovery->count = kept;
}

void discovery_done(struct discovery *discovery)
{
	free(discovery->items);
	*discovery = (struct discovery){0};
}

/* Keeps plain, printable ASCII; anything else reads as '_'. */
static void clean(const char *text, size_t size, char *ret_clean)
{
	size_t i;

	for (i = 0; i < size - 1 && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		ret_clean[i] = c < 0x80 && isgraph(c) && c != '"' && c != '\\' ? (char)c : '_';
	}
	ret_clean[i] = '\0';
}

void found_name(const struct found *found, size_t size, char *ret_name)
{
	const struct shunt_event *event = &found->event;
	char text[INET6_ADDRSTRLEN], comm[SHUNT_COMM_MAX];

	if (event->type == SHUNT_EVENT_LISTEN) {
		clean(event->comm, sizeof(comm), comm);
		snprintf(ret_name, size, "%s:%u", comm, event->port);
		return;
	}
	address_format(event->addr, text);
	snprintf(ret_name, size, address_is_ipv4(event->addr) ? "_out:%s:%u" : "_out:[%s]:%u", text,
		 event->port);
}

void found_unit(const struct found *found, char ret_unit[static SHUNT_UNIT_MAX])
{
	clean(found->event.unit, SHUNT_UNIT_MAX, ret_unit);
}
