/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_SIZE    (sizeof(struct shunt_conn_set) * SHUNT_CONN_SETS)
#define TABLE_ENTRIES ((size_t)SHUNT_CONN_SETS * SHUNT_CONN_WAYS)

/* NULL, with errno set, where it cannot be mapped. */
static const struct shunt_conn *table_map(int map)
{
	void *memory = mmap(NULL, TABLE_SIZE, PROT_READ, MAP_SHARED, map, 0);

	if (memory == MAP_FAILED)
		return NULL;
	return memory;
}

static void table_unmap(const struct shunt_conn *entries)
{
	munmap((void *)entries, TABLE_SIZE);
}

int table_waiting(int map, uint64_t now, uint64_t age, struct observer_waiting *waiting,
		  uint32_t slots)
{
	const struct shunt_conn *entries = table_map(map);

	if (!entries)
		return -errno;
	memset(waiting, 0, sizeof(*waiting) * slots);
	for (size_t i = 0; i < TABLE_ENTRIES; i++) {
		/* The kernel writes meanwhile: what is compared is what is used. */
		uint64_t asked = *(const volatile __u64 *)&entries[i].request_at;
		uint16_t slot = *(const volatile __u16 *)&entries[i].slot;

		/* A free entry keeps what was there. */
		if (!asked || asked >= now || now - asked < age || slot >= slots ||
		    !*(const volatile __u64 *)&entries[i].socket)
			continue;
		waiting[slot].count++;
		if (now - asked > waiting[slot].oldest)
			waiting[slot].oldest = now - asked;
	}
	table_unmap(entries);
	return 0;
}
