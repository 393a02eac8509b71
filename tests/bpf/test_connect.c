/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of connect(2) under each verdict on a dependency: in a cgroup and a network
 * namespace of the test's own.  A socket that may go on is on its way when a connect(2) that
 * does not wait returns, whether or not anybody listens; one that is refused is not.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf/cgroups.h"
#include "bpf/own.h"
#include "bpf/rulings.h"

#define SLOTS 16
/* Slots, and the port of all of them. */
#define EXACT	 (SHUNT_SLOT_FIRST + 1)
#define PREFIX	 (SHUNT_SLOT_FIRST + 2)
#define LONGER	 (SHUNT_SLOT_FIRST + 3)
#define PORT	 5432
#define P_NOBODY 5433

static uint32_t netns;

/* ---- the scene ---- */

static uint32_t own_netns(void)
{
	struct stat status;

	cr_assert_eq(stat("/proc/self/ns/net", &status), 0);
	return (uint32_t)status.st_ino;
}

static void name(const char *address, uint64_t cgroup, uint32_t slot)
{
	struct shunt_endpoint key = {.port = PORT, .netns = netns, .cgroup = cgroup};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_outbound"), &key, &slot, BPF_ANY), 0);
}

static void name_prefix(const char *address, uint32_t bits, uint32_t in, uint64_t cgroup,
			uint32_t slot)
{
	struct shunt_prefix key = {
		.length = SHUNT_PREFIX_FIXED_BITS + bits,
		.port = PORT,
		.netns = in,
		.cgroup = cgroup,
	};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_prefixes"), &key, &slot, BPF_ANY), 0);
}

static void enter_netns(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	run_command("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && "
		    "ip -6 route add local 2001:db8::/32 dev lo && "
		    "ip addr add 2001:db8::9/128 dev lo nodad");
}

static int open_cgroup(void)
{
	char path[256];
	int fd;

	cgroups_path("", sizeof(path), path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static void set_up(void)
{
	const struct dataplane_options options = {
		.slots = SLOTS, .inbound_fd = -1, .probers_fd = -1};
	int cgroup;

	cgroups_prepare();
	enter_netns();
	netns = own_netns();
	cgroups_make("");
	cgroups_enter("");
	cgroup = open_cgroup();
	cr_assert_eq(dataplane_open(&options, &dataplane), 0);
	cr_assert_eq(dataplane_attach_outbound(dataplane, cgroup, -1, -1), 0);
	close(cgroup);
	name("10.0.0.5", 0, EXACT);
	name("2001:db8::5", 0, EXACT);
	name_prefix("10.1.0.0", 112, netns, 0, PREFIX);
	name_prefix("10.1.2.0", 120, netns, 0, LONGER);
	name_prefix("2001:db8:1::", 48, netns, 0, PREFIX);
}

static void tear_down(void)
{
	dataplane_close(dataplane);
	cgroups_enter("/..");
	cgroups_remove();
}

TestSuite(connect, .init = set_up, .fini = tear_down);

static void rule(uint32_t slot, enum shunt_verdict verdict)
{
	rule_with(slot, verdict, 0, 0);
}

/* "::ffff:10.0.0.5" is an IPv6 socket's word for an IPv4 address. */
static socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)ret_address;

	memset(ret_address, 0, sizeof(*ret_address));
	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		return sizeof(*ipv4);
	}
	cr_assert_eq(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1, "%s", text);
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	return sizeof(*ipv6);
}

