/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of the packets of connections that are carried to a standby on another host. */
#include "bpf/carry.h"
#include "bpf/chance.h"

TestSuite(carry, .init = open_way, .fini = close_dataplane);

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

	rule_until(EXACT, SHUNT_VERDICT_REDIRECT, now());
	rule_until(WILD, SHUNT_VERDICT_REDIRECT, now());
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
