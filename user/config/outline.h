/* SPDX-License-Identifier: GPL-2.0 */
/* The file's outline: where each key and each entry of a list stands. */
#ifndef SHUNT_CONFIG_OUTLINE_H
#define SHUNT_CONFIG_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nodes are named by their index.  0 is the document, so as a link it means none. */
struct outline_node {
	const char *key; /* static text; NULL: an entry of a list, or the document */
	uint32_t parent;
	uint32_t first; /* its children, a chain that outline_add() keeps */
	uint32_t last;
	uint32_t next; /* its sibling */
	uint32_t index; /* in a list */
	uint32_t line; /* from 1 */
	bool is_list;
};

struct outline {
	struct outline_node *nodes;
	size_t count;
	size_t room;
};

/* Adds a node (links zero) as the last child of its parent.  0 or -ENOMEM. */
int outline_add(struct outline *outline, struct outline_node node);

/* The child of a node by its key; 0: none. */
uint32_t outline_find(const struct outline *outline, uint32_t parent, const char *key);

/*
 * The line, from 1, of a path such as "services[1].breaker.open_for"; of what
 * is nearest above it where that is absent; 0 if the file is empty.
 */
size_t outline_line(const struct outline *outline, const char *path);

/* Whether a list stands at the path, if only an empty one. */
bool outline_has_list(const struct outline *outline, const char *path);

#define OUTLINE_PATH_SIZE 256

/* Writes the path of a node; the document's is empty. */
void outline_format_path(const struct outline *outline, uint32_t number,
			 char ret_path[static OUTLINE_PATH_SIZE]);

/* Frees what the outline holds. */
void outline_release(struct outline *outline);

#endif
