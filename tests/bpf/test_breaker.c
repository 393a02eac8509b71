/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of requests under each verdict. */
#include "bpf/plane.h"

TestSuite(breaker, .init = open_dataplane, .fini = close_dataplane);

Test(breaker, a_lease_that_is_over_passes)
{
	rule_until(EXACT, SHUNT_VERDICT_DROP, now() + HOUR_NSEC);
	cr_expect_eq(run_shape(&syn), XDP_DROP);
	rule_until(EXACT, SHUNT_VERDICT_DROP, now());
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_EXPIRED), 1);
	rule_until(EXACT, SHUNT_VERDICT_DROP, now() + HOUR_NSEC);
	cr_expect_eq(run_shape(&syn6), XDP_DROP);
	expect_counts(EXACT, "two of three", "drop=2");
	dataplane_clear(dataplane, EXACT);
	expect_counts(EXACT, "cleared", "");
}

Test(breaker, a_verdict_is_one_services_alone)
{
	const struct shape other = {
		.from = "10.0.1.1", .to = "10.0.0.5", .port = P_WILD, .flags = SYN};

	rule_with(EXACT, SHUNT_VERDICT_DROP, 0, 0);
	cr_expect_eq(run_shape(&syn), XDP_DROP);
	cr_expect_eq(run_shape(&other), XDP_PASS);
	expect_counts(EXACT, "its own", "drop=1");
	expect_counts(WILD, "another's", "");
}

Test(breaker, drain_refuses_probers_alone)
{
	const struct shape prober = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN};
	const struct shape prober6 = {
		.from = "2001:db8:1::9", .to = "2001:db8::5", .port = P_EXACT, .flags = SYN};
	const struct shape elsewhere = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_WILD, .flags = SYN};

	know_prober("10.0.1.9", EXACT);
	know_prober("2001:db8:1::9", EXACT);
	rule(SHUNT_VERDICT_DRAIN);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(run_shape(&syn6), XDP_PASS);
	cr_expect_eq(run_shape(&prober), XDP_TX);
	cr_expect_eq(run_shape(&prober6), XDP_TX);
	cr_expect_eq(run_shape(&elsewhere), XDP_PASS, "it checks another service");
	expect_counts(EXACT, "drained", "pass=2 drain=2");
	expect_counts(WILD, "drained", "pass=1");
}

Test(breaker, probers_are_exempt_where_told_so)
{
	const struct shape prober = {
		.from = "10.0.1.9", .to = "10.0.0.5", .port = P_EXACT, .flags = SYN};

	know_prober("10.0.1.9", EXACT);
	rule_with(EXACT, SHUNT_VERDICT_REJECT, SHUNT_RULING_EXEMPT, 0);
	cr_expect_eq(run_shape(&prober), XDP_PASS);
	cr_expect_eq(run_shape(&syn), XDP_TX);
	rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, 0);
	cr_expect_eq(run_shape(&prober), XDP_TX, "coupled");
	expect_counts(EXACT, "exempt, then coupled", "pass=1 reject=2");
}

/* The n-th caller: ports of one address, and addresses with one port. */
static bool admits(unsigned n)
{
	struct shape shape = syn;
	char from[32];

	snprintf(from, sizeof(from), "10.0.%u.%u", 1 + n % 7, 1 + n % 250);
	shape.from = from;
	shape.from_port = (uint16_t)(32768 + n / 3);
	return run_shape(&shape) == XDP_PASS;
}

Test(breaker, half_open_admits_its_share)
{
	expect_shares(EXACT, admits);
}

Test(breaker, half_open_answers_a_retransmission_alike)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC, .verdict = SHUNT_VERDICT_DROP};
	unsigned differ = 0;

	ruling.admit = dataplane_share(0.5);
	for (unsigned n = 0; n < 1000; n++) {
		bool first, again, other;

		ruling.salt = 1;
		cr_assert_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
		first = admits(n);
		again = admits(n);
		ruling.salt = 2;
		cr_assert_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
		other = admits(n);
		cr_expect_eq(first, again);
		differ += first != other;
	}
	cr_expect(differ > 400 && differ < 600, "another salt chooses others: %u of 1000", differ);
}

Test(breaker, rulings_that_cannot_be)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC, .verdict = SHUNT_VERDICT_DROP};

	cr_expect_eq(dataplane_rule(dataplane, SLOTS, &ruling), -ERANGE);
	ruling.verdict = SHUNT_VERDICT_REDIRECT;
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP);
	ruling.verdict = SHUNT_VERDICT_MAX;
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP);
	cr_expect_eq(run_shape(&syn), XDP_PASS);
	cr_expect_eq(dataplane_share(0), 0);
	cr_expect_eq(dataplane_share(-1), 0);
	cr_expect_eq(dataplane_share(0.5), 0x80000000);
	cr_expect_eq(dataplane_share(2), 0xffffffff);
}

/* A service that is a port on every address is none on the machines behind this one. */
Test(breaker, what_is_forwarded_passes)
{
	const struct shape there = {
		.from = "10.0.1.1", .to = "192.0.2.9", .port = P_WILD, .flags = SYN};
	const struct shape there6 = {
		.from = "2001:db8:1::1", .to = "fd00:9::9", .port = P_WILD, .flags = SYN};
	const struct shape here = {
		.from = "10.0.1.1", .to = "10.0.0.9", .port = P_WILD, .flags = SYN};

	run_command("ip link add v0 type veth peer name v1 && ip link set v0 up && "
		    "ip link set v1 up && ip addr add 198.51.100.1/24 dev v0 && "
		    "ip addr add fd00:8::1/64 dev v0 nodad && "
		    "ip route add 192.0.2.0/24 via 198.51.100.2 && "
		    "ip -6 route add fd00:9::/64 via fd00:8::2");
	rule(SHUNT_VERDICT_REJECT);
	run_command("echo 1 >/proc/sys/net/ipv4/ip_forward && "
		    "echo 1 >/proc/sys/net/ipv4/conf/all/forwarding && "
		    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	cr_expect_eq(run_shape(&there), XDP_PASS);
	cr_expect_eq(run_shape(&there6), XDP_PASS);
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_ELSEWHERE), 2);
	cr_expect_eq(run_shape(&here), XDP_TX);
	cr_expect_eq(run_shape(&syn), XDP_TX);
	expect_counts(WILD, "this host's own", "reject=1");
}
