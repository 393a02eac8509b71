/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of the packets of connections that are carried to a standby on another host. */
#include <net/if.h>
#include <sys/mman.h>

#include "bpf/chance.h"
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

static void aim(uint32_t slot, const char *address)
{
	struct shunt_target target = {.port = P_STANDBY};

	parse_address(address, target.addr);
	cr_assert_eq(dataplane_set_target(dataplane, slot, &target), 0, "%s", address);
}

/* EXACT is carried to the standby over IPv4, and WILD over IPv6. */
static void open_way(void)
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

TestSuite(carry, .init = open_way, .fini = close_dataplane);

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

static bool is_six(const struct shape *shape)
{
	return strchr(shape->from, ':');
}

static void put_head(struct frame *frame, const void *to, const void *from)
{
	memcpy(frame->bytes, to, ETH_ALEN);
	memcpy(frame->bytes + ETH_ALEN, from, ETH_ALEN);
}

/* What the standby is to get of a frame of the client's. */
static void make_carried(const struct shape *shape, uint16_t port, struct frame *ret_frame)
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
static struct shape answer_of(const struct shape *shape, uint16_t port)
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
static void make_returned(const struct shape *answer, const struct shape *shape,
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

static void expect_frame(const char *what, int action, int wanted, const struct frame *frame,
			 const struct frame *expected)
{
	cr_assert_eq(action, wanted, "%s: XDP action %d, expected %d", what, action, wanted);
	for (size_t i = 0; i < frame->length && i < expected->length; i++)
		cr_assert_eq(frame->bytes[i], expected->bytes[i],
			     "%s: byte %zu is %02x, expected %02x", what, i, frame->bytes[i],
			     expected->bytes[i]);
	cr_assert_eq(frame->length, expected->length, "%s: length", what);
}

static void expect_carried(const char *what, const struct shape *shape, uint16_t port)
{
	struct frame frame, after, expected;

	make_frame(shape, &frame);
	make_carried(shape, port, &expected);
	expect_frame(what, run(&frame, &after), XDP_REDIRECT, &after, &expected);
}

static void expect_returned(const char *what, const struct shape *answer, const struct shape *shape)
{
	struct frame frame, after, expected;

	make_frame(answer, &frame);
	make_returned(answer, shape, &expected);
	expect_frame(what, run(&frame, &after), XDP_TX, &after, &expected);
}

static void expect_untouched(const char *what, const struct frame *frame)
{
	struct frame after;

	cr_assert_eq(run(frame, &after), XDP_PASS, "%s does not pass", what);
	cr_assert(same(frame, &after), "%s is not as it was", what);
}

static void expect_untouched_shape(const char *what, const struct shape *shape)
{
	struct frame frame;

	make_frame(shape, &frame);
	expect_untouched(what, &frame);
}

/* Sends a SYN; the port that its connection has, which the frame tells. */
static uint16_t begin(const struct shape *shape)
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

static struct shape with(const struct shape *shape, uint8_t flags, uint16_t data)
{
	struct shape other = *shape;

	other.flags = flags;
	other.data = data;
	return other;
}

/* ---- connections ---- */

Test(carry, all_of_a_connection_is_carried_both_ways)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		const struct shape *shape = &trips[i].shape;
		const char *what = trips[i].what;
		struct shape segment = with(shape, SYN, 0), answer;
		uint16_t port = begin(shape);

		cr_assert_geq(port, 61440, "%s: carried from port %u", what, port);
		segment.mss = 1460;
		expect_carried(what, &segment, port);
		answer = answer_of(shape, port);
		answer.flags = SYN | ACK;
		answer.mss = 8960;
		expect_returned(what, &answer, shape);
		answer.mss = 536;
		expect_returned(what, &answer, shape);
		segment = with(shape, ACK | PSH, 999);
		expect_carried(what, &segment, port);
		answer = with(&answer, ACK | PSH | ECE, 1000);
		answer.mss = 0;
		expect_returned(what, &answer, shape);
		segment = with(shape, RST, 0);
		expect_carried(what, &segment, port);
		/* The next has the same client. */
		segment = with(shape, SYN, 0);
		rule(SHUNT_VERDICT_PASS);
		expect_untouched_shape(what, &segment);
		rule(SHUNT_VERDICT_REDIRECT);
	}
	expect_counts(EXACT, "IPv4", "redirect=4");
	expect_counts(WILD, "IPv6", "redirect=3");
}

Test(carry, it_outlives_the_verdict)
{
	const struct shape shape = {C4, .flags = ACK, .data = 10};
	const struct shape other = {C4, .flags = SYN, .from_port = 40001};
	uint16_t port = begin(&shape);
	struct shape answer = answer_of(&shape, port);

	dataplane_renew(dataplane, now());
	expect_carried("on a lease that is over", &shape, port);
	expect_untouched_shape("another", &other);
	dataplane_pass(dataplane, EXACT);
	dataplane_pass(dataplane, WILD);
	expect_carried("with no verdict", &shape, port);
	expect_returned("with no verdict", &answer, &shape);
	expect_untouched_shape("another", &other);
}

