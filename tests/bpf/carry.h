/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that are carried to a standby on another host: what their frames are to become. */
#ifndef SHUNT_TESTS_BPF_CARRY_H
#define SHUNT_TESTS_BPF_CARRY_H

#include <net/if.h>
#include <sys/mman.h>

#include "bpf/plane.h"

/* This host and the standby, as they know each other. */
#define HERE	   "198.51.100.1"
#define HERE6	   "fd00:8::1"
#define STANDBY	   "198.51.100.2"
#define STANDBY6   "fd00:8::2"
#define P_STANDBY  9000
#define NARROW	   1400
#define LIMIT(ip)  (NARROW - (ip)-20) /* of a segment */
#define THEIR_HEAD "\x02\x00\x00\x00\x00\x09"
#define CLIENT	   40000

static uint8_t our_head[ETH_ALEN]; /* the address on the way to the standby */

static inline void aim(uint32_t slot, const char *address)
{
	struct shunt_target target = {.port = P_STANDBY};

	parse_address(address, target.addr);
	cr_assert_eq(dataplane_set_target(dataplane, slot, &target), 0, "%s", address);
}

/* EXACT is carried to the standby over IPv4, and WILD over IPv6. */
static inline void open_way(void)
{
	struct shunt_interface ours = {0};
	uint32_t index;
	bool native;

	open_dataplane();
	run_command(
		"ip link add v0 mtu 1400 type veth peer name v1 mtu 1400 && "
		"ip addr add 198.51.100.1/24 dev v0 && ip addr add fd00:8::1/64 dev v0 nodad && "
		"ip link set v0 up && ip link set v1 up && "
		"ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:09 dev v0 nud permanent && "
		"ip neigh add fd00:8::2 lladdr 02:00:00:00:00:09 dev v0 nud permanent");
	cr_assert_eq(dataplane_attach(dataplane, "v0", &native), 0);
	index = if_nametoindex("v0");
	cr_assert_eq(bpf_map_lookup_elem(own_map("shunt_interfaces"), &index, &ours), 0);
	cr_assert_eq(ours.mtu, NARROW);
	memcpy(our_head, ours.address, ETH_ALEN);
	aim(EXACT, STANDBY);
	aim(WILD, STANDBY6);
	rule(SHUNT_VERDICT_REDIRECT);
}

/* ---- frames that are to be ---- */

/* A frame of a client's, which is V4 or to WILD by IPv6. */
struct trip {
	const char *what;
	struct shape shape;
};

#define C4 .from = "10.0.1.1", .to = "10.0.0.5", .port = P_EXACT
#define C6 .from = "2001:db8:1::1", .to = "2001:db8::9", .port = P_WILD

static const struct trip trips[] = {
	{"plain", {C4, .tcp_options = 20}},
	{"IPv6", {C6, .tcp_options = 20}},
	{"tagged", {C4, .tags = 1, .tcp_options = 20}},
	{"tagged twice", {C4, .tags = 2, .outer_type = 0x88a8, .tcp_options = 20}},
	{"tagged, IPv6", {C6, .tags = 1, .tcp_options = 20}},
	{"IP options", {C4, .ip_options = 40, .tcp_options = 40, .traffic_class = 0xb8}},
	{"extension headers", {C6, .extensions = "hdrD", .tcp_options = 40, .tags = 2}},
};

#define TRIPS (sizeof(trips) / sizeof(trips[0]))

static inline bool is_six(const struct shape *shape)
{
	return strchr(shape->from, ':');
}

static inline void put_head(struct frame *frame, const void *to, const void *from)
{
	memcpy(frame->bytes, to, ETH_ALEN);
	memcpy(frame->bytes + ETH_ALEN, from, ETH_ALEN);
}

/* What the standby is to get of a frame of the client's. */
static inline void make_carried(const struct shape *shape, uint16_t port, struct frame *ret_frame)
{
	struct shape carried = *shape;

	carried.from = is_six(shape) ? HERE6 : HERE;
	carried.to = is_six(shape) ? STANDBY6 : STANDBY;
	carried.from_port = port;
	carried.port = P_STANDBY;
	carried.tags = 0;
	carried.ttl = 62;
	if (shape->flags & SYN && shape->mss > LIMIT(is_six(shape) ? 40 : 20))
		carried.mss = LIMIT(is_six(shape) ? 40 : 20);
	make_frame(&carried, ret_frame);
	put_head(ret_frame, THEIR_HEAD, our_head);
}

