/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of connect(2) that verdicts on dependencies meet, in a cgroup and a network namespace of
 * the test's own.  A socket that may go on is on its way when a connect(2) that does not wait
 * returns, whether or not anybody listens; one that is refused is not.
 */
#ifndef SHUNT_TESTS_BPF_CALLS_H
#define SHUNT_TESTS_BPF_CALLS_H

#include "bpf/cgroups.h"
#include "bpf/host.h"
#include "bpf/own.h"
#include "bpf/rulings.h"
#include "bpf/sockets.h"

/* Slots, and the port of all of them. */
#define EXACT	 (SHUNT_SLOT_FIRST + 1)
#define PREFIX	 (SHUNT_SLOT_FIRST + 2)
#define LONGER	 (SHUNT_SLOT_FIRST + 3)
#define PORT	 5432
#define P_NOBODY 5433

static uint32_t netns;

/* ---- the scene ---- */

static inline void name(const char *address, uint64_t cgroup, uint32_t slot)
{
	struct shunt_endpoint key = {.port = PORT, .netns = netns, .cgroup = cgroup};

	parse_address(address, key.addr);
	cr_assert_eq(bpf_map_update_elem(own_map("shunt_outbound"), &key, &slot, BPF_ANY), 0);
}

static inline void name_prefix(const char *address, uint32_t bits, uint32_t in, uint64_t cgroup,
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

static inline int open_cgroup(void)
{
	char path[256];
	int fd;

	cgroups_path("", sizeof(path), path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static inline void open_calls(void)
{
	int cgroup;

	cgroups_prepare();
	enter_netns();
	netns = own_netns();
	cgroups_make("");
	cgroups_enter("");
	cgroup = open_cgroup();
	load_dataplane();
	cr_assert_eq(dataplane_attach_outbound(dataplane, cgroup, -1, -1), 0);
	close(cgroup);
	name("10.0.0.5", 0, EXACT);
	name("2001:db8::5", 0, EXACT);
	name_prefix("10.1.0.0", 112, netns, 0, PREFIX);
	name_prefix("10.1.2.0", 120, netns, 0, LONGER);
	name_prefix("2001:db8:1::", 48, netns, 0, PREFIX);
}

static inline void close_calls(void)
{
	dataplane_close(dataplane);
	cgroups_enter("/..");
	cgroups_remove();
}

/* ---- calls ---- */

static inline void rule(uint32_t slot, enum shunt_verdict verdict)
{
	rule_with(slot, verdict, 0, 0);
}

/* To an address of that family; "::ffff:10.0.0.5" is an IPv6 socket's word for an IPv4 one. */
static inline int open_socket(const char *text, int type)
{
	int fd = socket(strchr(text, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	return fd;
}

/* The errno of a connect(2); EINPROGRESS: on its way. */
static inline int attempt_with(int fd, const char *text, uint16_t port)
{
	union address address;
	socklen_t size = make_address(text, port, &address);

	return connect(fd, &address.any, size) ? errno : 0;
}

static inline int attempt(const char *text)
{
	int fd = open_socket(text, SOCK_STREAM | SOCK_NONBLOCK);
	int error = attempt_with(fd, text, PORT);

	close(fd);
	return error;
}

static inline void expect(const char *text, int error, const char *what)
{
	int got = attempt(text);

	cr_expect_eq(got, error, "%s, %s: %s, expected %s", what, text, strerror(got),
		     strerror(error));
}

static inline void expect_refused(const char *text, const char *what)
{
	expect(text, ECONNREFUSED, what);
}

static inline void expect_passes(const char *text, const char *what)
{
	expect(text, EINPROGRESS, what);
}

#endif
