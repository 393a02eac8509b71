/* SPDX-License-Identifier: GPL-2.0 */
/* The clocks, in ns.  The engine has none: time is an argument there. */
#ifndef SHUNT_BASE_CLOCK_H
#define SHUNT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Since the boot, but for sleep: it is never set, and is that of bpf_ktime_get_ns(). */
static inline uint64_t clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Since the Unix epoch; it may be set. */
static inline uint64_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

#endif
