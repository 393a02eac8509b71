/* SPDX-License-Identifier: GPL-2.0 */
/* The ports of connections that are carried to another host, and routers' news of them. */
#include "bpf/carry.h"

TestSuite(flows, .init = open_way, .fini = close_dataplane);

Test(flows, a_port_is_free_again_when_both_have_ended)
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

Test(flows, a_reset_that_was_nobodys_ends_nothing)
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

Test(flows, none_that_lives_is_given_up)
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

static void put_icmp(struct frame *ret_frame, const struct frame *about, const char *from,
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

Test(flows, a_router_is_heard_by_who_sent_it)
{
	const struct shape shape = {C4, .flags = ACK, .data = 1000};
	struct frame sent, error, after, expected, client;
	uint16_t port = begin(&shape);

	/* The client's packet, once this host had rewritten it, did not fit. */
	make_frame(&shape, &client);
	make_carried(&shape, port, &sent);
	put_icmp(&error, &sent, "192.0.2.1", HERE);
	client.bytes[22]--; /* time to live, which the checksum below covers */
	set_short(client.bytes + 24, 0);
	set_short(client.bytes + 24, ~add_up(0, client.bytes + 14, 20));
	put_icmp(&expected, &client, "10.0.0.5", "10.0.1.1");
	expected.bytes[22]--;
	set_short(expected.bytes + 24, 0);
	set_short(expected.bytes + 24, ~add_up(0, expected.bytes + 14, 20));
	put_head(&expected, THEIR_ADDRESS, OUR_ADDRESS);
	expect_frame("too big", run(&error, &after), XDP_TX, &after, &expected);
	/* Not the client's: to nobody's port. */
	set_short(error.bytes + 42 + 20, port ^ 1);
	expect_untouched("of no flow", &error);
	for (error.length = 69; error.length > 42; error.length--)
		expect_untouched("cut short", &error);
}
