/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/memory.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/dataplane.h"

#include "breaker.skel.h"
#include "connect.skel.h"
#include "observe.skel.h"
#include "standby.skel.h"

/* What the kernel adds to each map (kernel/bpf/hashtab.c, struct htab_elem and bucket). */
#define HASH_ELEMENT 48
#define HASH_BUCKET  16
/* A ring buffer's consumer and producer pages, and its head (kernel/bpf/ringbuf.c). */
#define RING_PAGES 3

static uint64_t round_up(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static uint64_t power_of_two(uint64_t at_least)
{
	uint64_t power = 1;

	while (power < at_least)
		power <<= 1;
	return power;
}

static uint64_t hash_element(const struct bpf_map *map)
{
	return HASH_ELEMENT + round_up(bpf_map__key_size(map), 8) +
	       round_up(bpf_map__value_size(map), 8);
}

/* What a map takes when it is made; a hash without preallocation only its buckets. */
static uint64_t map_memory(const struct bpf_map *map, uint64_t page)
{
	uint64_t entries = bpf_map__max_entries(map);

	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_ARRAY:
		return page + round_up(round_up(bpf_map__value_size(map), 8) * entries, page);
	case BPF_MAP_TYPE_HASH:
		return HASH_BUCKET * power_of_two(entries);
	case BPF_MAP_TYPE_LRU_HASH:
		return HASH_BUCKET * power_of_two(entries) + hash_element(map) * entries;
	case BPF_MAP_TYPE_RINGBUF:
		return RING_PAGES * page + entries;
	default:
		return 0;
	}
}

int memory_foretell(const struct observer_limits *limits, struct kernel_memory *ret_memory)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct observe_bpf *bpf = observe_bpf__open();
	struct bpf_map *map;
	int r;

	if (!bpf)
		return -ENOMEM;
	r = observer_size_maps(bpf, limits);
	if (r < 0)
		goto out;
	*ret_memory = (struct kernel_memory){
		.cells = map_memory(bpf->maps.shunt_cells, page) +
			 map_memory(bpf->maps.shunt_histograms, page),
		.connections = sizeof(bpf->bss->shunt_conns) +
			       map_memory(bpf->maps.shunt_conns_overflow, page),
		.per_overflow = hash_element(bpf->maps.shunt_conns_overflow),
	};
	bpf_object__for_each_map(map, bpf->obj) ret_memory->fixed += map_memory(map, page);
out:
	observe_bpf__destroy(bpf);
	return r;
}

/* ---- the data plane ---- */

/* Maps of another's, which its own programs only use. */
static bool is_shared(const struct bpf_map *map, const char *const shared[])
{
	for (; *shared; shared++)
		if (!strcmp(bpf_map__name(map), *shared))
			return true;
	return false;
}

static uint64_t object_memory(const struct bpf_object *object, const char *const shared[])
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t memory = 0;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (!is_shared(map, shared))
			memory += map_memory(map, page);
	}
	return memory;
}

static int add_breaker(uint32_t slots, struct kernel_memory *memory)
{
	static const char *const shared[] = {"shunt_inbound", "shunt_probers", "shunt_standbys",
					     NULL};
	struct breaker_bpf *bpf = breaker_bpf__open();
	int r;

	if (!bpf)
		return -ENOMEM;
	r = dataplane_size_maps(bpf, slots);
	if (r >= 0)
		memory->verdicts += object_memory(bpf->obj, shared);
	breaker_bpf__destroy(bpf);
	return r;
}

static int add_standby(struct kernel_memory *memory)
{
	static const char *const shared[] = {NULL};
	struct standby_bpf *bpf = standby_bpf__open();

	if (!bpf)
		return -ENOMEM;
	memory->verdicts += object_memory(bpf->obj, shared);
	standby_bpf__destroy(bpf);
	return 0;
}

static int add_connect(struct kernel_memory *memory)
{
	static const char *const shared[] = {"shunt_rulings",  "shunt_verdicts", "shunt_targets",
					     "shunt_outbound", "shunt_prefixes", NULL};
	struct connect_bpf *bpf = connect_bpf__open();

	if (!bpf)
		return -ENOMEM;
	memory->verdicts += object_memory(bpf->obj, shared);
	connect_bpf__destroy(bpf);
	return 0;
}

int memory_add_dataplane(uint32_t slots, bool outbound, struct kernel_memory *memory)
{
	int r;

	memory->verdicts = 0;
	r = add_breaker(slots, memory);
	if (r >= 0)
		r = add_standby(memory);
	if (r >= 0 && outbound)
		r = add_connect(memory);
	if (r >= 0)
		memory->fixed += memory->verdicts;
	return r;
}
