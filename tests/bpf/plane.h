/* SPDX-License-Identifier: GPL-2.0 */
/* A data plane of a test's own, attached nowhere, that frames are handed to: BPF_PROG_TEST_RUN. */
#ifndef SHUNT_TESTS_BPF_PLANE_H
#define SHUNT_TESTS_BPF_PLANE_H

#include <linux/if_ether.h>

#include "bpf/frames.h"
#include "bpf/host.h"
#include "bpf/own.h"
#include "bpf/rulings.h"

/* Slots, and the ports of services that are named by an address and by a port alone. */
#define EXACT	 (SHUNT_SLOT_FIRST + 1)
#define WILD	 (SHUNT_SLOT_FIRST + 2)
#define P_EXACT	 8080
#define P_WILD	 8081
#define P_NOBODY 8082

static int program;

/* ---- the scene ---- */

static inline void name(const char *address, uint16_t port, uint32_t slot)
{
	struct shunt_endpoint key = {.port = port, .netns = own_netns()};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_inbound"), &key, &slot, BPF_ANY), 0);
}

static inline void know_prober(const char *address, uint32_t slot)
{
	struct shunt_prober_key key = {.slot = slot};
	const struct shunt_prober prober = {.count = 1};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_probers"), &key, &prober, BPF_ANY), 0);
}

/* The kernel gives test runs the loopback as their interface. */
static inline void open_dataplane(void)
{
	struct shunt_interface ours = {0};
	uint32_t loopback = 1;

	enter_netns();
	load_dataplane();
	program = find_program("shunt_frame");
	cr_assert_geq(program, 0);
	memcpy(ours.address, OUR_ADDRESS, sizeof(ours.address));
	ours.mtu = 1500;
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_interfaces"), &loopback, &ours, BPF_ANY),
		     0);
	name("10.0.0.5", P_EXACT, EXACT);
	name("2001:db8::5", P_EXACT, EXACT);
	name("0.0.0.0", P_WILD, WILD);
	name("::", P_WILD, WILD);
}

static inline void close_dataplane(void)
{
	dataplane_close(dataplane);
}

static inline void rule(enum shunt_verdict verdict)
{
	rule_with(EXACT, verdict, 0, 0);
	rule_with(WILD, verdict, 0, 0);
}

/* Runs the program on a frame; the frame as it leaves in *ret_frame. */
static inline int run(const struct frame *frame, struct frame *ret_frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = ret_frame->bytes,
		    .data_size_out = sizeof(ret_frame->bytes), .repeat = 1);
	int r = bpf_prog_test_run_opts(program, &options);

	cr_assert_eq(r, 0, "test run of %zu bytes: %d", frame->length, r);
	ret_frame->length = options.data_size_out;
	return (int)options.retval;
}

static inline int run_shape(const struct shape *shape)
{
	struct frame frame, after;

	make_frame(shape, &frame);
	return run(&frame, &after);
}

static inline bool same(const struct frame *one, const struct frame *other)
{
	return one->length == other->length && !memcmp(one->bytes, other->bytes, one->length);
}

/* ---- what becomes of a frame ---- */

#define V4 .from = "10.0.1.1", .to = "10.0.0.5", .port = P_EXACT
#define V6 .from = "2001:db8:1::1", .to = "2001:db8::5", .port = P_EXACT

static const struct shape syn = {V4, .flags = SYN}, syn6 = {V6, .flags = SYN};

static inline uint64_t unjudged_in_all(void)
{
	uint64_t sum = 0;

	for (enum shunt_unjudged why = 0; why < SHUNT_UNJUDGED_MAX; why++)
		sum += dataplane_unjudged(dataplane, why);
	return sum;
}

/* Whatever becomes of it: what passes is as it was, an answer as the other arithmetic has it. */
static inline void check_run(const char *what, const struct frame *frame, bool refused, int refusal)
{
	struct frame after, answer;
	int wanted = refused ? refusal : XDP_PASS;
	struct seen seen = {0};
	int action = run(frame, &after);

	cr_assert_eq(action, wanted, "%s: XDP action %d, expected %d", what, action, wanted);
	if (action == XDP_TX) {
		cr_assert(see_frame(frame, &seen), "%s is answered", what);
		make_answer(frame, &seen, &answer);
		cr_assert(same(&after, &answer), "%s: the answer's bytes", what);
	} else {
		cr_assert(same(&after, frame), "%s is not as it was", what);
	}
}

#endif
