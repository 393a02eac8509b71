/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <math.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "breaker.skel.h"

#define OWN_NETNS "/proc/self/ns/net"

struct dataplane {
	struct breaker_bpf *bpf;
	struct bpf_link *local; /* or NULL */
	int interfaces[DATAPLANE_INTERFACES_MAX]; /* descriptors of links */
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

static int share(struct bpf_map *map, int fd)
{
	return fd < 0 ? 0 : bpf_map__reuse_fd(map, fd);
}

static int prepare_maps(struct dataplane *dataplane, const struct dataplane_options *options)
{
	struct breaker_bpf *bpf = dataplane->bpf;
	struct stat netns;
	int r;

	if (stat(OWN_NETNS, &netns))
		return -errno;
	bpf->rodata->shunt_slots = dataplane->slots;
	bpf->rodata->shunt_netns = (uint32_t)netns.st_ino;
	r = bpf_map__set_max_entries(bpf->maps.shunt_rulings, dataplane->slots);
	if (r < 0)
		return r;
	r = bpf_map__set_max_entries(bpf->maps.shunt_verdicts, dataplane->slots * dataplane->cpus);
	if (r < 0)
		return r;
	r = share(bpf->maps.shunt_inbound, options->inbound_fd);
	if (r < 0)
		return r;
	return share(bpf->maps.shunt_probers, options->probers_fd);
}

static int map_memory(struct bpf_map *map, size_t size, void **ret_memory)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	*ret_memory = memory;
	return 0;
}

static int load(struct dataplane *dataplane, const struct dataplane_options *options)
{
	int r;

	dataplane->bpf = breaker_bpf__open();
	if (!dataplane->bpf)
		return -errno;
	r = prepare_maps(dataplane, options);
	if (r < 0)
		return r;
	r = breaker_bpf__load(dataplane->bpf);
	if (r < 0)
		return r;
	r = map_memory(dataplane->bpf->maps.shunt_rulings, rulings_size(dataplane),
		       (void **)&dataplane->rulings);
	if (r < 0)
		return r;
	return map_memory(dataplane->bpf->maps.shunt_verdicts, counts_size(dataplane),
			  (void **)&dataplane->counts);
}

int dataplane_open(const struct dataplane_options *options, struct dataplane **ret_dataplane)
{
	int cpus = libbpf_num_possible_cpus();
	struct dataplane *dataplane;
	int r;

	if (!options->slots || options->slots > SHUNT_SLOTS_MAX)
		return -EINVAL;
	dataplane = calloc(1, sizeof(*dataplane));
	if (!dataplane)
		return -ENOMEM;
	dataplane->slots = options->slots;
	dataplane->cpus = cpus > 0 ? (uint32_t)cpus : 1;
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
	if (dataplane->rulings)
		munmap(dataplane->rulings, rulings_size(dataplane));
	if (dataplane->counts)
		munmap(dataplane->counts, counts_size(dataplane));
	breaker_bpf__destroy(dataplane->bpf);
	free(dataplane);
}

/* ---- attach ---- */

/* The Ethernet address of an interface. */
static int read_address(const char *interface, struct shunt_interface *ret_interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};
	int r = 0;

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		r = -errno;
	else if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		r = -EOPNOTSUPP;
	else
		memcpy(ret_interface->address, request.ifr_hwaddr.sa_data,
		       sizeof(ret_interface->address));
	close(fd);
	return r;
}

/*
 * A link in the driver, or else a generic one; not just whichever the kernel takes, which
 * would not say which it is.  A program that is there already is -EBUSY if it is attached in
 * the same way and -EEXIST if in the other (net/core/dev.c, dev_xdp_attach()).
 */
static int attach_link(struct dataplane *dataplane, uint32_t index, bool *ret_native)
{
	int program = bpf_program__fd(dataplane->bpf->progs.shunt_frame);
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	bool native = true;
	int link = bpf_link_create(program, (int)index, BPF_XDP, &options);

	if (link < 0 && link != -EBUSY && link != -EEXIST) {
		native = false;
		options.flags = XDP_FLAGS_SKB_MODE;
		link = bpf_link_create(program, (int)index, BPF_XDP, &options);
	}
	if (link < 0)
		return link == -EEXIST ? -EBUSY : link;
	*ret_native = native;
	return link;
}

