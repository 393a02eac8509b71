/* SPDX-License-Identifier: GPL-2.0 */
#include "config/outline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "config/schema.h"

/* The schema is five collections deep, and only what fits it is entered. */
#define DEPTH_MAX 8
#define PATH_SIZE 256

struct node {
	const char *key; /* of the schema; NULL: an entry of a list */
	uint32_t parent;
	uint32_t index;
	uint32_t line;
	bool is_list;
};

/* Parents precede children.  The first node is the whole document. */
struct outline {
	struct node *nodes;
	size_t count;
	size_t room;
};

/* A mapping or list that is open. */
struct frame {
	const cyaml_schema_value_t *schema;
	const cyaml_schema_field_t *field; /* a mapping's, of the key last read */
	bool has_key; /* a value is due; without field it is skipped */
	uint32_t node;
	uint32_t key_line;
	uint32_t count;
};

struct reader {
	struct outline *outline;
	struct complaints *complaints;
	const cyaml_schema_value_t *schema;
	struct frame frames[DEPTH_MAX];
	size_t depth;
	size_t skip; /* collections to close until the reader looks again */
	size_t documents;
};

static int outline_add(struct outline *outline, struct node node)
{
	if (outline->count == outline->room) {
		size_t room = outline->room ? 2 * outline->room : 64;
		struct node *nodes = realloc(outline->nodes, room * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		outline->nodes = nodes;
		outline->room = room;
	}
	outline->nodes[outline->count++] = node;
	return 0;
}

/* The child of `parent` with this key, or without one at this index; NULL: none. */
static const struct node *find_child(const struct outline *outline, size_t parent, const char *key,
				     size_t length, size_t index)
{
	for (size_t i = parent + 1; i < outline->count; i++) {
		const struct node *node = &outline->nodes[i];

		if (node->parent != parent || !node->key != !key)
			continue;
		if (key ? !strncmp(node->key, key, length) && !node->key[length]
			: node->index == index)
			return node;
	}
	return NULL;
}

/* What stands at the path, or nearest above it, with *ret_whole saying which. */
static const struct node *find_path(const struct outline *outline, const char *path,
				    bool *ret_whole)
{
	const struct node *node = outline->nodes;

	*ret_whole = false;
	while (*path) {
		const struct node *child;
		const char *key = NULL;
		size_t length = 0;
		size_t index = 0;

		if (*path == '[') {
			char *end;

			index = strtoul(path + 1, &end, 10);
			path = end + 1;
		} else {
			key = path += *path == '.';
			length = strcspn(path, ".[");
			path += length;
		}
		child = find_child(outline, (size_t)(node - outline->nodes), key, length, index);
		if (!child)
			return node;
		node = child;
	}
	*ret_whole = true;
	return node;
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

void outline_free(struct outline *outline)
{
	if (!outline)
		return;
	free(outline->nodes);
	free(outline);
}

/* Writes the path of a node, of which the document's is empty. */
static void format_path(const struct outline *outline, uint32_t number, char out[static PATH_SIZE])
{
	const struct node *node = &outline->nodes[number];
	size_t length;

	out[0] = '\0';
	if (!number)
		return;
	format_path(outline, node->parent, out);
	length = strlen(out);
	if (node->key)
		snprintf(out + length, PATH_SIZE - length, "%s%s", length ? "." : "", node->key);
	else
		snprintf(out + length, PATH_SIZE - length, "[%u]", node->index);
}

static void complain(struct reader *reader, uint32_t node, size_t line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void complain(struct reader *reader, uint32_t node, size_t line, const char *format, ...)
{
	char text[COMPLAINTS_TEXT_MAX];
	char path[PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_path(reader->outline, node, path);
	complaints_add(reader->complaints, line, "%s%s%s", path, *path ? ": " : "", text);
}

static const char *type_name(cyaml_type_e type)
{
	switch (type) {
	case CYAML_MAPPING:
		return "a mapping of keys";
	case CYAML_SEQUENCE:
		return "a list";
	default:
		return "a single value";
	}
}

static void complain_unknown(struct reader *reader, const struct frame *frame, const char *key,
			     size_t line)
{
	char expected[COMPLAINTS_TEXT_MAX / 2] = "";
	char quoted[QUOTED_SIZE];
	size_t length = 0;

	for (const cyaml_schema_field_t *field = frame->schema->mapping.fields; field->key; field++)
		length += (size_t)snprintf(expected + length, sizeof(expected) - length, " %s",
					   field->key);
	complain(reader, frame->node, line, "unknown key %s, expected one of%s", quote(key, quoted),
		 expected);
}

static void read_key(struct reader *reader, struct frame *frame, const char *key, size_t line)
{
	const cyaml_schema_field_t *field = frame->schema->mapping.fields;
	const struct node *earlier;

	while (field->key && strcmp(field->key, key) != 0)
		field++;
	frame->has_key = true;
	frame->field = NULL;
	frame->key_line = (uint32_t)line;
	if (!field->key) {
		complain_unknown(reader, frame, key, line);
		return;
	}
	earlier = find_child(reader->outline, frame->node, key, strlen(key), 0);
	if (earlier) {
		complain(reader, frame->node, line, "%s is given twice, first on line %u", key,
			 earlier->line);
		return;
	}
	frame->field = field;
}

static void check_scalar(struct reader *reader, uint32_t node, const cyaml_schema_value_t *schema,
			 const yaml_event_t *event, size_t line)
{
	const char *value = (const char *)event->data.scalar.value;
	char quoted[QUOTED_SIZE];

	if (strlen(value) != event->data.scalar.length)
		complain(reader, node, line, "holds a zero byte");
	else if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !*value)
		complain(reader, node, line, "is an empty text; leave it out for the default");
	else if (schema->type != CYAML_STRING &&
		 !((schema->flags & CYAML_FLAG_POINTER) && schema_is_null(value)))
		complain(reader, node, line, "%s is not %s", quote(value, quoted),
			 type_name(schema->type));
}

static void open_collection(struct reader *reader, uint32_t node,
			    const cyaml_schema_value_t *schema, cyaml_type_e type, size_t line)
{
	if (schema->type == type) {
		reader->frames[reader->depth++] = (struct frame){.schema = schema, .node = node};
		return;
	}
	complain(reader, node, line, "is %s, expected %s", type_name(type),
		 type_name(schema->type));
	reader->skip = 1;
}

/* A value in its place: a scalar, or the start of a collection. */
static int read_value(struct reader *reader, struct node node, const cyaml_schema_value_t *schema,
		      const yaml_event_t *event)
{
	uint32_t number = (uint32_t)reader->outline->count;
	int err;

	node.is_list = event->type == YAML_SEQUENCE_START_EVENT;
	err = outline_add(reader->outline, node);
	if (err)
		return err;
	if (event->type == YAML_SCALAR_EVENT)
		check_scalar(reader, number, schema, event, node.line);
	else if (event->type == YAML_MAPPING_START_EVENT)
		open_collection(reader, number, schema, CYAML_MAPPING, node.line);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		open_collection(reader, number, schema, CYAML_SEQUENCE, node.line);
	else
		complain(reader, number, node.line, "is an alias, which is not supported");
	return 0;
}

static int read_entry(struct reader *reader, struct frame *frame, const yaml_event_t *event)
{
	size_t line = event->start_mark.line + 1;
	uint32_t max = frame->schema->sequence.max;
	struct node node = {
		.parent = frame->node,
		.index = frame->count++,
		.line = (uint32_t)line,
	};

	if (frame->count == max + 1)
		complain(reader, frame->node, line, "has too many entries, expected at most %u",
			 max);
	if (frame->count <= max)
		return read_value(reader, node, frame->schema->sequence.entry, event);
	reader->skip = event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT;
	return 0;
}

/* In a mapping: a key and its value by turns. */
static int read_pair(struct reader *reader, struct frame *frame, const yaml_event_t *event)
{
	bool collection = event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT;
	struct node node = {
		.parent = frame->node,
		.line = frame->key_line,
	};

	if (!frame->has_key && event->type != YAML_SCALAR_EVENT) {
		complain(reader, frame->node, event->start_mark.line + 1,
			 "has a key that is not a single word");
		frame->has_key = true;
		frame->field = NULL;
		reader->skip = collection;
		return 0;
	}
	if (!frame->has_key) {
		read_key(reader, frame, (const char *)event->data.scalar.value,
			 event->start_mark.line + 1);
		return 0;
	}
	frame->has_key = false;
	reader->skip = !frame->field && collection;
	if (!frame->field)
		return 0;
	node.key = frame->field->key;
	return read_value(reader, node, &frame->field->value, event);
}

/* Wherever a value or a key may stand: at the top, in a list, in a mapping. */
static int read_node(struct reader *reader, const yaml_event_t *event)
{
	struct node document = {.line = (uint32_t)event->start_mark.line + 1};
	struct frame *frame;

	if (!reader->depth)
		return read_value(reader, document, reader->schema, event);
	frame = &reader->frames[reader->depth - 1];
	if (frame->schema->type == CYAML_SEQUENCE)
		return read_entry(reader, frame, event);
	return read_pair(reader, frame, event);
}

static void skip(struct reader *reader, yaml_event_type_t type)
{
	if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
		reader->skip++;
	else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
		reader->skip--;
}

/* Returns 0 to go on, 1 at the end, or -ENOMEM. */
static int read_event(struct reader *reader, const yaml_event_t *event)
{
	if (reader->skip) {
		skip(reader, event->type);
		return 0;
	}
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (!reader->documents++)
			return 0;
		complaints_add(reader->complaints, event->start_mark.line + 1,
			       "a second document begins, expected one");
		return 1;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return read_node(reader, event);
	default:
		return event->type == YAML_STREAM_END_EVENT;
	}
}

static int complain_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	const char *context = parser->context ? parser->context : "";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	complaints_add(reader->complaints, parser->problem_mark.line + 1, "not YAML: %s%s%s",
		       context, *context ? ", " : "", parser->problem);
	return 0;
}

static int read_events(struct reader *reader, yaml_parser_t *parser)
{
	yaml_event_t event;
	int err = 0;

	while (!err) {
		if (!yaml_parser_parse(parser, &event))
			return complain_syntax(reader, parser);
		err = read_event(reader, &event);
		yaml_event_delete(&event);
	}
	return err < 0 ? err : 0;
}

int outline_read(const char *text, size_t size, const cyaml_schema_value_t *schema,
		 struct complaints *complaints, struct outline **ret_outline)
{
	struct reader reader = {.complaints = complaints, .schema = schema};
	yaml_parser_t parser;
	int err;

	reader.outline = calloc(1, sizeof(*reader.outline));
	if (!reader.outline)
		return -ENOMEM;
	if (!yaml_parser_initialize(&parser)) {
		err = -ENOMEM;
		goto out;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = read_events(&reader, &parser);
	yaml_parser_delete(&parser);
	if (err)
		goto out;
	*ret_outline = reader.outline;
	reader.outline = NULL;
out:
	outline_free(reader.outline);
	return err;
}
