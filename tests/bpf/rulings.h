/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of verdicts share, wherever those are carried out. */
#ifndef SHUNT_TESTS_BPF_RULINGS_H
#define SHUNT_TESTS_BPF_RULINGS_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "kernel/dataplane.h"
#include "serve/names.h"

#define SLOTS	  16
#define SALT	  7
#define HOUR_NSEC 3600000000000ULL

static struct dataplane *dataplane;

/* In this network namespace, with maps of its own. */
static inline void load_dataplane(void)
{
	const struct dataplane_options options = {
		.slots = SLOTS, .inbound_fd = -1, .probers_fd = -1};

	cr_assert_eq(dataplane_open(&options, &dataplane), 0);
}

static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline void rule_until(uint32_t slot, enum shunt_verdict verdict, uint64_t until)
{
	const struct shunt_ruling ruling = {.until = until, .verdict = (uint8_t)verdict};

	cr_assert_eq(dataplane_rule(dataplane, slot, &ruling), 0);
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

/* "pass=1 reject=2 shadow_drop=3" of what is not 0. */
static inline const char *describe(uint32_t slot)
{
	static char text[256];
	struct shunt_verdict_counts counts;
	size_t used = 0;

	dataplane_read(dataplane, slot, &counts);
	text[0] = '\0';
	for (unsigned i = 0; i < 2 * SHUNT_VERDICT_MAX; i++) {
		unsigned verdict = i % SHUNT_VERDICT_MAX;
		bool shadow = i >= SHUNT_VERDICT_MAX;
		uint64_t count = shadow ? counts.shadow[verdict] : counts.connections[verdict];

		if (count)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s=%lu",
						 used ? " " : "", shadow ? "shadow_" : "",
						 name_verdict(verdict), count);
	}
	return text;
}

static inline void expect_counts(uint32_t slot, const char *what, const char *counts)
{
	cr_expect_str_eq(describe(slot), counts, "%s: '%s', expected '%s'", what, describe(slot),
			 counts);
}

#define ATTEMPTS 10000

/* That half-open lets as many through as it is told; `admits` makes the n-th attempt. */
static inline void expect_shares(uint32_t slot, bool (*admits)(unsigned n))
{
	static const double shares[] = {0.01, 0.1, 0.5, 0.9};

	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		unsigned admitted = 0;

		rule_with(slot, SHUNT_VERDICT_REJECT, 0, shares[i]);
		for (unsigned n = 0; n < ATTEMPTS; n++)
			admitted += admits(n);
		cr_expect_float_eq((double)admitted / ATTEMPTS, shares[i], 0.02,
				   "%u of %u, expected a share of %g", admitted, ATTEMPTS,
				   shares[i]);
	}
}

#endif
