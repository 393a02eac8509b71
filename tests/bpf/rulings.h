/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of verdicts share, wherever those are carried out. */
#ifndef SHUNT_TESTS_BPF_RULINGS_H
#define SHUNT_TESTS_BPF_RULINGS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/dataplane.h"

#define SALT	  7
#define HOUR_NSEC 3600000000000ULL

static struct dataplane *dataplane;

static inline void run_command(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static inline void parse_address(const char *text, uint8_t ret_address[16])
{
	memset(ret_address, 0, 16);
	ret_address[10] = ret_address[11] = 0xff;
	if (inet_pton(AF_INET, text, ret_address + 12) != 1)
		cr_assert_eq(inet_pton(AF_INET6, text, ret_address), 1, "%s", text);
}

static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline void rule_with(uint32_t slot, enum shunt_verdict verdict, uint8_t flags, double share)
{
	const struct shunt_ruling ruling = {
		.until = now() + HOUR_NSEC,
		.admit = dataplane_share(share),
		.salt = SALT,
		.verdict = (uint8_t)verdict,
		.flags = flags,
	};

	cr_assert_eq(dataplane_rule(dataplane, slot, &ruling), 0);
}

#endif
