/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of connect(2) under each verdict on a dependency. */
#include "bpf/calls.h"

TestSuite(calls, .init = open_calls, .fini = close_calls);

Test(calls, drop_is_refused_for_nothing_can_vanish_here)
{
	rule(EXACT, SHUNT_VERDICT_DROP);
	expect_refused("10.0.0.5", "drop");
	expect_refused("2001:db8::5", "drop");
	expect_counts(EXACT, "dropped", "drop=2");
}

Test(calls, drain_is_none_of_a_clients)
{
	rule(EXACT, SHUNT_VERDICT_DRAIN);
	expect_passes("10.0.0.5", "drain");
	expect_counts(EXACT, "drained", "pass=1");
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_UNSUPPORTED), 1);
}

Test(calls, in_shadow_all_is_counted_and_goes_on)
{
	const struct shunt_target fallback = {.port = P_NOBODY};

	rule_with(EXACT, SHUNT_VERDICT_REJECT, SHUNT_RULING_SHADOW, 0);
	expect_passes("10.0.0.5", "shadow");
	expect_passes("2001:db8::5", "shadow");
	rule_with(EXACT, SHUNT_VERDICT_DROP, SHUNT_RULING_SHADOW, 1);
	expect_passes("10.0.0.5", "shadow, admitted");
	cr_assert_eq(dataplane_set_fallback(dataplane, EXACT, &fallback), 0);
	rule_with(EXACT, SHUNT_VERDICT_REDIRECT, SHUNT_RULING_SHADOW, 0);
	expect_passes("2001:db8::5", "shadow, redirect");
	expect_passes("10.0.0.5", "shadow, redirect to where IPv4 cannot go");
	expect_counts(EXACT, "in shadow", "shadow_pass=1 shadow_reject=3 shadow_redirect=1");
}

Test(calls, a_lease_that_is_over_passes)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "leased");
	rule_until(EXACT, SHUNT_VERDICT_REJECT, now());
	expect_passes("10.0.0.5", "over");
	expect_passes("2001:db8::5", "over");
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_EXPIRED), 2);
	rule_until(EXACT, SHUNT_VERDICT_REJECT, now() + HOUR_NSEC);
	expect_refused("10.0.0.5", "renewed");
}

Test(calls, when_the_holder_closes_all_goes_on)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "held");
	dataplane_close(dataplane);
	dataplane = NULL;
	expect_passes("10.0.0.5", "closed");
	expect_passes("2001:db8::5", "closed");
}

/* ---- half-open ---- */

static bool admits(unsigned n)
{
	return attempt(n % 2 ? "10.0.0.5" : "2001:db8::5") == EINPROGRESS;
}

Test(calls, half_open_admits_its_share, .timeout = 120)
{
	expect_shares(EXACT, admits);
}

Test(calls, half_open_answers_a_socket_alike)
{
	unsigned refused = 0;

	rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, 0.5);
	for (unsigned n = 0; n < 200; n++) {
		int fd = open_socket("10.0.0.5", SOCK_STREAM | SOCK_NONBLOCK);
		int first = attempt_with(fd, "10.0.0.5", PORT);

		if (first == ECONNREFUSED) {
			refused++;
			for (unsigned again = 0; again < 5; again++)
				cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), ECONNREFUSED);
		}
		close(fd);
	}
	cr_expect(refused > 50 && refused < 150, "%u of 200 refused", refused);
}

/* ---- redirect ---- */

#define FALLBACK_PORT 15432

static void set_fallback(const char *text)
{
	struct shunt_target fallback = {.port = FALLBACK_PORT};

	parse_address(text, fallback.addr);
	cr_assert_eq(dataplane_set_fallback(dataplane, EXACT, &fallback), 0);
}

/* Connects, waiting; the peer that the socket then names, "10.0.0.9:15432". */
static void connect_and_ask(const char *text, size_t size, char *ret_peer)
{
	int fd = open_socket(text, SOCK_STREAM);
	int error = attempt_with(fd, text, PORT);
	union address peer;
	socklen_t length = sizeof(peer);
	char host[INET6_ADDRSTRLEN];

	if (error) {
		snprintf(ret_peer, size, "%s", strerror(error));
	} else {
		cr_assert_eq(getpeername(fd, &peer.any, &length), 0);
		if (peer.any.sa_family == AF_INET)
			inet_ntop(AF_INET, &peer.ipv4.sin_addr, host, sizeof(host));
		else
			inet_ntop(AF_INET6, &peer.ipv6.sin6_addr, host, sizeof(host));
		snprintf(ret_peer, size, "%s:%u", host, ntohs(peer.ipv4.sin_port));
	}
	close(fd);
}

static void expect_peer(const char *text, const char *peer)
{
	char got[80];

	connect_and_ask(text, sizeof(got), got);
	cr_expect_str_eq(got, peer, "to %s: '%s', expected '%s'", text, got, peer);
}

Test(calls, redirect_goes_to_the_fallback)
{
	int ipv4 = listen_on("10.0.0.9", FALLBACK_PORT, 8);
	int ipv6 = listen_on("2001:db8::9", FALLBACK_PORT, 8);

	set_fallback("10.0.0.9");
	rule(EXACT, SHUNT_VERDICT_REDIRECT);
	expect_peer("10.0.0.5", "10.0.0.9:15432");
	expect_peer("::ffff:10.0.0.5", "::ffff:10.0.0.9:15432");
	expect_peer("2001:db8::5", "::ffff:10.0.0.9:15432");
	set_fallback("2001:db8::9");
	expect_peer("2001:db8::5", "2001:db8::9:15432");
	expect_peer("::ffff:10.0.0.5", "2001:db8::9:15432");
	expect_peer("10.0.0.5", strerror(ECONNREFUSED));
	expect_passes("10.0.0.6", "another address");
	expect_counts(EXACT, "to the fallback", "reject=1 redirect=5");
	close(ipv4);
	close(ipv6);
}

Test(calls, redirect_needs_a_fallback)
{
	struct shunt_ruling ruling = {.until = now() + HOUR_NSEC,
				      .verdict = SHUNT_VERDICT_REDIRECT};

	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP);
	expect_passes("10.0.0.5", "no ruling");
	set_fallback("10.0.0.9");
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), 0);
	expect_passes("10.0.0.5", "to the fallback");
	cr_expect_eq(dataplane_set_fallback(dataplane, EXACT, NULL), 0);
	cr_expect_eq(dataplane_set_fallback(dataplane, EXACT, NULL), 0, "twice");
	expect_refused("10.0.0.5", "its fallback was taken away");
	cr_expect_eq(dataplane_set_fallback(dataplane, SLOTS, NULL), -ERANGE);
	set_fallback("10.0.0.9");
	dataplane_pass(dataplane, EXACT);
	dataplane_clear(dataplane, EXACT);
	cr_expect_eq(dataplane_rule(dataplane, EXACT, &ruling), -EOPNOTSUPP, "cleared");
}

Test(calls, it_is_attached_once)
{
	int cgroup = open_cgroup();

	cr_expect_eq(dataplane_attach_outbound(dataplane, cgroup, -1, -1), -EALREADY);
	close(cgroup);
}
