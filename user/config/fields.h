/* SPDX-License-Identifier: GPL-2.0 */
/* Shorthand for libcyaml's tables of fields, all of them optional: see schema.h. */
#ifndef SHUNT_CONFIG_FIELDS_H
#define SHUNT_CONFIG_FIELDS_H

#include "config/schema.h"

#define OPTIONAL (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)

/* A name may be "null"; where null means the default, no text of that kind is valid. */
#define NAME(_struct, _key)                                                                        \
	CYAML_FIELD_STRING_PTR(#_key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct _struct,    \
			       _key, 0, CYAML_UNLIMITED)
#define TEXT(_struct, _key) TEXT_AS(_struct, #_key, _key)
#define TEXT_AS(_struct, _key, _member)                                                            \
	CYAML_FIELD_STRING_PTR(_key, OPTIONAL, struct _struct, _member, 0, CYAML_UNLIMITED)
#define LIST(_struct, _key, _max)                                                                  \
	CYAML_FIELD_SEQUENCE_COUNT(#_key, OPTIONAL, struct _struct, _key.items, _key.count,        \
				   &schema_list_entry, 0, _max)
#define MAPPING(_struct, _key, _fields)                                                            \
	CYAML_FIELD_MAPPING_PTR(#_key, OPTIONAL, struct _struct, _key, _fields)

#endif
