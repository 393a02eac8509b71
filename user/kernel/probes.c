/* SPDX-License-Identifier: GPL-2.0 */
/* An observer's part in health checks: who may be a prober, and who is. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "kernel/map.h"
#include "kernel/observer_state.h"

void observer_watch(struct observer *observer, uint32_t slot, uint8_t watches)
{
	__u8 *shared = observer->bpf->bss->shunt_watches;

	if (slot < observer->slots && slot < SHUNT_SLOTS_MAX)
		shared[slot] = watches | (shared[slot] & SHUNT_WATCH_TRIALS);
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

#define SOURCES (SHUNT_SOURCE_SETS * SHUNT_SOURCE_WAYS)

/* Mapped when it is first asked for, and for good: it is gone through many times a second. */
static struct shunt_source_set *map_sources(struct observer *observer)
{
	if (!observer->sources)
		map_mmap(bpf_map__fd(observer->bpf->maps.shunt_sources),
			 sizeof(struct shunt_source_set) * SHUNT_SOURCE_SETS,
			 (void **)&observer->sources);
	return observer->sources;
}

void observer_unmap_sources(struct observer *observer)
{
	if (observer->sources)
		munmap(observer->sources, sizeof(*observer->sources) * SHUNT_SOURCE_SETS);
	observer->sources = NULL;
}

static struct shunt_source *source_at(struct shunt_source_set *sets, unsigned index)
{
	return &sets[index / SHUNT_SOURCE_WAYS].ways[index % SHUNT_SOURCE_WAYS];
}

static int walk_part(struct observer *observer, unsigned part, observer_source_fn fn,
		     void *userdata)
{
	unsigned first = SOURCES / SHUNT_SOURCE_PARTS * part;
	int r = 0;

	for (unsigned i = first; i < first + SOURCES / SHUNT_SOURCE_PARTS && !r; i++) {
		const struct shunt_source *source = source_at(observer->sources, i);

		if (source->slot && source->slot < observer->slots)
			r = fn(userdata, i, source);
	}
	return r;
}

int observer_sources(struct observer *observer, bool all, observer_source_fn fn, void *userdata)
{
	volatile __u8 *noted = observer->bpf->bss->shunt_noted;
	int r = 0;

	if (!map_sources(observer))
		return -ENOMEM;
	for (unsigned part = 0; part < SHUNT_SOURCE_PARTS && !r; part++) {
		if (!all && !noted[part])
			continue;
		/* Before it is looked at: what comes amid that is for the next time. */
		noted[part] = 0;
		r = walk_part(observer, part, fn, userdata);
	}
	return r;
}

void observer_forget_sources(struct observer *observer, uint32_t slot)
{
	struct shunt_source_set *sets = map_sources(observer);

	for (unsigned i = 0; sets && i < SOURCES; i++) {
		if (source_at(sets, i)->slot == slot)
			source_at(sets, i)->slot = 0;
	}
}
