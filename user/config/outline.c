/* SPDX-License-Identifier: GPL-2.0 */
#include "config/outline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int outline_add(struct outline *outline, struct outline_node node)
{
	uint32_t number = (uint32_t)outline->count;
	struct outline_node *parent;

	if (outline->count == outline->room) {
		size_t room = outline->room ? 2 * outline->room : 64;
		struct outline_node *nodes = realloc(outline->nodes, room * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		outline->nodes = nodes;
		outline->room = room;
	}
	outline->nodes[outline->count++] = node;
	if (!number)
		return 0;
	parent = &outline->nodes[node.parent];
	if (parent->last)
		outline->nodes[parent->last].next = number;
	else
		parent->first = number;
	parent->last = number;
	return 0;
}

/* The child with this key, or without one at this index; 0: none. */
static uint32_t find_child(const struct outline *outline, uint32_t parent, const char *key,
			   size_t length, size_t index)
{
	uint32_t child = outline->nodes[parent].first;

	for (; child; child = outline->nodes[child].next) {
		const struct outline_node *node = &outline->nodes[child];

		if (key && node->key && !strncmp(node->key, key, length) && !node->key[length])
			return child;
		if (!key && !node->key && node->index == index)
			return child;
	}
	return 0;
}

/* What stands at the path, or nearest above it, with *ret_whole saying which. */
static const struct outline_node *find_path(const struct outline *outline, const char *path,
					    bool *ret_whole)
{
	uint32_t node = 0;
	uint32_t child;

	*ret_whole = false;
	while (*path) {
		if (*path == '[') {
			char *end;

			child = find_child(outline, node, NULL, 0, strtoul(path + 1, &end, 10));
			path = end + 1;
		} else {
			size_t length;

			path += *path == '.';
			length = strcspn(path, ".[");
			child = find_child(outline, node, path, length, 0);
			path += length;
		}
		if (!child)
			return &outline->nodes[node];
		node = child;
	}
	*ret_whole = true;
	return &outline->nodes[node];
}

size_t outline_line(const struct outline *outline, const char *path)
{
	bool whole;

	return outline->count ? find_path(outline, path, &whole)->line : 0;
}

bool outline_has_list(const struct outline *outline, const char *path)
{
	bool whole = false;

	return outline->count && find_path(outline, path, &whole)->is_list && whole;
}

uint32_t outline_find(const struct outline *outline, uint32_t parent, const char *key)
{
	return find_child(outline, parent, key, strlen(key), 0);
}

void outline_release(struct outline *outline)
{
	free(outline->nodes);
	*outline = (struct outline){0};
}

void outline_format_path(const struct outline *outline, uint32_t number,
			 char ret_path[static OUTLINE_PATH_SIZE])
{
	const struct outline_node *node = &outline->nodes[number];
	size_t length;

	ret_path[0] = '\0';
	if (!number)
		return;
	outline_format_path(outline, node->parent, ret_path);
	length = strlen(ret_path);
	if (node->key)
		snprintf(ret_path + length, OUTLINE_PATH_SIZE - length, "%s%s", length ? "." : "",
			 node->key);
	else
		snprintf(ret_path + length, OUTLINE_PATH_SIZE - length, "[%u]", node->index);
}
