/* SPDX-License-Identifier: GPL-2.0 */
#include "config/shape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "config/schema.h"

/* The schema is five collections deep, and only what fits it is entered. */
#define DEPTH_MAX 8
/* What is skipped is bounded too: libyaml's scanner is quadratic in the depth. */
#define SKIP_MAX 32

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

static void complain(struct reader *reader, uint32_t node, size_t line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void complain(struct reader *reader, uint32_t node, size_t line, const char *format, ...)
{
	char text[COMPLAINTS_TEXT_MAX];
	char path[OUTLINE_PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	outline_format_path(reader->outline, node, path);
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
	uint32_t earlier;

	while (field->key && strcmp(field->key, key) != 0)
		field++;
	frame->has_key = true;
	frame->field = NULL;
	frame->key_line = (uint32_t)line;
	if (!field->key) {
		complain_unknown(reader, frame, key, line);
		return;
	}
	earlier = outline_find(reader->outline, frame->node, key);
	if (earlier) {
		complain(reader, frame->node, line, "%s is given twice, first on line %u", key,
			 reader->outline->nodes[earlier].line);
		return;
	}
	frame->field = field;
}

/*
 * libcyaml does not tell null from "null".  Of a text that takes null for its
 * default, only the former is right; of one that does not, only the latter.
 */
static void check_text(struct reader *reader, uint32_t node, const cyaml_schema_value_t *schema,
		       const yaml_event_t *event, size_t line)
{
	const char *value = (const char *)event->data.scalar.value;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	char quoted[QUOTED_SIZE];

	if (!schema_is_null(value))
		return;
	if (schema_takes_null(schema) && !plain)
		complain(reader, node, line, "%s is not a value; leave it out for the default",
			 quote(value, quoted));
	else if (!schema_takes_null(schema) && plain && *value)
		complain(reader, node, line, "%s is not a value", quote(value, quoted));
}

static void check_scalar(struct reader *reader, uint32_t node, const cyaml_schema_value_t *schema,
			 const yaml_event_t *event, size_t line)
{
	const char *value = (const char *)event->data.scalar.value;
	char quoted[QUOTED_SIZE];

	if (strlen(value) != event->data.scalar.length)
		complain(reader, node, line, "holds a zero byte");
	else if (schema->type == CYAML_STRING)
		check_text(reader, node, schema, event, line);
	else if (!schema_takes_null(schema) || !schema_is_null(value))
		complain(reader, node, line, "%s is not %s", quote(value, quoted),
			 type_name(schema->type));
}

static void open_collection(struct reader *reader, uint32_t node,
			    const cyaml_schema_value_t *schema, cyaml_type_e type, size_t line)
{
	if (schema->type == type && reader->depth < DEPTH_MAX) {
		reader->frames[reader->depth++] = (struct frame){.schema = schema, .node = node};
		return;
	}
	complain(reader, node, line, "is %s, expected %s", type_name(type),
		 type_name(schema->type));
	reader->skip = 1;
}

/* A value in its place: a scalar, or the start of a collection. */
static int read_value(struct reader *reader, struct outline_node node,
		      const cyaml_schema_value_t *schema, const yaml_event_t *event)
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
	struct outline_node node = {
		.parent = frame->node,
		.index = frame->count++,
		.line = (uint32_t)line,
	};

	if (frame->count == max + 1)
		complain(reader, frame->node, line, "has too many entries, expected at most %u",
			 max);
	return read_value(reader, node, frame->schema->sequence.entry, event);
}

/* In a mapping: a key and its value by turns. */
static int read_pair(struct reader *reader, struct frame *frame, const yaml_event_t *event)
{
	bool collection = event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT;
	struct outline_node node = {
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
	struct outline_node document = {.line = (uint32_t)event->start_mark.line + 1};
	struct frame *frame;

	if (!reader->depth)
		return read_value(reader, document, reader->schema, event);
	frame = &reader->frames[reader->depth - 1];
	if (frame->schema->type == CYAML_SEQUENCE)
		return read_entry(reader, frame, event);
	return read_pair(reader, frame, event);
}

static int skip(struct reader *reader, const yaml_event_t *event)
{
	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		reader->skip--;
	else if (event->type == YAML_MAPPING_START_EVENT ||
		 event->type == YAML_SEQUENCE_START_EVENT)
		reader->skip++;
	if (reader->skip <= SKIP_MAX)
		return 0;
	complaints_add(reader->complaints, event->start_mark.line + 1, "is nested too deep");
	return -EINVAL;
}

/* Returns 0 to go on, 1 at the end, or a negative errno. */
static int read_event(struct reader *reader, const yaml_event_t *event)
{
	if (reader->skip)
		return skip(reader, event);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (!reader->documents++)
			return 0;
		complaints_add(reader->complaints, event->start_mark.line + 1,
			       "a second document begins, expected one");
		return -EINVAL;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		if (reader->depth)
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

/* libyaml gives a byte instead of a line where it cannot read the characters. */
static size_t problem_line(const yaml_parser_t *parser, const char *text)
{
	size_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < parser->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

static int complain_syntax(struct reader *reader, const yaml_parser_t *parser, const char *text)
{
	const char *context = parser->context ? parser->context : "";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	complaints_add(reader->complaints, problem_line(parser, text), "not YAML: %s%s%s", context,
		       *context ? ", " : "", parser->problem);
	return -EINVAL;
}

static int read_events(struct reader *reader, yaml_parser_t *parser, const char *text)
{
	yaml_event_t event;
	int err = 0;

	while (!err) {
		if (!yaml_parser_parse(parser, &event))
			return complain_syntax(reader, parser, text);
		err = read_event(reader, &event);
		yaml_event_delete(&event);
	}
	return err < 0 ? err : 0;
}

int shape_read(const char *text, size_t size, const cyaml_schema_value_t *schema,
	       struct complaints *complaints, struct outline *outline)
{
	struct reader reader = {
		.outline = outline,
		.complaints = complaints,
		.schema = schema,
	};
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = read_events(&reader, &parser, text);
	yaml_parser_delete(&parser);
	return err;
}
