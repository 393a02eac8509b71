/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both sides lay out what they share alike: the compiler's offsets here against the
 * types (BTF) that BPF's compiler left in its objects.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "shunt/abi.h"
#include "shunt/verdict.h"

#include "abi.skel.h"
#include "observe.skel.h"

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

static const struct field shunt_histogram_fields[] = {
	FIELD(shunt_histogram, sum),
	FIELD(shunt_histogram, buckets),
};

static const struct field shunt_counters_fields[] = {
	FIELD(shunt_counters, handshakes),   FIELD(shunt_counters, closes),
	FIELD(shunt_counters, seeded),	     FIELD(shunt_counters, retransmits),
	FIELD(shunt_counters, resets_sent),  FIELD(shunt_counters, resets_received),
	FIELD(shunt_counters, zero_windows), FIELD(shunt_counters, answered),
};

static const struct field shunt_shard_fields[] = {
	FIELD(shunt_shard, responses), FIELD(shunt_shard, last_responses), FIELD(shunt_shard, sums),
	FIELD(shunt_shard, counters),  FIELD(shunt_shard, reserved),
};

static const struct field shunt_buckets_fields[] = {
	FIELD(shunt_buckets, buckets),
	FIELD(shunt_buckets, reserved),
};

static const struct field shunt_cell_fields[] = {
	FIELD(shunt_cell, counters),
	FIELD(shunt_cell, responses),
	FIELD(shunt_cell, response_time),
	FIELD(shunt_cell, histograms),
};

static const struct field shunt_conn_fields[] = {
	FIELD(shunt_conn, socket), FIELD(shunt_conn, established), FIELD(shunt_conn, request_at),
	FIELD(shunt_conn, sent),   FIELD(shunt_conn, slot),	   FIELD(shunt_conn, rtt_unit),
	FIELD(shunt_conn, flags),
};

static const struct field shunt_conn_set_fields[] = {
	FIELD(shunt_conn_set, ways),
};

static const struct field shunt_endpoint_fields[] = {
	FIELD(shunt_endpoint, cgroup),	 FIELD(shunt_endpoint, netns), FIELD(shunt_endpoint, port),
	FIELD(shunt_endpoint, reserved), FIELD(shunt_endpoint, addr),
};

static const struct field shunt_prefix_fields[] = {
	FIELD(shunt_prefix, length), FIELD(shunt_prefix, netns), FIELD(shunt_prefix, cgroup),
	FIELD(shunt_prefix, port),   FIELD(shunt_prefix, addr),	 FIELD(shunt_prefix, reserved),
};

static const struct field shunt_event_fields[] = {
	FIELD(shunt_event, type),   FIELD(shunt_event, netns),	  FIELD(shunt_event, cgroup),
	FIELD(shunt_event, socket), FIELD(shunt_event, pid),	  FIELD(shunt_event, port),
	FIELD(shunt_event, v6only), FIELD(shunt_event, reserved), FIELD(shunt_event, addr),
	FIELD(shunt_event, comm),   FIELD(shunt_event, unit),
};

static const struct field shunt_probe_fields[] = {
	FIELD(shunt_probe, type),     FIELD(shunt_probe, slot),	    FIELD(shunt_probe, at),
	FIELD(shunt_probe, duration), FIELD(shunt_probe, size),	    FIELD(shunt_probe, status),
	FIELD(shunt_probe, outcome),  FIELD(shunt_probe, reserved), FIELD(shunt_probe, addr),
};

static const struct field shunt_prober_key_fields[] = {
	FIELD(shunt_prober_key, addr),
	FIELD(shunt_prober_key, slot),
};

static const struct field shunt_prober_fields[] = {
	FIELD(shunt_prober, sizes),
	FIELD(shunt_prober, count),
};

static const struct field shunt_source_fields[] = {
	FIELD(shunt_source, addr),    FIELD(shunt_source, size),  FIELD(shunt_source, slot),
	FIELD(shunt_source, count),   FIELD(shunt_source, times), FIELD(shunt_source, near),
	FIELD(shunt_source, crowded),
};

static const struct field shunt_source_set_fields[] = {
	FIELD(shunt_source_set, ways),
};

