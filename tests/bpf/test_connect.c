/* SPDX-License-Identifier: GPL-2.0 */
/* Whose connect(2) meets the verdict on a dependency. */
#include <sys/wait.h>

#include "bpf/calls.h"

TestSuite(connect, .init = open_calls, .fini = close_calls);

Test(connect, without_a_verdict_all_goes_on)
{
	expect_passes("10.0.0.5", "no verdict");
	rule(EXACT, SHUNT_VERDICT_REJECT);
	expect_refused("10.0.0.5", "rejected");
	dataplane_pass(dataplane, EXACT);
	expect_passes("10.0.0.5", "reset");
	expect_counts(EXACT, "before and after", "reject=1");
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
	expect_counts(EXACT, "by any of three ways", "reject=3");
}

Test(connect, another_port_and_other_protocols_go_on)
{
	int fd = open_socket("10.0.0.5", SOCK_STREAM | SOCK_NONBLOCK);

	rule(EXACT, SHUNT_VERDICT_REJECT);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", P_NOBODY), EINPROGRESS);
	close(fd);
	fd = open_socket("10.0.0.5", SOCK_DGRAM);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), 0, "UDP");
	close(fd);
	fd = open_socket("2001:db8::5", SOCK_DGRAM);
	cr_expect_eq(attempt_with(fd, "2001:db8::5", PORT), 0, "UDP, IPv6");
	close(fd);
	expect_counts(EXACT, "another port", "");
}

/* A waiting connect(2), too, and one that brings data along. */
Test(connect, no_way_in_is_forgotten)
{
	union address address;
	socklen_t size = make_address("10.0.0.5", PORT, &address);
	int fd = open_socket("10.0.0.5", SOCK_STREAM);

	rule(EXACT, SHUNT_VERDICT_REJECT);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), ECONNREFUSED);
	cr_expect_eq(attempt_with(fd, "10.0.0.5", PORT), ECONNREFUSED, "the same socket again");
	errno = 0;
	cr_expect_eq(sendto(fd, "x", 1, MSG_FASTOPEN, &address.any, size), -1);
	cr_expect_eq(errno, ECONNREFUSED, "Fast Open: %s", strerror(errno));
	close(fd);
	expect_counts(EXACT, "each time", "reject=3");
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
	expect_counts(LONGER, "the longer prefix", "reject=2");
	expect_counts(PREFIX, "the shorter one", "reject=2");
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
	expect_counts(LONGER, "in the cgroup", "reject=1");
	expect_counts(PREFIX, "beside it", "reject=1");
}

/* As the observer has it: a socket is its maker's, wherever that goes. */
Test(connect, a_socket_is_of_the_cgroup_that_made_it)
{
	uint64_t web = cgroups_make("/web");
	int fd;

	name("10.0.0.7", web, EXACT);
	rule(EXACT, SHUNT_VERDICT_REJECT);
	cgroups_enter("/web");
	fd = open_socket("10.0.0.7", SOCK_STREAM | SOCK_NONBLOCK);
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