Test(carry, who_is_not_of_it_passes)
{
	const struct shape shape = {C4, .flags = ACK};
	uint16_t port = begin(&shape);
	struct shape answer = answer_of(&shape, port), other;
	struct frame frame;

	other = answer, other.from = "198.51.100.3";
	expect_untouched_shape("another standby", &other);
	other = answer, other.to = "198.51.100.7";
	expect_untouched_shape("to another address", &other);
	other = answer, other.from_port = P_STANDBY + 1;
	expect_untouched_shape("from another port", &other);
	other = answer, other.port = port ^ 1;
	expect_untouched_shape("to another port", &other);
	other = shape, other.from_port = CLIENT + 1;
	expect_untouched_shape("another client", &other);
	other = shape, other.port = P_NOBODY;
	expect_untouched_shape("another service", &other);
	other = shape, other.mac = "\x02\x00\x00\x00\x00\x06";
	expect_untouched_shape("overheard", &other);
	other = shape, other.fragment = 0x2000;
	expect_untouched_shape("a fragment", &other);
	for (size_t length = ETH_HLEN; length < 54; length++) {
		make_frame(&shape, &frame);
		frame.length = length;
		expect_untouched("cut short", &frame);
	}
}

Test(carry, what_cannot_be_carried_passes)
{
	const struct shape other_family = {V6, .flags = SYN};
	struct shape shape = {C4, .flags = SYN, .tcp_options = 20};
	struct frame frame;

	expect_untouched_shape("of another family than the standby", &other_family);
	make_frame(&shape, &frame);
	frame.bytes[50] ^= 1;
	expect_untouched("whose checksum is left to a card", &frame);
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_STANDBY), 2);
	expect_counts(EXACT, "they passed", "pass=2");
	rule_with(EXACT, SHUNT_VERDICT_REDIRECT, SHUNT_RULING_SHADOW, 0);
	expect_untouched_shape("in shadow", &shape);
	expect_counts(EXACT, "in shadow", "pass=2 shadow_redirect=1");
}

Test(carry, what_has_come_too_far_goes_no_further)
{
	struct shape shape = {C4, .flags = ACK};

	begin(&shape);
	shape.ttl = 1;
	cr_expect_eq(run_shape(&shape), XDP_DROP);
}

/* ---- ports ---- */

static struct shunt_flow *map_flows(void)
{
	void *memory = mmap(NULL, sizeof(struct shunt_flow) * SHUNT_FLOWS_MAX,
			    PROT_READ | PROT_WRITE, MAP_SHARED, own_map("shunt_flows"), 0);

	cr_assert_neq(memory, MAP_FAILED);
	return memory;
}

static unsigned count_flows(void)
{
	const struct shunt_flow *flows = map_flows();
	unsigned count = 0;

	for (unsigned i = 0; i < SHUNT_FLOWS_MAX; i++)
		count += flows[i].state != SHUNT_FLOW_FREE;
	return count;
}

/* All that were seen then are seen an hour, or more, before now. */
static void age(uint64_t by)
{
	struct shunt_flow *flows = map_flows();

	for (unsigned i = 0; i < SHUNT_FLOWS_MAX; i++)
		flows[i].seen -= flows[i].seen > by ? by : flows[i].seen;
}

static void refresh_twice(void)
{
	cr_assert_eq(dataplane_refresh(dataplane), 0);
	cr_assert_eq(dataplane_refresh(dataplane), 0);
}

Test(carry, a_port_is_free_again_when_both_have_ended)
{
	const struct shape shape = {C4};
	struct shape segment = with(&shape, ACK | FIN, 0), answer;
	uint16_t port = begin(&shape);

	answer = answer_of(&segment, port);
	expect_carried("the client's end", &segment, port);
	refresh_twice();
	age(3000000000);
	refresh_twice();
	cr_expect_eq(count_flows(), 1, "one end is not both");
	expect_returned("the standby's end", &answer, &shape);
	segment.flags = ACK;
	expect_carried("the last", &segment, port);
	refresh_twice();
	cr_expect_eq(count_flows(), 1, "it may come again");
	age(3000000000);
	refresh_twice();
	cr_expect_eq(count_flows(), 0);
	expect_untouched_shape("what comes later still", &segment);
}

Test(carry, a_reset_that_was_nobodys_ends_nothing)
{
	const struct shape shape = {C4};
	struct shape segment = with(&shape, RST, 0), answer;
	uint16_t port = begin(&shape);

	answer = answer_of(&segment, port);
	expect_carried("a reset", &segment, port);
	segment.flags = ACK;
	expect_carried("…but the client goes on", &segment, port);
	age(60000000000);
	refresh_twice();
	cr_expect_eq(count_flows(), 1);
	expect_returned("a reset", &answer, &shape);
	expect_carried("what the client had sent by then", &segment, port);
	age(60000000000);
	refresh_twice();
	cr_expect_eq(count_flows(), 0);
}

