/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/cpus.h"
#include "kernel/interface.h"
#include "kernel/map.h"
#include "kernel/netns.h"
#include "kernel/outbound.h"
#include "kernel/redirect.h"
#include "shunt/abi.h"

#include "breaker.skel.h"

struct dataplane {
	struct breaker_bpf *bpf;
	struct bpf_link *local; /* or NULL */
	struct outbound *outbound; /* or NULL */
	struct redirect *redirect; /* or NULL: this kernel cannot */
	int interfaces[SHUNT_INTERFACES_MAX]; /* descriptors of links */
	unsigned interfaces_count;
	uint32_t slots;
	uint32_t cpus;
	struct shunt_ruling *rulings; /* [slot], shared with the kernel */
	struct shunt_verdict_counts *counts; /* [cpu][slot], likewise */
};

/* ---- open and close ---- */

static size_t rulings_size(const struct dataplane *dataplane)
{
	return sizeof(struct shunt_ruling) * dataplane->slots;
}

static size_t counts_size(const struct dataplane *dataplane)
{
	return sizeof(struct shunt_verdict_counts) * dataplane->slots * dataplane->cpus;
}

int dataplane_size_maps(struct breaker_bpf *bpf, uint32_t slots)
{
	int r = bpf_map__set_max_entries(bpf->maps.shunt_rulings, slots);

	if (r >= 0)
		r = bpf_map__set_max_entries(bpf->maps.shunt_verdicts, slots * cpus_possible());
	if (r >= 0)
		r = bpf_map__set_max_entries(bpf->maps.shunt_targets, slots);
	return r;
}

static int prepare_maps(struct dataplane *dataplane, const struct dataplane_options *options)
{
	struct breaker_bpf *bpf = dataplane->bpf;
	uint32_t netns;
	int r;

	r = netns_own(&netns);
	if (r < 0)
		return r;
	bpf->rodata->shunt_slots = dataplane->slots;
	bpf->rodata->shunt_netns = netns;
	r = dataplane_size_maps(bpf, dataplane->slots);
	if (r < 0)
		return r;
	if (dataplane->redirect)
		r = bpf_map__reuse_fd(bpf->maps.shunt_standbys,
				      redirect_standbys(dataplane->redirect));
	if (r < 0)
		return r;
	r = map_share(bpf->maps.shunt_inbound, options->inbound_fd);
	if (r < 0)
		return r;
	return map_share(bpf->maps.shunt_probers, options->probers_fd);
}

static int share_redirection(struct dataplane *dataplane)
{
	const struct redirect_maps maps = {
		.targets = bpf_map__fd(dataplane->bpf->maps.shunt_targets),
		.ways = bpf_map__fd(dataplane->bpf->maps.shunt_ways),
		.flows = bpf_map__fd(dataplane->bpf->maps.shunt_flows),
		.flow_of = bpf_map__fd(dataplane->bpf->maps.shunt_flow_of),
		.carried = &dataplane->bpf->bss->shunt_carried,
	};

	return dataplane->redirect ? redirect_use(dataplane->redirect, &maps) : 0;
}

static int load(struct dataplane *dataplane, const struct dataplane_options *options)
{
	int r;

	/* Without it all but redirection is there. */
	redirect_open(dataplane->slots, &dataplane->redirect);
	dataplane->bpf = breaker_bpf__open();
	if (!dataplane->bpf)
		return -errno;
	r = prepare_maps(dataplane, options);
	if (r < 0)
		return r;
	r = breaker_bpf__load(dataplane->bpf);
	if (r < 0)
		return r;
	r = share_redirection(dataplane);
	if (r < 0)
		return r;
	r = map_mmap(bpf_map__fd(dataplane->bpf->maps.shunt_rulings), rulings_size(dataplane),
		     (void **)&dataplane->rulings);
	if (r < 0)
		return r;
	return map_mmap(bpf_map__fd(dataplane->bpf->maps.shunt_verdicts), counts_size(dataplane),
			(void **)&dataplane->counts);
}

