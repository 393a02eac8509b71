/* SPDX-License-Identifier: GPL-2.0 */
/* A data plane of a test's own, attached nowhere, that frames are handed to: BPF_PROG_TEST_RUN. */
#ifndef SHUNT_TESTS_BPF_PLANE_H
#define SHUNT_TESTS_BPF_PLANE_H

#include <linux/if_ether.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "bpf/frames.h"
#include "bpf/own.h"
#include "bpf/rulings.h"

#define SLOTS 16

/* Slots, and the ports of services that are named by an address and by a port alone. */
#define EXACT	 (SHUNT_SLOT_FIRST + 1)
#define WILD	 (SHUNT_SLOT_FIRST + 2)
#define P_EXACT	 8080
#define P_WILD	 8081
#define P_NOBODY 8082

static int program;

/* ---- the scene ---- */

static inline int own_program(const char *name)
{
	for (int fd = 0; fd < OWN_FDS; fd++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    !strcmp(target, "anon_inode:bpf-prog") &&
		    !bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, name))
			return fd;
	}
	cr_assert_fail("there is no program %s here", name);
	return -1;
}

static inline void name(const char *address, uint16_t port, uint32_t slot)
{
	struct shunt_endpoint key = {.port = port};
	struct stat netns;

	cr_assert_eq(stat("/proc/self/ns/net", &netns), 0);
	key.netns = (uint32_t)netns.st_ino;
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
	const struct dataplane_options options = {
		.slots = SLOTS, .inbound_fd = -1, .probers_fd = -1};
	struct shunt_interface ours = {0};
	uint32_t loopback = 1;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	run_command("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && "
		    "ip -6 route add local 2001:db8::/32 dev lo");
	cr_assert_eq(dataplane_open(&options, &dataplane), 0);
	program = own_program("shunt_frame");
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

/* "pass=1 reject=2 shadow_drop=3" of what is not 0. */
static inline const char *describe(uint32_t slot)
{
	static char text[256];
	struct shunt_verdict_counts counts;
	size_t used = 0;

	dataplane_read(dataplane, slot, &counts);
	text[0] = '\0';
	for (unsigned i = 0; i < 2 * SHUNT_VERDICT_MAX; i++) {
		unsigned verdict = i % SHUNT_VERDICT_MAX;
		bool shadow = i >= SHUNT_VERDICT_MAX;
		uint64_t count = shadow ? counts.shadow[verdict] : counts.connections[verdict];

		if (count)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s=%lu",
						 used ? " " : "", shadow ? "shadow_" : "",
						 dataplane_verdict_name(verdict), count);
	}
	return text;
}

static inline void expect_counts(uint32_t slot, const char *what, const char *counts)
{
	cr_expect_str_eq(describe(slot), counts, "%s: '%s', expected '%s'", what, describe(slot),
			 counts);
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
