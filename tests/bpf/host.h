/* SPDX-License-Identifier: GPL-2.0 */
/* A network namespace of a test's own, and how it says who is where. */
#ifndef SHUNT_TESTS_BPF_HOST_H
#define SHUNT_TESTS_BPF_HOST_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static inline void run_command(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Goes to a new one, in which every address of these ranges is this host's. */
static inline void enter_netns(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	run_command("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && "
		    "ip -6 route add local 2001:db8::/32 dev lo");
}

/* The one that this process is in, as the kernel numbers it. */
static inline uint32_t own_netns(void)
{
	struct stat status;

	cr_assert_eq(stat("/proc/self/ns/net", &status), 0);
	return (uint32_t)status.st_ino;
}

/* "10.0.0.5" or "::1", as 16 bytes; whether it is IPv4. */
static inline bool parse_address(const char *text, uint8_t ret_address[16])
{
	memset(ret_address, 0, 16);
	if (strchr(text, ':')) {
		cr_assert_eq(inet_pton(AF_INET6, text, ret_address), 1, "%s", text);
		return false;
	}
	ret_address[10] = ret_address[11] = 0xff;
	cr_assert_eq(inet_pton(AF_INET, text, ret_address + 12), 1, "%s", text);
	return true;
}

#endif
