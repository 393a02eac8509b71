/* SPDX-License-Identifier: GPL-2.0 */
/* What verdicts share is laid out alike on both sides. */
#include "bpf/layout.h"
#include "shunt/abi.h"
#include "shunt/verdict.h"

#include "abi.skel.h"
#include "breaker.skel.h"

static const struct field shunt_verdict_counts_fields[] = {
	FIELD(shunt_verdict_counts, connections),
	FIELD(shunt_verdict_counts, shadow),
	FIELD(shunt_verdict_counts, local),
	FIELD(shunt_verdict_counts, unused),
};

static const struct field shunt_target_fields[] = {
	FIELD(shunt_target, addr),
	FIELD(shunt_target, port),
	FIELD(shunt_target, reserved),
};

static const struct field shunt_listener_fields[] = {
	FIELD(shunt_listener, addr),
	FIELD(shunt_listener, port),
	FIELD(shunt_listener, reserved),
};

static const struct field shunt_ends_fields[] = {
	FIELD(shunt_ends, local),
	FIELD(shunt_ends, remote),
	FIELD(shunt_ends, local_port),
	FIELD(shunt_ends, remote_port),
};

static const struct field shunt_lead_fields[] = {
	FIELD(shunt_lead, until),
	FIELD(shunt_lead, target),
	FIELD(shunt_lead, reserved),
};

static const struct field shunt_way_fields[] = {
	FIELD(shunt_way, source),
	FIELD(shunt_way, interface),
	FIELD(shunt_way, mtu),
	FIELD(shunt_way, ethernet),
};

static const struct field shunt_flow_fields[] = {
	FIELD(shunt_flow, seen),
	FIELD(shunt_flow, state),
	FIELD(shunt_flow, ended),
	FIELD(shunt_flow, ends),
	FIELD(shunt_flow, standby),
	FIELD(shunt_flow, client_interface),
	FIELD(shunt_flow, client_head_length),
	FIELD(shunt_flow, mss),
	FIELD(shunt_flow, client_head),
	FIELD(shunt_flow, way),
	FIELD(shunt_flow, reserved),
};

static const struct field shunt_interface_fields[] = {
	FIELD(shunt_interface, address),
	FIELD(shunt_interface, mtu),
};

static const struct layout layouts[] = {
	LAYOUT(shunt_verdict_counts), LAYOUT(shunt_target),    LAYOUT(shunt_listener),
	LAYOUT(shunt_ends),	      LAYOUT(shunt_lead),      LAYOUT(shunt_way),
	LAYOUT(shunt_flow),	      LAYOUT(shunt_interface),
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static void compare_ruling(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "shunt_ruling", BTF_KIND_STRUCT);
	const struct btf_type *type, *word, *parts;

	cr_assert_gt(id, 0);
	type = btf__type_by_id(btf, (uint32_t)id);
	cr_assert_eq(type->size, sizeof(struct shunt_ruling));
	cr_assert_eq(btf_vlen(type), 2, "the end, and the word or its parts");
	cr_expect_eq(btf_members(type)[0].offset, 8 * offsetof(struct shunt_ruling, until));
	cr_expect_eq(btf_members(type)[1].offset, 8 * offsetof(struct shunt_ruling, word));
	word = btf__type_by_id(btf, btf_members(type)[1].type);
	cr_assert_eq(btf_vlen(word), 2);
	parts = btf__type_by_id(btf, btf_members(word)[1].type);
	cr_assert_eq(btf_vlen(parts), 4);
	for (unsigned i = 0; i < 4; i++) {
		static const size_t offsets[] = {
			offsetof(struct shunt_ruling, admit),
			offsetof(struct shunt_ruling, salt),
			offsetof(struct shunt_ruling, verdict),
			offsetof(struct shunt_ruling, flags),
		};

		cr_expect_eq(btf_members(parts)[i].offset,
			     8 * (offsets[i] - offsetof(struct shunt_ruling, word)));
	}
}

Test(abi_verdict, structs)
{
	struct abi_bpf *bpf = abi_bpf__open();

	cr_assert_not_null(bpf);
	expect_layouts(bpf->obj, layouts, LAYOUTS, NULL);
	compare_ruling(bpf_object__btf(bpf->obj));
	abi_bpf__destroy(bpf);
}

Test(abi_verdict, structs_of_the_breaker)
{
	struct breaker_bpf *bpf = breaker_bpf__open();

	cr_assert_not_null(bpf);
	expect_layouts(bpf->obj, layouts, LAYOUTS, NULL);
	compare_ruling(bpf_object__btf(bpf->obj));
	breaker_bpf__destroy(bpf);
}

static const struct constant constants[] = {
	CONSTANT(SHUNT_VERDICT_PASS),	     CONSTANT(SHUNT_VERDICT_DROP),
	CONSTANT(SHUNT_VERDICT_REJECT),	     CONSTANT(SHUNT_VERDICT_REDIRECT),
	CONSTANT(SHUNT_VERDICT_DRAIN),	     CONSTANT(SHUNT_VERDICT_MAX),
	CONSTANT(SHUNT_RULING_SHADOW),	     CONSTANT(SHUNT_RULING_EXEMPT),
	CONSTANT(SHUNT_UNJUDGED_TRUNCATED),  CONSTANT(SHUNT_UNJUDGED_MALFORMED),
	CONSTANT(SHUNT_UNJUDGED_FRAGMENT),   CONSTANT(SHUNT_UNJUDGED_HEADER),
	CONSTANT(SHUNT_UNJUDGED_SOURCE),     CONSTANT(SHUNT_UNJUDGED_ELSEWHERE),
	CONSTANT(SHUNT_UNJUDGED_EXPIRED),    CONSTANT(SHUNT_UNJUDGED_UNSUPPORTED),
	CONSTANT(SHUNT_UNJUDGED_UNANSWERED), CONSTANT(SHUNT_UNJUDGED_STANDBY),
	CONSTANT(SHUNT_UNJUDGED_MAX),	     CONSTANT(SHUNT_FLOW_FREE),
	CONSTANT(SHUNT_FLOW_CLAIMED),	     CONSTANT(SHUNT_FLOW_OPENING),
	CONSTANT(SHUNT_FLOW_OPEN),	     CONSTANT(SHUNT_FLOW_OVER),
	CONSTANT(SHUNT_FLOW_GONE),	     CONSTANT(SHUNT_FLOW_CLIENT_ENDED),
	CONSTANT(SHUNT_FLOW_STANDBY_ENDED),  CONSTANT(SHUNT_FLOW_BOTH_ENDED),
	CONSTANT(SHUNT_FLOW_CLIENT_RESET),   CONSTANT(SHUNT_FLOW_STANDBY_RESET),
	CONSTANT(SHUNT_FLOW_RESET),
};

#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

static const char *const enums[] = {
	"shunt_verdict",    "shunt_ruling_flag", "shunt_unjudged",
	"shunt_flow_state", "shunt_flow_end",
};

Test(abi_verdict, enums)
{
	struct abi_bpf *bpf = abi_bpf__open();

	cr_assert_not_null(bpf);
	expect_enums(bpf->obj, enums, sizeof(enums) / sizeof(enums[0]), constants, CONSTANTS);
	abi_bpf__destroy(bpf);
}
