/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "alert/retry.h"

Test(alert_retry, doubles_up_to_the_cap)
{
	static const uint64_t longest[] = {1, 2, 4, 8, 16, 30, 30, 30};

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct retry retry = {.seed = seed};

		for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
			uint64_t wait = retry_failed(&retry);

			cr_assert_geq(wait, longest[i] * 500000, "seed %lu, failure %zu", seed, i);
			cr_assert_leq(wait, longest[i] * 1000000, "seed %lu, failure %zu", seed, i);
		}
	}
}

Test(alert_retry, a_success_begins_anew)
{
	struct retry retry = {.seed = 1};

	for (int i = 0; i < 10; i++)
		retry_failed(&retry);
	cr_expect_eq(retry.failures, 10);
	retry_succeeded(&retry);
	cr_expect_eq(retry.failures, 0);
	cr_expect_leq(retry_failed(&retry), 1000000);
}

/* It goes on for weeks. */
Test(alert_retry, never_runs_over)
{
	struct retry retry = {.failures = UINT32_MAX - 10};

	for (int i = 0; i < 9; i++)
		cr_expect_geq(retry_failed(&retry), 15000000);
}

Test(alert_retry, jitter_comes_from_the_seed)
{
	struct retry a = {.seed = 1}, b = {.seed = 1}, c = {.seed = 2};
	unsigned int other = 0;

	for (int i = 0; i < 20; i++) {
		uint64_t wait = retry_failed(&a);

		cr_expect_eq(wait, retry_failed(&b));
		other += wait != retry_failed(&c);
	}
	cr_expect_eq(other, 20);
}

/* Hosts that fail together come back apart: in each tenth of the range about as many. */
Test(alert_retry, jitter_is_even)
{
	unsigned int tenths[10] = {0};

	for (uint64_t seed = 0; seed < 10000; seed++) {
		struct retry retry = {.seed = seed, .failures = 10};

		tenths[(retry_failed(&retry) - 15000000) * 10 / 15000001]++;
	}
	for (int i = 0; i < 10; i++) {
		cr_expect_gt(tenths[i], 850, "tenth %d: %u", i, tenths[i]);
		cr_expect_lt(tenths[i], 1150, "tenth %d: %u", i, tenths[i]);
	}
}