static int make_socket(const char *text, int type)
{
	int fd = socket(strchr(text, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	return fd;
}

/* The errno of a connect(2); EINPROGRESS: on its way. */
static int attempt_with(int fd, const char *text, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = make_address(text, port, &address);

	return connect(fd, (const struct sockaddr *)&address, size) ? errno : 0;
}

static int attempt(const char *text)
{
	int fd = make_socket(text, SOCK_STREAM | SOCK_NONBLOCK);
	int error = attempt_with(fd, text, PORT);

	close(fd);
	return error;
}

static void expect(const char *text, int error, const char *what)
{
	int got = attempt(text);

	cr_expect_eq(got, error, "%s, %s: %s, expected %s", what, text, strerror(got),
		     strerror(error));
}

static void expect_refused(const char *text, const char *what)
{
	expect(text, ECONNREFUSED, what);
}

static void expect_passes(const char *text, const char *what)
{
	expect(text, EINPROGRESS, what);
}

/* What a slot has counted, as "pass=1 reject=2 shadow_reject=3" without the zeros. */
static void expect_counts(uint32_t slot, const char *counts)
{
	struct shunt_verdict_counts got;
	char text[256] = "";
	size_t used = 0;

	dataplane_read(dataplane, slot, &got);
	for (unsigned i = 0; i < 2 * SHUNT_VERDICT_MAX; i++) {
		unsigned verdict = i % SHUNT_VERDICT_MAX;
		bool shadow = i >= SHUNT_VERDICT_MAX;
		uint64_t count = shadow ? got.shadow[verdict] : got.connections[verdict];

		if (count)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s=%lu",
						 used ? " " : "", shadow ? "shadow_" : "",
						 dataplane_verdict_name(verdict), count);
	}
	cr_expect_str_eq(text, counts, "'%s', expected '%s'", text, counts);
}

/* ---- whom it meets ---- */

Test(connect, without_a_verdict_all_goes_on)
{
	expect_passes("10.0.0.5", "no verdict");
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "rejected");
	dataplane_pass(dataplane, EXACT);
	expect_passes("10.0.0.5", "reset");
	expect_counts(EXACT, "reject=1");
}

Test(connect, a_dependency_is_refused_however_it_is_reached)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "IPv4");
	expect_refused("2001:db8::5", "IPv6");
	expect_refused("::ffff:10.0.0.5", "IPv4-mapped");
	expect_passes("10.0.0.6", "another address");
	expect_passes("2001:db8::6", "another address");
	expect_passes("::ffff:10.0.0.6", "another address");
	expect_counts(EXACT, "reject=3");
}

Test(connect, another_port_and_other_protocols_go_on)
{
	int fd = make_socket("10.0.0.5", SOCK_STREAM | SOCK_NONBLOCK);

	rule(EXACT, SHUNT_VERDICT_REJECT);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", P_NOBODY), EINPROGRESS);
	close(fd);
	fd = make_socket("10.0.0.5", SOCK_DGRAM);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), 0, "UDP");
	close(fd);
	fd = make_socket("2001:db8::5", SOCK_DGRAM);
	cr_expect_eq(attempt_with(fd, "2001:db8::5", PORT), 0, "UDP, IPv6");
	close(fd);
	expect_counts(EXACT, "");
}

/* A waiting connect(2), too, and one that brings data along. */
Test(connect, no_way_in_is_forgotten)
{
	struct sockaddr_storage address;
	socklen_t size = make_address("10.0.0.5", PORT, &address);
	int fd = make_socket("10.0.0.5", SOCK_STREAM);

	rule(EXACT, SHUNT_VERDICT_REJECT);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), ECONNREFUSED);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), ECONNREFUSED, "the same socket again");
	errno = 0;
	cr_expect_eq(sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&address, size), -1);
	cr_expect_eq(errno, ECONNREFUSED, "Fast Open: %s", strerror(errno));
	close(fd);
	expect_counts(EXACT, "reject=3");
}

