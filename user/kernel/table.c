/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_SIZE    (sizeof(struct shunt_conn_set) * SHUNT_CONN_SETS)
#define TABLE_ENTRIES ((size_t)SHUNT_CONN_SETS * SHUNT_CONN_WAYS)

void table_hide(struct shunt_conn_set *table)
{
	/* The addresses stay taken: libbpf unmaps them with the rest.  A failure costs memory
	 * alone. */
	(void)mmap(table, TABLE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

int table_waiting(int map, size_t at, uint64_t now, uint64_t age, struct observer_waiting *waiting,
		  uint32_t slots)
{
	const char *memory = mmap(NULL, at + TABLE_SIZE, PROT_READ, MAP_SHARED, map, 0);
	const struct shunt_conn *entries;

	if (memory == MAP_FAILED)
		return -errno;
	entries = (const void *)(memory + at);
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
	munmap((void *)memory, at + TABLE_SIZE);
	return 0;
}
