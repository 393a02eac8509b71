/* SPDX-License-Identifier: GPL-2.0 */
/* An observer's part in health checks: who may be a prober, and who is. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/observer_state.h"

void observer_watch(struct observer *observer, uint32_t slot, uint8_t watches)
{
	if (slot < observer->slots && slot < SHUNT_SLOTS_MAX)
		observer->bpf->bss->shunt_watches[slot] = watches;
}

int observer_set_prober(struct observer *observer, const struct shunt_prober_key *key,
			const struct shunt_prober *prober)
{
	return bpf_map__update_elem(observer->bpf->maps.shunt_probers, key, sizeof(*key), prober,
				    sizeof(*prober), BPF_ANY);
}

int observer_unset_prober(struct observer *observer, const struct shunt_prober_key *key)
{
	return bpf_map__delete_elem(observer->bpf->maps.shunt_probers, key, sizeof(*key), 0);
}

static struct shunt_source_set *map_sources(const struct observer *observer)
{
	void *memory = mmap(NULL, sizeof(struct shunt_source_set) * SHUNT_SOURCE_SETS,
			    PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(observer->bpf->maps.shunt_sources), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_sources(struct shunt_source_set *sets)
{
	munmap(sets, sizeof(*sets) * SHUNT_SOURCE_SETS);
}

int observer_sources(const struct observer *observer, observer_source_fn fn, void *userdata)
{
	struct shunt_source_set *sets = map_sources(observer);
	int r = 0;

	if (!sets)
		return -errno;
	for (unsigned i = 0; i < SHUNT_SOURCE_SETS * SHUNT_SOURCE_WAYS && !r; i++) {
		const struct shunt_source *source =
			&sets[i / SHUNT_SOURCE_WAYS].ways[i % SHUNT_SOURCE_WAYS];

		if (source->slot && source->slot < observer->slots)
			r = fn(userdata, source);
	}
	unmap_sources(sets);
	return r;
}

void observer_forget_sources(struct observer *observer, uint32_t slot)
{
	struct shunt_source_set *sets = map_sources(observer);

	for (unsigned i = 0; sets && i < SHUNT_SOURCE_SETS * SHUNT_SOURCE_WAYS; i++) {
		struct shunt_source *source =
			&sets[i / SHUNT_SOURCE_WAYS].ways[i % SHUNT_SOURCE_WAYS];

		if (source->slot == slot)
			source->slot = 0;
	}
	if (sets)
		unmap_sources(sets);
}
