/* SPDX-License-Identifier: GPL-2.0 */
/* How long to wait after a failure: exponential, capped, with jitter. */
#ifndef SHUNT_ALERT_RETRY_H
#define SHUNT_ALERT_RETRY_H

#include <stdint.h>

/* µs: the longest wait after the first failure, and after any. */
#define RETRY_FIRST 1000000ULL
#define RETRY_MAX   30000000ULL

/* Zeroed but for `seed`, from which the jitter comes: the same seed, the same waits. */
struct retry {
	uint64_t seed;
	unsigned int failures; /* in a row */
};

/*
 * After a failure: how long to wait, in µs.  Twice as long as after the last one, up to
 * RETRY_MAX; of that a random part, half to all, so that many hosts do not come back at
 * one moment.
 */
uint64_t retry_failed(struct retry *retry);

/* After a success: it begins anew. */
void retry_succeeded(struct retry *retry);

#endif