static const struct field shunt_queue_fields[] = {
	FIELD(shunt_queue, local), FIELD(shunt_queue, socket), FIELD(shunt_queue, length),
	FIELD(shunt_queue, limit), FIELD(shunt_queue, drops),  FIELD(shunt_queue, reserved),
};

static const struct layout layouts[] = {
	LAYOUT(shunt_counters),	  LAYOUT(shunt_shard),	  LAYOUT(shunt_buckets),
	LAYOUT(shunt_histogram),  LAYOUT(shunt_cell),	  LAYOUT(shunt_conn),
	LAYOUT(shunt_conn_set),	  LAYOUT(shunt_endpoint), LAYOUT(shunt_prefix),
	LAYOUT(shunt_event),	  LAYOUT(shunt_queue),	  LAYOUT(shunt_probe),
	LAYOUT(shunt_prober_key), LAYOUT(shunt_prober),	  LAYOUT(shunt_source),
	LAYOUT(shunt_source_set),
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static void compare_field(const struct btf *btf, const struct layout *layout, unsigned index,
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
static bool compare(const struct btf *btf, const struct layout *layout)
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

Test(abi, structs)
{
	struct abi_bpf *bpf = abi_bpf__open();

	cr_assert_not_null(bpf);
	for (unsigned i = 0; i < LAYOUTS; i++)
		cr_expect(compare(bpf_object__btf(bpf->obj), &layouts[i]), "%s", layouts[i].name);
	abi_bpf__destroy(bpf);
}

/*
 * The programs as they ship.  What they have on their stack alone is not among their types,
 * nor is a cell that is summed already.
 */
static bool is_elsewhere(const char *name)
{
	return !strcmp(name, "shunt_event") || !strcmp(name, "shunt_queue") ||
	       !strcmp(name, "shunt_cell") || !strcmp(name, "shunt_histogram") ||
	       !strcmp(name, "shunt_probe");
}

Test(abi, structs_of_the_observer)
{
	struct observe_bpf *bpf = observe_bpf__open();

	cr_assert_not_null(bpf);
	for (unsigned i = 0; i < LAYOUTS; i++) {
		bool there = compare(bpf_object__btf(bpf->obj), &layouts[i]);

		cr_expect(there || is_elsewhere(layouts[i].name), "%s", layouts[i].name);
	}
	observe_bpf__destroy(bpf);
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

static const struct constant constants[] = {
	CONSTANT(SHUNT_CONN_CLIENT),
	CONSTANT(SHUNT_CONN_WINDOW_CLOSED),
	CONSTANT(SHUNT_CONN_RTT_SAMPLED),
	CONSTANT(SHUNT_CONN_PROBER),
	CONSTANT(SHUNT_CONN_TRIAL),
	CONSTANT(SHUNT_EVENT_PROBE),
	CONSTANT(SHUNT_WATCH_RHYTHM),
	CONSTANT(SHUNT_WATCH_PROBERS),
	CONSTANT(SHUNT_WATCH_TRIALS),
	CONSTANT(SHUNT_PROBE_PASS),
	CONSTANT(SHUNT_PROBE_REFUSED),
	CONSTANT(SHUNT_PROBE_RESET),
	CONSTANT(SHUNT_PROBE_TIMED_OUT),
	CONSTANT(SHUNT_PROBE_NO_RESPONSE),
	CONSTANT(SHUNT_PROBE_HTTP_ERROR),
	CONSTANT(SHUNT_PROBE_OVERFLOW),
	CONSTANT(SHUNT_PROBE_MAX),
	CONSTANT(SHUNT_ROLE_SERVER),
	CONSTANT(SHUNT_ROLE_CLIENT),
	CONSTANT(SHUNT_ROLE_MAX),
	CONSTANT(SHUNT_HANDSHAKE_OK),
	CONSTANT(SHUNT_HANDSHAKE_REFUSED),
	CONSTANT(SHUNT_HANDSHAKE_RESET),
	CONSTANT(SHUNT_HANDSHAKE_TIMED_OUT),
	CONSTANT(SHUNT_HANDSHAKE_HOST_UNREACHABLE),
	CONSTANT(SHUNT_HANDSHAKE_NET_UNREACHABLE),
	CONSTANT(SHUNT_HANDSHAKE_OVERFLOW),
	CONSTANT(SHUNT_HANDSHAKE_OTHER),
	CONSTANT(SHUNT_HANDSHAKE_MAX),
	CONSTANT(SHUNT_CLOSE_ORDERLY),
	CONSTANT(SHUNT_CLOSE_RESET_BY_PEER),
	CONSTANT(SHUNT_CLOSE_RESET_BY_LOCAL),
	CONSTANT(SHUNT_CLOSE_TIMED_OUT),
	CONSTANT(SHUNT_CLOSE_NO_RESPONSE),
	CONSTANT(SHUNT_CLOSE_OTHER),
	CONSTANT(SHUNT_CLOSE_MAX),
	CONSTANT(SHUNT_SIGNAL_HANDSHAKE),
	CONSTANT(SHUNT_SIGNAL_RESPONSE),
	CONSTANT(SHUNT_SIGNAL_RTT),
	CONSTANT(SHUNT_SIGNAL_CONNECTION),
	CONSTANT(SHUNT_SIGNAL_MAX),
	CONSTANT(SHUNT_SLOT_UNKNOWN_SERVER),
	CONSTANT(SHUNT_SLOT_UNKNOWN_CLIENT),
	CONSTANT(SHUNT_SLOT_OTHER_SERVER),
	CONSTANT(SHUNT_SLOT_OTHER_CLIENT),
	CONSTANT(SHUNT_SLOT_FIRST),
	CONSTANT(SHUNT_SITE_CELL),
	CONSTANT(SHUNT_SITE_CONN_INSERT),
	CONSTANT(SHUNT_SITE_CONN_STALE),
	CONSTANT(SHUNT_SITE_RETRY_INSERT),
	CONSTANT(SHUNT_SITE_RETRY_MISSING),
	CONSTANT(SHUNT_SITE_REMOTE_INSERT),
	CONSTANT(SHUNT_SITE_PACKET),
	CONSTANT(SHUNT_SITE_SEED),
	CONSTANT(SHUNT_SITE_LISTENER),
	CONSTANT(SHUNT_SITE_MAX),
	CONSTANT(SHUNT_PORT_INBOUND),
	CONSTANT(SHUNT_PORT_INBOUND_WILD),
	CONSTANT(SHUNT_PORT_INBOUND_ANY_NETNS),
	CONSTANT(SHUNT_PORT_OUTBOUND),
	CONSTANT(SHUNT_PORT_OUTBOUND_PREFIX),
	CONSTANT(SHUNT_PORT_OUTBOUND_ANY_NETNS),
	CONSTANT(SHUNT_PORT_CGROUP),
	CONSTANT(SHUNT_EVENT_LISTEN),
	CONSTANT(SHUNT_EVENT_UNLISTEN),
	CONSTANT(SHUNT_EVENT_REMOTE),
};

#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

static const char *const enums[] = {
	"shunt_role",	   "shunt_handshake",	  "shunt_close", "shunt_signal",
	"shunt_slot",	   "shunt_site",	  "shunt_port",	 "shunt_event_type",
	"shunt_conn_flag", "shunt_probe_outcome", "shunt_watch",
};

static const struct constant *find_constant(const char *name)
{
	for (unsigned i = 0; i < CONSTANTS; i++) {
		if (!strcmp(constants[i].name, name))
			return &constants[i];
	}
	return NULL;
}

/* Every constant of the enumeration is known here with that value; how many there are. */
static unsigned compare_enum(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	const struct btf_type *type;

	cr_assert_gt(id, 0, "%s", name);
	type = btf__type_by_id(btf, (uint32_t)id);
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *value = &btf_enum(type)[i];
		const char *text = btf__name_by_offset(btf, value->name_off);
		const struct constant *here = find_constant(text);

		cr_assert_not_null(here, "%s is not known to this test", text);
		cr_expect_eq(value->val, here->value, "%s is %d there, %ld here", text, value->val,
			     (long)here->value);
	}
	return btf_vlen(type);
}

Test(abi, enums)
{
	struct abi_bpf *bpf = abi_bpf__open();
	unsigned count = 0;

	cr_assert_not_null(bpf);
	for (unsigned i = 0; i < sizeof(enums) / sizeof(enums[0]); i++)
		count += compare_enum(bpf_object__btf(bpf->obj), enums[i]);
	cr_expect_eq(count, CONSTANTS);
	abi_bpf__destroy(bpf);
}