/* What the standby answers: a shape of its own, but for who is whom. */
static inline struct shape answer_of(const struct shape *shape, uint16_t port)
{
	struct shape answer = *shape;

	answer.from = is_six(shape) ? STANDBY6 : STANDBY;
	answer.to = is_six(shape) ? HERE6 : HERE;
	answer.from_port = P_STANDBY;
	answer.port = port;
	answer.tags = 0;
	return answer;
}

/* …and what the client is to get of that. */
static inline void make_returned(const struct shape *answer, const struct shape *shape,
				 struct frame *ret_frame)
{
	struct shape returned = *answer;

	returned.from = shape->to;
	returned.to = shape->from;
	returned.from_port = shape->port;
	returned.port = shape->from_port ? shape->from_port : CLIENT;
	returned.tags = shape->tags;
	returned.outer_type = shape->outer_type;
	returned.ttl = 62;
	if (answer->flags & SYN && answer->mss > LIMIT(is_six(shape) ? 40 : 20))
		returned.mss = LIMIT(is_six(shape) ? 40 : 20);
	make_frame(&returned, ret_frame);
	put_head(ret_frame, THEIR_ADDRESS, OUR_ADDRESS);
}

static inline void expect_frame(const char *what, int action, int wanted, const struct frame *frame,
				const struct frame *expected)
{
	cr_assert_eq(action, wanted, "%s: XDP action %d, expected %d", what, action, wanted);
	for (size_t i = 0; i < frame->length && i < expected->length; i++)
		cr_assert_eq(frame->bytes[i], expected->bytes[i],
			     "%s: byte %zu is %02x, expected %02x", what, i, frame->bytes[i],
			     expected->bytes[i]);
	cr_assert_eq(frame->length, expected->length, "%s: length", what);
}

static inline void expect_carried(const char *what, const struct shape *shape, uint16_t port)
{
	struct frame frame, after, expected;

	make_frame(shape, &frame);
	make_carried(shape, port, &expected);
	expect_frame(what, run(&frame, &after), XDP_REDIRECT, &after, &expected);
}

static inline void expect_returned(const char *what, const struct shape *answer,
				   const struct shape *shape)
{
	struct frame frame, after, expected;

	make_frame(answer, &frame);
	make_returned(answer, shape, &expected);
	expect_frame(what, run(&frame, &after), XDP_TX, &after, &expected);
}

static inline void expect_untouched(const char *what, const struct frame *frame)
{
	struct frame after;

	cr_assert_eq(run(frame, &after), XDP_PASS, "%s does not pass", what);
	cr_assert(same(frame, &after), "%s is not as it was", what);
}

static inline void expect_untouched_shape(const char *what, const struct shape *shape)
{
	struct frame frame;

	make_frame(shape, &frame);
	expect_untouched(what, &frame);
}

/* Sends a SYN; the port that its connection has, which the frame tells. */
static inline uint16_t begin(const struct shape *shape)
{
	struct shape syn_of = *shape;
	struct frame frame, after;
	size_t at;

	syn_of.flags = SYN;
	make_frame(&syn_of, &frame);
	if (run(&frame, &after) != XDP_REDIRECT)
		return 0;
	at = frame.length - tcp_length(&syn_of) - 4 * (size_t)shape->tags;
	return (uint16_t)get_short(after.bytes + at);
}

static inline struct shape with(const struct shape *shape, uint8_t flags, uint16_t data)
{
	struct shape other = *shape;

	other.flags = flags;
	other.data = data;
	return other;
}

/* ---- what is kept of them ---- */

static inline struct shunt_flow *map_flows(void)
{
	void *memory = mmap(NULL, sizeof(struct shunt_flow) * SHUNT_FLOWS_MAX,
			    PROT_READ | PROT_WRITE, MAP_SHARED, own_map("shunt_flows"), 0);

	cr_assert_neq(memory, MAP_FAILED);
	return memory;
}

static inline unsigned count_flows(void)
{
	const struct shunt_flow *flows = map_flows();
	unsigned count = 0;

	for (unsigned i = 0; i < SHUNT_FLOWS_MAX; i++)
		count += flows[i].state != SHUNT_FLOW_FREE;
	return count;
}

/* All that were seen then are seen an hour, or more, before now. */
static inline void age(uint64_t by)
{
	struct shunt_flow *flows = map_flows();

	for (unsigned i = 0; i < SHUNT_FLOWS_MAX; i++)
		flows[i].seen -= flows[i].seen > by ? by : flows[i].seen;
}

static inline void refresh_twice(void)
{
	cr_assert_eq(dataplane_refresh(dataplane), 0);
	cr_assert_eq(dataplane_refresh(dataplane), 0);
}

#endif