int dataplane_attach(struct dataplane *dataplane, const char *interface, bool *ret_native)
{
	uint32_t index = if_nametoindex(interface);
	struct shunt_interface address = {0};
	int r;

	if (!index)
		return -ENODEV;
	if (dataplane->interfaces_count == DATAPLANE_INTERFACES_MAX)
		return -ENOSPC;
	r = read_address(interface, &address);
	if (r < 0)
		return r;
	r = bpf_map__update_elem(dataplane->bpf->maps.shunt_interfaces, &index, sizeof(index),
				 &address, sizeof(address), BPF_ANY);
	if (r < 0)
		return r;
	r = attach_link(dataplane, index, ret_native);
	if (r < 0)
		return r;
	dataplane->interfaces[dataplane->interfaces_count++] = r;
	return 0;
}

int dataplane_attach_local(struct dataplane *dataplane)
{
	int netns = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	int r;

	if (netns < 0)
		return -errno;
	dataplane->local = bpf_program__attach_netns(dataplane->bpf->progs.shunt_local, netns);
	r = dataplane->local ? 0 : -errno;
	close(netns);
	return r;
}

/* ---- rule ---- */

uint32_t dataplane_share(double share)
{
	if (!(share > 0))
		return 0;
	return share >= 1 ? UINT32_MAX : (uint32_t)lrint(share * UINT32_MAX);
}

static bool is_carried_out(uint8_t verdict)
{
	return verdict < SHUNT_VERDICT_MAX && verdict != SHUNT_VERDICT_REDIRECT;
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
}

int dataplane_rule(struct dataplane *dataplane, uint32_t slot, const struct shunt_ruling *ruling)
{
	if (slot >= dataplane->slots)
		return -ERANGE;
	if (!is_carried_out(ruling->verdict))
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

void dataplane_renew(struct dataplane *dataplane, uint64_t until)
{
	for (uint32_t slot = 0; slot < dataplane->slots; slot++) {
		struct shunt_ruling *shared = &dataplane->rulings[slot];

		if (shared->verdict != SHUNT_VERDICT_PASS)
			__atomic_store_n(&shared->until, until, __ATOMIC_RELEASE);
	}
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
	}
}

void dataplane_clear(struct dataplane *dataplane, uint32_t slot)
{
	for (uint32_t cpu = 0; cpu < dataplane->cpus && slot < dataplane->slots; cpu++)
		memset(counts_at(dataplane, cpu, slot), 0, sizeof(struct shunt_verdict_counts));
}

uint64_t dataplane_unjudged(const struct dataplane *dataplane, enum shunt_unjudged why)
{
	return *(volatile __u64 *)&dataplane->bpf->bss->shunt_unjudged[why];
}

const char *dataplane_unjudged_name(enum shunt_unjudged why)
{
	static const char *const names[SHUNT_UNJUDGED_MAX] = {
		[SHUNT_UNJUDGED_TRUNCATED] = "truncated",
		[SHUNT_UNJUDGED_MALFORMED] = "malformed",
		[SHUNT_UNJUDGED_FRAGMENT] = "fragment",
		[SHUNT_UNJUDGED_HEADER] = "header",
		[SHUNT_UNJUDGED_SOURCE] = "source",
		[SHUNT_UNJUDGED_ELSEWHERE] = "elsewhere",
		[SHUNT_UNJUDGED_EXPIRED] = "expired",
		[SHUNT_UNJUDGED_UNSUPPORTED] = "unsupported",
		[SHUNT_UNJUDGED_UNANSWERED] = "unanswered",
	};

	return names[why];
}

const char *dataplane_verdict_name(enum shunt_verdict verdict)
{
	static const char *const names[SHUNT_VERDICT_MAX] = {
		[SHUNT_VERDICT_PASS] = "pass",	       [SHUNT_VERDICT_DROP] = "drop",
		[SHUNT_VERDICT_REJECT] = "reject",     [SHUNT_VERDICT_DRAIN] = "drain",
		[SHUNT_VERDICT_REDIRECT] = "redirect",
	};

	return names[verdict];
}
