/* SPDX-License-Identifier: GPL-2.0 */
/* A table of packets, each as it came or refused, cut short, contradicting itself, mutated. */
#include "bpf/chance.h"
#include "bpf/plane.h"

TestSuite(shapes, .init = open_dataplane, .fini = close_dataplane);

#define NOT_COUNTED (-1)

static const struct {
	const char *what;
	struct shape shape;
	bool refused;
	int unjudged; /* enum shunt_unjudged of what passes, or NOT_COUNTED */
} shapes[] = {
	{"a SYN", {V4, .flags = SYN}, true, 0},
	{"a SYN, IPv6", {V6, .flags = SYN}, true, 0},
	{"to a port alone",
	 {.from = "10.0.1.1", .to = "10.0.0.9", .port = P_WILD, .flags = SYN},
	 true,
	 0},
	{"to a port alone, IPv6",
	 {.from = "2001:db8:1::1", .to = "2001:db8::9", .port = P_WILD, .flags = SYN},
	 true,
	 0},
	{"as Linux sends it", {V4, .flags = SYN, .tcp_options = 20}, true, 0},
	{"as Linux sends it, IPv6", {V6, .flags = SYN, .tcp_options = 20}, true, 0},
	{"all the TCP options there can be", {V4, .flags = SYN, .tcp_options = 40}, true, 0},
	{"padded to 60 bytes", {V4, .flags = SYN, .padding = 6}, true, 0},
	{"ECN", {V4, .flags = SYN | ECE | CWR, .traffic_class = 0xb9}, true, 0},
	{"ECN, IPv6", {V6, .flags = SYN | ECE | CWR, .traffic_class = 0xb9}, true, 0},
	{"urgent and pushed", {V4, .flags = SYN | URG | PSH}, true, 0},
	{"Fast Open: data", {V4, .flags = SYN, .tcp_options = 12, .data = 501}, true, 0},
	{"Fast Open: data, IPv6", {V6, .flags = SYN, .data = 1000}, true, 0},
	{"802.1Q", {V4, .flags = SYN, .tags = 1}, true, 0},
	{"802.1Q, IPv6", {V6, .flags = SYN, .tags = 1}, true, 0},
	{"QinQ", {V4, .flags = SYN, .tags = 2, .outer_type = 0x88a8}, true, 0},
	{"QinQ, IPv6",
	 {V6, .flags = SYN, .tags = 2, .outer_type = 0x88a8, .tcp_options = 20},
	 true,
	 0},
	{"two tags of 802.1Q", {V4, .flags = SYN, .tags = 2}, true, 0},
	{"IP options", {V4, .flags = SYN, .ip_options = 4}, true, 0},
	{"all the IP options there can be",
	 {V4, .flags = SYN, .ip_options = 40, .tcp_options = 40, .tags = 2},
	 true,
	 0},
	{"do not fragment", {V4, .flags = SYN, .fragment = 0x4000}, true, 0},
	{"hop by hop", {V6, .flags = SYN, .extensions = "h"}, true, 0},
	{"destination options", {V6, .flags = SYN, .extensions = "D"}, true, 0},
	{"a route at its end", {V6, .flags = SYN, .extensions = "r"}, true, 0},
	{"all of them, tagged",
	 {V6, .flags = SYN, .extensions = "hdrD", .tags = 2, .tcp_options = 20, .data = 7},
	 true,
	 0},
	{"six headers", {V6, .flags = SYN, .extensions = "dddddd"}, true, 0},

	{"three tags", {V4, .flags = SYN, .tags = 3}, false, SHUNT_UNJUDGED_HEADER},
	{"a first fragment",
	 {V4, .flags = SYN, .fragment = 0x2000},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a later fragment",
	 {V4, .flags = SYN, .fragment = 0x0010},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a fragment, IPv6", {V6, .flags = SYN, .extensions = "f"}, false, SHUNT_UNJUDGED_FRAGMENT},
	{"a fragment behind another header",
	 {V6, .flags = SYN, .extensions = "hf"},
	 false,
	 SHUNT_UNJUDGED_FRAGMENT},
	{"a route on its way", {V6, .flags = SYN, .extensions = "R"}, false, SHUNT_UNJUDGED_HEADER},
	{"seven headers",
	 {V6, .flags = SYN, .extensions = "ddddddd"},
	 false,
	 SHUNT_UNJUDGED_HEADER},
	{"authentication", {V6, .flags = SYN, .extensions = "a"}, false, NOT_COUNTED},
	{"UDP behind another header", {V6, .flags = SYN, .extensions = "hu"}, false, NOT_COUNTED},
	{"an ACK", {V4, .flags = ACK}, false, NOT_COUNTED},
	{"an ACK, IPv6", {V6, .flags = ACK, .tags = 1}, false, NOT_COUNTED},
	{"data", {V4, .flags = ACK | PSH, .tcp_options = 12, .data = 1000}, false, NOT_COUNTED},
	{"a SYN-ACK", {V4, .flags = SYN | ACK}, false, NOT_COUNTED},
	{"a reset", {V4, .flags = RST}, false, NOT_COUNTED},
	{"an end", {V6, .flags = FIN | ACK}, false, NOT_COUNTED},
	{"a SYN that is a reset", {V4, .flags = SYN | RST}, false, NOT_COUNTED},
	{"a SYN that is an end", {V4, .flags = SYN | FIN}, false, NOT_COUNTED},
	{"no flag", {V4}, false, NOT_COUNTED},
	{"another port",
	 {.from = "10.0.1.1", .to = "10.0.0.5", .port = P_NOBODY, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"another address",
	 {.from = "10.0.1.1", .to = "10.0.0.6", .port = P_EXACT, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"another address, IPv6",
	 {.from = "2001:db8:1::1", .to = "2001:db8::6", .port = P_EXACT, .flags = SYN},
	 false,
	 NOT_COUNTED},
	{"from nobody",
	 {.from = "0.0.0.0", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from everybody",
	 {.from = "255.255.255.255", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from loopback",
	 {.from = "127.0.0.1", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from a group, IPv6",
	 {.from = "ff02::1", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"from loopback, IPv6",
	 {.from = "::1", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"IPv4 in disguise",
	 {.from = "::ffff:10.0.1.1", .to = "::ffff:10.0.0.5", .port = P_EXACT, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"to a group",
	 {.from = "10.0.1.1", .to = "224.0.0.5", .port = P_WILD, .flags = SYN},
	 false,
	 SHUNT_UNJUDGED_SOURCE},
	{"another machine's frame",
	 {V4, .flags = SYN, .mac = "\x02\x00\x00\x00\x00\x06"},
	 false,
	 SHUNT_UNJUDGED_ELSEWHERE},
	{"everybody's frame",
	 {V6, .flags = SYN, .mac = "\xff\xff\xff\xff\xff\xff"},
	 false,
	 SHUNT_UNJUDGED_ELSEWHERE},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void check_shapes(int refusal)
{
	for (unsigned i = 0; i < SHAPES; i++) {
		uint64_t before = unjudged_in_all(), counted = 0;
		bool is_unjudged = !shapes[i].refused && shapes[i].unjudged != NOT_COUNTED;
		struct frame frame;

		if (is_unjudged)
			counted = dataplane_unjudged(dataplane, shapes[i].unjudged);
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, shapes[i].refused, refusal);
		cr_expect_eq(unjudged_in_all() - before, is_unjudged, "%s", shapes[i].what);
		if (is_unjudged)
			cr_expect_eq(dataplane_unjudged(dataplane, shapes[i].unjudged), counted + 1,
				     "%s: counted as another thing", shapes[i].what);
	}
}

Test(shapes, reject_answers_a_syn_and_nothing_else)
{
	rule(SHUNT_VERDICT_REJECT);
	check_shapes(XDP_TX);
}

Test(shapes, drop_drops_a_syn_and_nothing_else)
{
	rule(SHUNT_VERDICT_DROP);
	check_shapes(XDP_DROP);
}

Test(shapes, without_a_verdict_all_passes_unseen)
{
	struct frame frame;

	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	rule(SHUNT_VERDICT_REJECT);
	dataplane_pass(dataplane, EXACT);
	dataplane_pass(dataplane, WILD);
	dataplane_pass(dataplane, WILD);
	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	cr_expect_eq(unjudged_in_all(), 0);
	expect_counts(EXACT, "exact", "");
	expect_counts(WILD, "wildcard", "");
}

/* Each of its lengths short of the whole; the padding is not the packet's. */
Test(shapes, what_is_cut_short_passes)
{
	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < SHAPES; i++) {
		struct frame frame;
		size_t whole;

		make_frame(&shapes[i].shape, &frame);
		whole = frame.length - shapes[i].shape.padding;
		for (frame.length = ETH_HLEN; frame.length < whole; frame.length++)
			check_run(shapes[i].what, &frame, false, 0);
	}
	cr_expect_gt(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_TRUNCATED), 1000);
	expect_counts(EXACT, "cut short", "");
}

/* Which byte of the frame becomes what, and still it is no SYN to answer. */
Test(shapes, what_contradicts_itself_passes)
{
	static const struct {
		const char *what;
		bool ipv6;
		size_t at;
		uint8_t byte;
	} flaws[] = {
		{"IPv4 of version 6", false, 14, 0x65},
		{"a header of 16 bytes", false, 14, 0x44},
		{"a longer header", false, 14, 0x4f},
		{"longer than the frame", false, 16, 1},
		{"shorter than its header", false, 17, 19},
		{"no room for TCP", false, 17, 39},
		{"a wrong checksum", false, 24, 0xff},
		{"TCP of 16 bytes", false, 46, 0x40},
		{"TCP longer than it is", false, 46, 0x60},
		{"IPv6 of version 4", true, 14, 0x45},
		{"no payload", true, 19, 0},
		{"less than TCP", true, 19, 19},
		{"longer than the frame", true, 18, 1},
		{"TCP of no length", true, 66, 0},
	};

	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		const struct shape plain = {V4, .flags = SYN}, plain6 = {V6, .flags = SYN};
		struct frame frame;

		make_frame(flaws[i].ipv6 ? &plain6 : &plain, &frame);
		check_run("sound", &frame, true, XDP_TX);
		frame.bytes[flaws[i].at] = flaws[i].byte;
		/* The checksum is right, but where it is what is wrong. */
		if (!flaws[i].ipv6 && flaws[i].at != 24 && flaws[i].at < 34) {
			set_short(frame.bytes + 24, 0);
			set_short(frame.bytes + 24, ~add_up(0, frame.bytes + 14, 20));
		}
		check_run(flaws[i].what, &frame, false, 0);
	}
}

Test(shapes, in_shadow_all_is_counted_and_passes)
{
	struct frame frame;

	rule_with(EXACT, SHUNT_VERDICT_REJECT, SHUNT_RULING_SHADOW, 0);
	for (unsigned i = 0; i < SHAPES; i++) {
		make_frame(&shapes[i].shape, &frame);
		check_run(shapes[i].what, &frame, false, 0);
	}
	expect_counts(EXACT, "shadow", "shadow_reject=24");
	rule_with(EXACT, SHUNT_VERDICT_DROP, SHUNT_RULING_SHADOW, 1);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	expect_counts(EXACT, "shadow, admitted", "shadow_pass=1 shadow_reject=24");
}

/* ---- chance ---- */

static bool is_ours(const struct seen *seen)
{
	static const uint8_t exact[4] = {10, 0, 0, 5};
	static const uint8_t exact6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 5};

	if (seen->port == P_WILD)
		return true;
	return seen->port == P_EXACT &&
	       !memcmp(seen->to, seen->address == 4 ? exact : exact6, seen->address);
}

Test(shapes, chance_finds_nothing_else, .timeout = CHANCE_TIMEOUT)
{
	unsigned answered = 0, frames = chance_frames();

	rule(SHUNT_VERDICT_REJECT);
	for (unsigned i = 0; i < frames; i++) {
		struct seen seen = {0};
		struct frame frame;
		bool refused;
		char what[64];

		if (chance(10)) {
			make_frame(&shapes[chance(SHAPES)].shape, &frame);
			mutate(&frame);
		} else {
			make_noise(&frame);
		}
		refused = see_frame(&frame, &seen) && is_ours(&seen);
		answered += refused;
		snprintf(what, sizeof(what), "frame %u", i);
		check_run(what, &frame, refused, XDP_TX);
	}
	/* Both kinds came about. */
	cr_expect(answered > frames / 20 && answered < frames / 2, "%u answered", answered);
}