Test(connect, the_longest_prefix_and_the_address_before_it)
{
	name("10.1.2.9", 0, EXACT);
	rule(LONGER, SHUNT_VERDICT_REJECT);
	expect_passes("10.1.0.1", "the shorter prefix");
	expect_refused("10.1.2.1", "the longer one");
	expect_refused("::ffff:10.1.2.1", "the longer one, mapped");
	expect_passes("10.1.2.9", "an address in it");
	dataplane_pass(dataplane, LONGER);
	rule(PREFIX, SHUNT_VERDICT_REJECT);
	expect_refused("10.1.0.1", "the shorter prefix");
	expect_passes("10.1.2.1", "the longer one");
	expect_refused("2001:db8:1::77", "IPv6");
	expect_passes("2001:db8:2::77", "IPv6");
	expect_counts(LONGER, "reject=2");
	expect_counts(PREFIX, "reject=2");
}

Test(connect, a_namespace_of_its_own_or_any)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	rule(LONGER, SHUNT_VERDICT_REJECT);
	name_prefix("10.2.0.0", 112, 0, 0, LONGER);
	expect_refused("10.2.0.1", "any, here");
	expect_refused("10.0.0.5", "its own");
	enter_netns();
	expect_passes("10.0.0.5", "another one");
	expect_passes("10.1.2.1", "another one");
	expect_refused("10.2.0.1", "any");
	expect_refused("::ffff:10.2.0.1", "any");
}

Test(connect, a_cgroup_narrows)
{
	uint64_t web = cgroups_make("/web");

	cgroups_make("/other");
	name("10.0.0.7", web, EXACT);
	name_prefix("10.3.0.0", 112, netns, web, LONGER);
	name_prefix("10.3.0.0", 112, netns, 0, PREFIX);
	rule(EXACT, SHUNT_VERDICT_REJECT);
	rule(LONGER, SHUNT_VERDICT_REJECT);
	expect_passes("10.0.0.7", "above it");
	cgroups_enter("/web");
	expect_refused("10.0.0.7", "in it");
	expect_refused("10.3.0.1", "in it");
	expect_refused("10.0.0.5", "in it, what is not narrowed");
	cgroups_enter("/other");
	expect_passes("10.0.0.7", "beside it");
	expect_passes("10.3.0.1", "beside it");
	rule(PREFIX, SHUNT_VERDICT_REJECT);
	expect_refused("10.3.0.1", "beside it, what is not narrowed");
	cgroups_enter("");
	expect_counts(LONGER, "reject=1");
	expect_counts(PREFIX, "reject=1");
}

/* As the observer has it: a socket is its maker's, wherever that goes. */
Test(connect, a_socket_is_of_the_cgroup_that_made_it)
{
	uint64_t web = cgroups_make("/web");
	int fd;

	name("10.0.0.7", web, EXACT);
	rule(EXACT, SHUNT_VERDICT_REJECT);
	cgroups_enter("/web");
	fd = make_socket("10.0.0.7", SOCK_STREAM | SOCK_NONBLOCK);
	cgroups_enter("");
	cr_expect_eq(attempt_with(fd, "10.0.0.7", PORT), ECONNREFUSED);
	close(fd);
	expect_passes("10.0.0.7", "made outside");
}

Test(connect, whoever_is_outside_is_left_alone)
{
	int status;
	pid_t child;

	rule(EXACT, SHUNT_VERDICT_REJECT);
	child = fork();
	if (!child) {
		cgroups_enter("/..");
		_exit(attempt("10.0.0.5") != EINPROGRESS);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0, "a process outside of the cgroup");
	expect_refused("10.0.0.5", "inside");
}

/* ---- verdicts ---- */

Test(connect, drop_is_refused_for_nothing_can_vanish_here)
{
	rule(EXACT, SHUNT_VERDICT_DROP);
	expect_refused("10.0.0.5", "drop");
	expect_refused("2001:db8::5", "drop");
	expect_counts(EXACT, "drop=2");
}

Test(connect, drain_is_none_of_a_clients)
{
	rule(EXACT, SHUNT_VERDICT_DRAIN);
	expect_passes("10.0.0.5", "drain");
	expect_counts(EXACT, "pass=1");
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_UNSUPPORTED), 1);
}

Test(connect, in_shadow_all_is_counted_and_goes_on)
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
	expect_counts(EXACT, "shadow_pass=1 shadow_reject=3 shadow_redirect=1");
}

