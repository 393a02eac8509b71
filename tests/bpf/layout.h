/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How this side lays out what both share, against the types (BTF) that BPF's compiler has left
 * in an object.
 */
#ifndef SHUNT_TESTS_BPF_LAYOUT_H
#define SHUNT_TESTS_BPF_LAYOUT_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <stddef.h>

/* ---- structs ---- */

struct field {
	const char *name;
	size_t offset;
	size_t size;
};

struct layout {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t count;
};

#define FIELD(type, member)                                                                        \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member)         \
	}
#define LAYOUT(type)                                                                               \
	{                                                                                          \
#type, sizeof(struct type), type##_fields,                                         \
			sizeof(type##_fields) / sizeof(type##_fields[0])                           \
	}

static inline void compare_field(const struct btf *btf, const struct layout *layout, unsigned index,
				 const struct btf_member *member)
{
	const struct field *field = &layout->fields[index];

	cr_expect_str_eq(btf__name_by_offset(btf, member->name_off), field->name, "%s.%s",
			 layout->name, field->name);
	cr_expect_eq(member->offset, 8 * field->offset, "%s.%s at bit %u, expected %zu",
		     layout->name, field->name, member->offset, 8 * field->offset);
	cr_expect_eq(btf__resolve_size(btf, member->type), (int64_t)field->size,
		     "%s.%s of %ld bytes, expected %zu", layout->name, field->name,
		     (long)btf__resolve_size(btf, member->type), field->size);
}

/* Whether the object has the type; where it has, it must be laid out as here. */
static inline bool compare(const struct btf *btf, const struct layout *layout)
{
	int id = btf__find_by_name_kind(btf, layout->name, BTF_KIND_STRUCT);
	const struct btf_type *type = btf__type_by_id(btf, id < 0 ? 0 : (uint32_t)id);

	if (id < 0)
		return false;
	cr_expect_eq(type->size, layout->size, "%s of %u bytes", layout->name, type->size);
	cr_assert_eq(btf_vlen(type), layout->count, "%s has other members", layout->name);
	for (unsigned i = 0; i < layout->count; i++)
		compare_field(btf, layout, i, &btf_members(type)[i]);
	return true;
}

/* Every one is there; but for those that `elsewhere` knows, if it is not NULL. */
static inline void expect_layouts(const struct bpf_object *object, const struct layout *layouts,
				  size_t count, bool (*elsewhere)(const char *name))
{
	for (size_t i = 0; i < count; i++) {
		bool there = compare(bpf_object__btf(object), &layouts[i]);

		cr_expect(there || (elsewhere && elsewhere(layouts[i].name)), "%s",
			  layouts[i].name);
	}
}

/* ---- enumerations ---- */

struct constant {
	const char *name;
	int64_t value;
};

#define CONSTANT(name)                                                                             \
	{                                                                                          \
#name, name                                                                        \
	}

static inline const struct constant *find_constant(const struct constant *constants, size_t count,
						   const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		if (!strcmp(constants[i].name, name))
			return &constants[i];
	}
	return NULL;
}

/* Every constant of the enumeration is known here with that value; how many there are. */
static inline unsigned compare_enum(const struct btf *btf, const char *name,
				    const struct constant *constants, size_t count)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	const struct btf_type *type;

	cr_assert_gt(id, 0, "%s", name);
	type = btf__type_by_id(btf, (uint32_t)id);
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *value = &btf_enum(type)[i];
		const char *text = btf__name_by_offset(btf, value->name_off);
		const struct constant *here = find_constant(constants, count, text);

		cr_assert_not_null(here, "%s is not known to this test", text);
		cr_expect_eq(value->val, here->value, "%s is %d there, %ld here", text, value->val,
			     (long)here->value);
	}
	return btf_vlen(type);
}

/* Each has all of its constants among these, and they are no more. */
static inline void expect_enums(const struct bpf_object *object, const char *const *names,
				size_t names_count, const struct constant *constants, size_t count)
{
	unsigned found = 0;

	for (size_t i = 0; i < names_count; i++)
		found += compare_enum(bpf_object__btf(object), names[i], constants, count);
	cr_expect_eq(found, count);
}

#endif