int dataplane_open(const struct dataplane_options *options, struct dataplane **ret_dataplane)
{
	struct dataplane *dataplane;
	int r;

	if (!options->slots || options->slots > SHUNT_SLOTS_MAX)
		return -EINVAL;
	dataplane = calloc(1, sizeof(*dataplane));
	if (!dataplane)
		return -ENOMEM;
	dataplane->slots = options->slots;
	dataplane->cpus = cpus_possible();
	r = load(dataplane, options);
	if (r < 0) {
		dataplane_close(dataplane);
		return r;
	}
	*ret_dataplane = dataplane;
	return 0;
}

void dataplane_close(struct dataplane *dataplane)
{
	if (!dataplane)
		return;
	for (unsigned i = 0; i < dataplane->interfaces_count; i++)
		close(dataplane->interfaces[i]);
	bpf_link__destroy(dataplane->local);
	outbound_close(dataplane->outbound);
	redirect_close(dataplane->redirect);
	if (dataplane->rulings)
		munmap(dataplane->rulings, rulings_size(dataplane));
	if (dataplane->counts)
		munmap(dataplane->counts, counts_size(dataplane));
	breaker_bpf__destroy(dataplane->bpf);
	free(dataplane);
}

/* ---- attach ---- */

int dataplane_attach(struct dataplane *dataplane, const char *interface, bool *ret_native)
{
	uint32_t index = if_nametoindex(interface);
	struct shunt_interface address = {0};
	int r, link;

	if (!index)
		return -ENODEV;
	if (dataplane->interfaces_count == SHUNT_INTERFACES_MAX)
		return -ENOSPC;
	r = interface_read(interface, &address);
	if (r < 0)
		return r;
	link = interface_attach(index, bpf_program__fd(dataplane->bpf->progs.shunt_frame),
				ret_native);
	if (link < 0)
		return link;
	/* A generic program sees what the kernel has joined, which would not fit a cable again. */
	if (!*ret_native)
		address.mtu = 0;
	r = bpf_map__update_elem(dataplane->bpf->maps.shunt_interfaces, &index, sizeof(index),
				 &address, sizeof(address), BPF_ANY);
	if (r < 0) {
		close(link);
		return r;
	}
	dataplane->interfaces[dataplane->interfaces_count++] = link;
	if (dataplane->redirect)
		redirect_add_interface(dataplane->redirect, index, &address);
	return 0;
}

int dataplane_attach_local(struct dataplane *dataplane)
{
	int netns = open(NETNS_OWN, O_RDONLY | O_CLOEXEC);
	int r;

	if (netns < 0)
		return -errno;
	dataplane->local = bpf_program__attach_netns(dataplane->bpf->progs.shunt_local, netns);
	r = dataplane->local ? 0 : -errno;
	close(netns);
	return r;
}

int dataplane_attach_outbound(struct dataplane *dataplane, int cgroup, int outbound_fd,
			      int prefixes_fd)
{
	const struct outbound_options options = {
		.slots = dataplane->slots,
		.cgroup = cgroup,
		.rulings_fd = bpf_map__fd(dataplane->bpf->maps.shunt_rulings),
		.verdicts_fd = bpf_map__fd(dataplane->bpf->maps.shunt_verdicts),
		.targets_fd = bpf_map__fd(dataplane->bpf->maps.shunt_targets),
		.outbound_fd = outbound_fd,
		.prefixes_fd = prefixes_fd,
	};
	int r;

	if (dataplane->outbound)
		return -EALREADY;
	r = outbound_open(&options, &dataplane->outbound);
	if (r >= 0)
		outbound_arm(dataplane->outbound, dataplane->bpf->bss->shunt_armed);
	return r;
}

/* ---- rule ---- */

int dataplane_set_fallback(struct dataplane *dataplane, uint32_t slot,
			   const struct shunt_target *fallback)
{
	if (!dataplane->outbound)
		return -EOPNOTSUPP;
	return outbound_set_fallback(dataplane->outbound, slot, fallback);
}

int dataplane_set_target(struct dataplane *dataplane, uint32_t slot,
			 const struct shunt_target *target)
{
	if (!dataplane->redirect)
		return -EOPNOTSUPP;
	return redirect_set(dataplane->redirect, slot, target);
}

