/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both sides lay out what they share alike: the compiler's offsets here against the
 * types (BTF) that BPF's compiler left in its objects.
 */
#include <string.h>

#include "bpf/layout.h"
#include "shunt/abi.h"
#include "shunt/verdict.h"

#include "abi.skel.h"
#include "observe.skel.h"

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

static const struct field shunt_trial_fields[] = {
	FIELD(shunt_trial, since),    FIELD(shunt_trial, over),	  FIELD(shunt_trial, signal),
	FIELD(shunt_trial, reserved), FIELD(shunt_trial, passed), FIELD(shunt_trial, failed),
	FIELD(shunt_trial, slow),
};

static const struct layout layouts[] = {
	LAYOUT(shunt_counters),	  LAYOUT(shunt_shard),	  LAYOUT(shunt_buckets),
	LAYOUT(shunt_histogram),  LAYOUT(shunt_cell),	  LAYOUT(shunt_conn),
	LAYOUT(shunt_conn_set),	  LAYOUT(shunt_endpoint), LAYOUT(shunt_prefix),
	LAYOUT(shunt_event),	  LAYOUT(shunt_queue),	  LAYOUT(shunt_probe),
	LAYOUT(shunt_prober_key), LAYOUT(shunt_prober),	  LAYOUT(shunt_source),
	LAYOUT(shunt_source_set), LAYOUT(shunt_trial),
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

Test(abi, structs)
{
	struct abi_bpf *bpf = abi_bpf__open();

	cr_assert_not_null(bpf);
	expect_layouts(bpf->obj, layouts, LAYOUTS, NULL);
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
	expect_layouts(bpf->obj, layouts, LAYOUTS, is_elsewhere);
	observe_bpf__destroy(bpf);
}

/* ---- enumerations ---- */

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

Test(abi, enums)
{
	struct abi_bpf *bpf = abi_bpf__open();

	cr_assert_not_null(bpf);
	expect_enums(bpf->obj, enums, sizeof(enums) / sizeof(enums[0]), constants, CONSTANTS);
	abi_bpf__destroy(bpf);
}
