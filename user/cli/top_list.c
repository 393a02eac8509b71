/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/top_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

/* What is compared, for a sort that keeps the order of equals. */
struct place {
	const json_t *service;
	const char *name;
	double value;
	size_t index;
};

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[TOP_SORTS] = {
		[TOP_BY_URGENCY] = "urgency",	[TOP_BY_NAME] = "name",
		[TOP_BY_CONNECTS] = "connects", [TOP_BY_FAILURES] = "failures",
		[TOP_BY_OPEN] = "open",		[TOP_BY_LATENCY] = "p99",
	};

	return names[sort];
}

static double value_of(const json_t *service, enum top_sort sort)
{
	const json_t *recent = json_object_get(service, "recent");

	switch (sort) {
	case TOP_BY_CONNECTS:
		return words_number(recent, "handshakes_per_second");
	case TOP_BY_FAILURES:
		return words_number(recent, "failures_per_second");
	case TOP_BY_OPEN:
		return words_number(service, "connections_active");
	case TOP_BY_LATENCY:
		return words_number(recent, "handshake_p99_seconds");
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	if (left->value != right->value)
		return left->value < right->value ? 1 : -1;
	return left->index < right->index ? -1 : 1;
}

static int compare_names(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int difference = strcmp(left->name, right->name);

	return difference ? difference : compare(a, b);
}

static bool matches(const struct top_list *list, const json_t *service)
{
	return strcasestr(words_string(service, "name"), list->filter) ||
	       strcasestr(words_state(service), list->filter);
}

static size_t collect(const struct top_list *list, const json_t *services, struct place *places)
{
	const json_t *service;
	size_t count = 0, i;

	json_array_foreach(services, i, service)
	{
		if (words_is_silent(service) || !matches(list, service))
			continue;
		places[count++] = (struct place){
			.service = service,
			.name = words_string(service, "name"),
			.value = value_of(service, list->sort),
			.index = i,
		};
	}
	return count;
}

static bool has_room(struct top_list *list, size_t count)
{
	const json_t **services;

	if (count <= list->capacity)
		return true;
	services = realloc(list->services, count * sizeof(*services));
	if (!services)
		return false;
	list->services = services;
	list->capacity = count;
	return true;
}

static void key_of(const json_t *service, char ret_key[TOP_KEY_MAX])
{
	snprintf(ret_key, TOP_KEY_MAX, "%s %s", words_string(service, "role"),
		 words_string(service, "name"));
}

static void remember(struct top_list *list)
{
	if (list->count)
		key_of(list->services[list->chosen], list->key);
}

/* Whoever was chosen still is; where it is gone, whoever is at its place. */
static void choose_again(struct top_list *list)
{
	char key[TOP_KEY_MAX];

	for (size_t i = 0; i < list->count; i++) {
		key_of(list->services[i], key);
		if (!strcmp(key, list->key)) {
			list->chosen = i;
			return;
		}
	}
	if (list->chosen >= list->count)
		list->chosen = list->count ? list->count - 1 : 0;
}

void top_list_update(struct top_list *list, const json_t *status)
{
	const json_t *services = json_object_get(status, "services");
	struct place *places = calloc(json_array_size(services) + 1, sizeof(*places));

	list->count = 0;
	if (!places || !has_room(list, json_array_size(services)))
		goto out;
	list->count = collect(list, services, places);
	qsort(places, list->count, sizeof(*places),
	      list->sort == TOP_BY_NAME ? compare_names : compare);
	for (size_t i = 0; i < list->count; i++)
		list->services[list->reversed ? list->count - 1 - i : i] = places[i].service;
	choose_again(list);
out:
	free(places);
}

void top_list_move(struct top_list *list, long by)
{
	long to = (long)list->chosen + by, last = (long)list->count - 1;

	to = to > last ? last : to;
	list->chosen = to < 0 ? 0 : (size_t)to;
	remember(list);
}

const json_t *top_list_chosen(const struct top_list *list)
{
	return list->count ? list->services[list->chosen] : NULL;
}

void top_list_free(struct top_list *list)
{
	free(list->services);
	*list = (struct top_list){0};
}