Test(carry, none_that_lives_is_given_up)
{
	struct shape shape = {C4};
	uint16_t first = begin(&shape), last = 0;
	unsigned carried = 1, passed = 0;

	for (unsigned i = 1; i < 6000; i++) {
		shape.from_port = (uint16_t)(CLIENT + i);
		last = begin(&shape);
		carried += last != 0;
		passed += !last;
	}
	cr_expect_eq(carried, SHUNT_FLOWS_MAX, "%u carried", carried);
	cr_expect_eq(carried, count_flows());
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_STANDBY), passed);
	shape = (struct shape){C4, .flags = ACK};
	expect_carried("the first of them", &shape, first);
	age(3600 * 1000000000ULL);
	refresh_twice();
	cr_expect_eq(count_flows(), 1, "the one that is open stays for two hours");
	age(7440 * 1000000000ULL);
	refresh_twice();
	cr_expect_eq(count_flows(), 0);
}

/* ---- routers' news ---- */

static void put_trouble(struct frame *ret_frame, const struct frame *about, const char *from,
			const char *to)
{
	uint8_t addresses[8];
	size_t at = 14;

	cr_assert_eq(inet_pton(AF_INET, from, addresses), 1);
	cr_assert_eq(inet_pton(AF_INET, to, addresses + 4), 1);
	ret_frame->length = 0;
	put(ret_frame, OUR_ADDRESS, 6);
	put(ret_frame, THEIR_ADDRESS, 6);
	put_short(ret_frame, 0x0800);
	put_long(ret_frame, 0x45000000 | 56);
	put_long(ret_frame, 0);
	put_long(ret_frame, 62u << 24 | 1 << 16);
	put(ret_frame, addresses, 8);
	set_short(ret_frame->bytes + at + 10, ~add_up(0, ret_frame->bytes + at, 20));
	put_long(ret_frame, 0x03040000); /* fragmentation needed */
	put_long(ret_frame, 1300);
	put(ret_frame, about->bytes + 14, 28);
	set_short(ret_frame->bytes + at + 22, ~add_up(0, ret_frame->bytes + at + 20, 36));
}

Test(carry, a_router_is_heard_by_who_sent_it)
{
	const struct shape shape = {C4, .flags = ACK, .data = 1000};
	struct frame sent, trouble, after, expected, client;
	uint16_t port = begin(&shape);

	/* The client's packet, once this host had rewritten it, did not fit. */
	make_frame(&shape, &client);
	make_carried(&shape, port, &sent);
	put_trouble(&trouble, &sent, "192.0.2.1", HERE);
	client.bytes[22]--; /* time to live, which the checksum below covers */
	set_short(client.bytes + 24, 0);
	set_short(client.bytes + 24, ~add_up(0, client.bytes + 14, 20));
	put_trouble(&expected, &client, "10.0.0.5", "10.0.1.1");
	expected.bytes[22]--;
	set_short(expected.bytes + 24, 0);
	set_short(expected.bytes + 24, ~add_up(0, expected.bytes + 14, 20));
	put_head(&expected, THEIR_ADDRESS, OUR_ADDRESS);
	expect_frame("too big", run(&trouble, &after), XDP_TX, &after, &expected);
	/* Not the client's: to nobody's port. */
	set_short(trouble.bytes + 42 + 20, port ^ 1);
	expect_untouched("of no flow", &trouble);
	for (trouble.length = 69; trouble.length > 42; trouble.length--)
		expect_untouched("cut short", &trouble);
}

/* ---- chance ---- */

/* None of these is the client's or the standby's, whatever happens to three of its bytes. */
static const struct shape strangers[] = {
	{.from = "10.0.62.201",
	 .to = "10.0.0.5",
	 .port = P_EXACT,
	 .from_port = 24135,
	 .flags = ACK},
	{.from = "10.0.62.201",
	 .to = "10.0.0.5",
	 .port = P_EXACT,
	 .from_port = 24135,
	 .flags = SYN},
	{.from = "2001:db8:ff::77", .to = "2001:db8::9", .port = P_WILD, .from_port = 24135},
	{.from = "198.51.100.77", .to = HERE, .port = 61440, .from_port = 24135, .data = 99},
	{.from = "fd00:8::ff77", .to = HERE6, .port = 61441, .tags = 1, .from_port = 24135},
	{.from = "10.0.62.201", .to = "10.0.0.5", .port = 1, .ip_options = 8, .data = 1000},
};

Test(carry, chance_finds_nothing_else, .timeout = CHANCE_TIMEOUT)
{
	const struct shape shape = {C4, .flags = ACK}, shape6 = {C6, .flags = ACK};
	uint16_t port = begin(&shape), port6 = begin(&shape6);
	unsigned frames = chance_frames();

	rule(SHUNT_VERDICT_PASS);
	for (unsigned i = 0; i < frames; i++) {
		struct frame frame;

		if (chance(10)) {
			make_frame(&strangers[chance(sizeof(strangers) / sizeof(strangers[0]))],
				   &frame);
			mutate(&frame);
		} else {
			make_noise(&frame);
		}
		expect_untouched("a stranger", &frame);
	}
	expect_carried("the client's", &shape, port);
	expect_carried("the client's, IPv6", &shape6, port6);
	cr_expect_eq(count_flows(), 2);
}
