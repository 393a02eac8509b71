/* SPDX-License-Identifier: GPL-2.0 */
/* The histogram's arithmetic gives the same in the kernel as here. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <math.h>

#include "shunt/abi.h"
#include "shunt/verdict.h"
#include "unit/random.h"

#include "abi.skel.h"

#define RANDOM_VALUES 20000

static struct abi_bpf *bpf;

static void set_up(void)
{
	bpf = abi_bpf__open_and_load();
	cr_assert_not_null(bpf, "cannot load");
}

static void tear_down(void)
{
	abi_bpf__destroy(bpf);
}

TestSuite(histogram, .init = set_up, .fini = tear_down);

static uint32_t bucket_in_kernel(uint64_t ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &ns, .ctx_size_in = sizeof(ns));

	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.bucket_of), &options), 0);
	return options.retval;
}

static void expect_same(uint64_t ns)
{
	uint32_t kernel = bucket_in_kernel(ns), here = shunt_bucket(ns);

	cr_assert_eq(kernel, here, "%lu: %u in the kernel, %u here", ns, kernel, here);
}

Test(histogram, bounds_and_neighbours)
{
	for (int bucket = 0; bucket < SHUNT_BUCKET_OVERFLOW; bucket++) {
		uint64_t bound = (uint64_t)(1e9L * exp2l((bucket - SHUNT_BUCKET_SECOND) / 8.0L));

		for (uint64_t ns = bound - 1; ns <= bound + 1; ns++)
			expect_same(ns);
	}
}

Test(histogram, powers_of_two_and_neighbours)
{
	expect_same(0);
	for (unsigned bit = 0; bit < 64; bit++) {
		expect_same((1ULL << bit) - 1);
		expect_same(1ULL << bit);
		expect_same((1ULL << bit) + 1);
	}
	expect_same(UINT64_MAX);
}

Test(histogram, any_value)
{
	uint64_t state = 2;

	for (unsigned i = 0; i < RANDOM_VALUES; i++) {
		uint64_t value = random_next(&state);

		expect_same(value >> (random_next(&state) % 64));
	}
}
