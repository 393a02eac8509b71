/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/retry.h"

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t retry_failed(struct retry *retry)
{
	uint64_t longest = RETRY_MAX;

	/* Past so many doublings it is the cap in any case. */
	if (retry->failures < 16 && RETRY_FIRST << retry->failures < RETRY_MAX)
		longest = RETRY_FIRST << retry->failures;
	retry->failures++;
	return longest / 2 + draw(&retry->seed) % (longest / 2 + 1);
}

void retry_succeeded(struct retry *retry)
{
	retry->failures = 0;
}
