/* SPDX-License-Identifier: GPL-2.0 */
/* What is read of a slot's shards, in memory that stands for what the kernel shares. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernel/observer_state.h"

#define CPUS  2
#define SLOTS 3
#define SLOT  1

static struct shunt_shard shards[CPUS + 1][SLOTS];
static struct shunt_buckets buckets[CPUS + 1][SLOTS];
static const struct observer observer = {
	.shards = &shards[0][0],
	.buckets = &buckets[0][0],
	.slots = SLOTS,
	.cpus = CPUS,
};

/* A sample of each histogram in each row, and more of the neighbours. */
static void fill(void)
{
	memset(shards, 0x11, sizeof(shards));
	memset(buckets, 0x11, sizeof(buckets));
	for (unsigned row = 0; row <= CPUS; row++) {
		memset(&shards[row][SLOT], 0, sizeof(shards[row][SLOT]));
		memset(&buckets[row][SLOT], 0, sizeof(buckets[row][SLOT]));
		shards[row][SLOT].counters.closes[SHUNT_CLOSE_ORDERLY] = 1;
		for (unsigned i = 0; i < SHUNT_HISTOGRAM_MAX; i++) {
			shards[row][SLOT].sums[i] = (row + 1) * 100 + i;
			buckets[row][SLOT].buckets[i][row + i] = 1;
		}
	}
}

Test(cells, shards_are_summed)
{
	const struct shunt_histogram *rtt, *response;
	struct shunt_cell cell;

	fill();
	observer_read(&observer, SLOT, &cell);
	cr_expect_eq(cell.counters.closes[SHUNT_CLOSE_ORDERLY], CPUS + 1);
	rtt = &cell.histograms[SHUNT_SIGNAL_RTT];
	cr_expect_eq(rtt->sum, 100 + 200 + 300 + 3 * SHUNT_SIGNAL_RTT);
	for (unsigned row = 0; row <= CPUS; row++)
		cr_expect_eq(rtt->buckets[row + SHUNT_SIGNAL_RTT], 1);
	/* That and the last responses of connections. */
	response = &cell.histograms[SHUNT_SIGNAL_RESPONSE];
	cr_expect_eq(response->sum,
		     1200 + 3 * SHUNT_SIGNAL_RESPONSE + 3 * SHUNT_HISTOGRAM_LAST_RESPONSE);
	cr_expect_eq(response->buckets[SHUNT_SIGNAL_RESPONSE], 1);
	cr_expect_eq(response->buckets[SHUNT_HISTOGRAM_LAST_RESPONSE], 1);
}

/* What no counter or sum tells of is not looked for; that bytes went both ways is none. */
Test(cells, a_blank_shard_has_no_histograms)
{
	struct shunt_cell cell;

	fill();
	memset(&shards[1][SLOT], 0, sizeof(shards[1][SLOT]));
	shards[1][SLOT].counters.answered = 1;
	observer_read(&observer, SLOT, &cell);
	cr_expect_eq(cell.counters.answered, 1);
	cr_expect_eq(cell.histograms[SHUNT_SIGNAL_RTT].buckets[SHUNT_SIGNAL_RTT], 1);
	cr_expect_eq(cell.histograms[SHUNT_SIGNAL_RTT].buckets[SHUNT_SIGNAL_RTT + 1], 0);
}

/* A duration of nothing leaves its sum at 0. */
Test(cells, each_counter_alone_makes_a_shard_count)
{
	for (unsigned word = 0; word < SHUNT_HISTOGRAM_MAX + 2; word++) {
		struct shunt_cell cell;

		fill();
		memset(&shards[1][SLOT], 0, sizeof(shards[1][SLOT]));
		((__u64 *)&shards[1][SLOT])[word] = 1;
		observer_read(&observer, SLOT, &cell);
		cr_expect_eq(cell.histograms[SHUNT_SIGNAL_RTT].buckets[SHUNT_SIGNAL_RTT + 1], 1);
	}
	for (unsigned outcome = 0; outcome < SHUNT_CLOSE_MAX; outcome++) {
		struct shunt_cell cell;

		fill();
		memset(&shards[1][SLOT], 0, sizeof(shards[1][SLOT]));
		shards[1][SLOT].counters.closes[outcome] = 1;
		observer_read(&observer, SLOT, &cell);
		cr_expect_eq(cell.histograms[SHUNT_SIGNAL_RTT].buckets[SHUNT_SIGNAL_RTT + 1], 1);
	}
}