Test(connect, a_lease_that_is_over_passes)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "leased");
	dataplane_renew(dataplane, now());
	expect_passes("10.0.0.5", "over");
	expect_passes("2001:db8::5", "over");
	cr_expect_eq(dataplane_unjudged(dataplane, SHUNT_UNJUDGED_EXPIRED), 2);
	dataplane_renew(dataplane, now() + HOUR_NSEC);
	expect_refused("10.0.0.5", "renewed");
}

Test(connect, when_the_holder_closes_all_goes_on)
{
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "held");
	dataplane_close(dataplane);
	dataplane = NULL;
	expect_passes("10.0.0.5", "closed");
	expect_passes("2001:db8::5", "closed");
}

/* ---- half-open ---- */

#define ATTEMPTS 10000

static bool admits(unsigned n)
{
	return attempt(n % 2 ? "10.0.0.5" : "2001:db8::5") == EINPROGRESS;
}

Test(connect, half_open_admits_its_share, .timeout = 120)
{
	static const double shares[] = {0.01, 0.1, 0.5, 0.9};

	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		unsigned admitted = 0;

		rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, shares[i]);
		for (unsigned n = 0; n < ATTEMPTS; n++)
			admitted += admits(n);
		cr_expect_float_eq((double)admitted / ATTEMPTS, shares[i], 0.02,
				   "%u of %u, expected a share of %g", admitted, ATTEMPTS,
				   shares[i]);
	}
}

Test(connect, half_open_answers_a_socket_alike)
{
	unsigned refused = 0;

	rule_with(EXACT, SHUNT_VERDICT_REJECT, 0, 0.5);
	for (unsigned n = 0; n < 200; n++) {
		int fd = make_socket("10.0.0.5", SOCK_STREAM | SOCK_NONBLOCK);
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

/* Listens where connections are to go. */
static int listen_at(const char *text)
{
	int fd = make_socket(text, SOCK_STREAM);
	struct sockaddr_storage address;
	socklen_t size = make_address(text, FALLBACK_PORT, &address);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, size), 0, "%s", text);
	cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

static void set_fallback(const char *text)
{
	struct shunt_target fallback = {.port = FALLBACK_PORT};

	parse_address(text, fallback.addr);
	cr_assert_eq(dataplane_set_fallback(dataplane, EXACT, &fallback), 0);
}

/* Connects, waiting; the peer that the socket then names, "10.0.0.9:15432". */
static void connect_and_ask(const char *text, size_t size, char *ret_peer)
{
	int fd = make_socket(text, SOCK_STREAM);
	int error = attempt_with(fd, text, PORT);
	struct sockaddr_storage address;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&address;
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	if (error) {
		snprintf(ret_peer, size, "%s", strerror(error));
	} else {
		cr_assert_eq(getpeername(fd, (struct sockaddr *)&address, &length), 0);
		if (address.ss_family == AF_INET)
			inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof(host));
		else
			inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof(host));
		snprintf(ret_peer, size, "%s:%u", host, ntohs(ipv4->sin_port));
	}
	close(fd);
}

static void expect_peer(const char *text, const char *peer)
{
	char got[80];

	connect_and_ask(text, sizeof(got), got);
	cr_expect_str_eq(got, peer, "to %s: '%s', expected '%s'", text, got, peer);
}

Test(connect, redirect_goes_to_the_fallback)
{
	int ipv4 = listen_at("10.0.0.9"), ipv6 = listen_at("2001:db8::9");

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
	expect_counts(EXACT, "reject=1 redirect=5");
	close(ipv4);
	close(ipv6);
}

Test(connect, redirect_needs_a_fallback)
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

Test(connect, it_is_attached_once)
{
	int cgroup = open_cgroup();

	cr_expect_eq(dataplane_attach_outbound(dataplane, cgroup, -1, -1), -EALREADY);
	close(cgroup);
}