int dataplane_refresh(struct dataplane *dataplane)
{
	return dataplane->redirect ? redirect_refresh(dataplane->redirect) : 0;
}

uint32_t dataplane_share(double share)
{
	if (!(share > 0))
		return 0;
	return share >= 1 ? UINT32_MAX : (uint32_t)lrint(share * UINT32_MAX);
}

static bool is_carried_out(const struct dataplane *dataplane, uint32_t slot, uint8_t verdict)
{
	if (verdict == SHUNT_VERDICT_REDIRECT)
		return (dataplane->outbound && outbound_has_fallback(dataplane->outbound, slot)) ||
		       (dataplane->redirect && redirect_has(dataplane->redirect, slot));
	return verdict < SHUNT_VERDICT_MAX;
}

/*
 * Stores a ruling as bpf/ruling.bpf.h reads it, and keeps count of those that say anything:
 * as long as there is one, the programs must look.
 */
static void store(struct dataplane *dataplane, uint32_t slot, const struct shunt_ruling *ruling)
{
	volatile uint32_t *armed = &dataplane->bpf->bss->shunt_armed;
	struct shunt_ruling *shared = &dataplane->rulings[slot];
	bool was = shared->verdict != SHUNT_VERDICT_PASS;
	bool is = ruling->verdict != SHUNT_VERDICT_PASS;

	__atomic_store_n(&shared->word, ruling->word, __ATOMIC_RELEASE);
	__atomic_store_n(&shared->until, ruling->until, __ATOMIC_RELEASE);
	*armed = *armed + (is && !was) - (was && !is);
	if (dataplane->outbound)
		outbound_arm(dataplane->outbound, *armed);
}

int dataplane_rule(struct dataplane *dataplane, uint32_t slot, const struct shunt_ruling *ruling)
{
	if (slot >= dataplane->slots)
		return -ERANGE;
	if (!is_carried_out(dataplane, slot, ruling->verdict))
		return -EOPNOTSUPP;
	store(dataplane, slot, ruling);
	return 0;
}

void dataplane_pass(struct dataplane *dataplane, uint32_t slot)
{
	static const struct shunt_ruling pass = {.until = 0};

	if (slot < dataplane->slots)
		store(dataplane, slot, &pass);
}

/* ---- read ---- */

static struct shunt_verdict_counts *counts_at(const struct dataplane *dataplane, uint32_t cpu,
					      uint32_t slot)
{
	return &dataplane->counts[cpu * dataplane->slots + slot];
}

void dataplane_read(const struct dataplane *dataplane, uint32_t slot,
		    struct shunt_verdict_counts *ret_counts)
{
	memset(ret_counts, 0, sizeof(*ret_counts));
	for (uint32_t cpu = 0; cpu < dataplane->cpus && slot < dataplane->slots; cpu++) {
		const volatile struct shunt_verdict_counts *counts = counts_at(dataplane, cpu,
									       slot);

		for (unsigned i = 0; i < SHUNT_VERDICT_MAX; i++) {
			ret_counts->connections[i] += counts->connections[i];
			ret_counts->shadow[i] += counts->shadow[i];
		}
		ret_counts->local += counts->local;
	}
}

void dataplane_clear(struct dataplane *dataplane, uint32_t slot)
{
	for (uint32_t cpu = 0; cpu < dataplane->cpus && slot < dataplane->slots; cpu++)
		memset(counts_at(dataplane, cpu, slot), 0, sizeof(struct shunt_verdict_counts));
	if (dataplane->outbound)
		outbound_set_fallback(dataplane->outbound, slot, NULL);
	if (dataplane->redirect)
		redirect_set(dataplane->redirect, slot, NULL);
}

uint64_t dataplane_unjudged(const struct dataplane *dataplane, enum shunt_unjudged why)
{
	uint64_t count = *(volatile __u64 *)&dataplane->bpf->bss->shunt_unjudged[why];

	return dataplane->outbound ? count + outbound_unjudged(dataplane->outbound, why) : count;
}
