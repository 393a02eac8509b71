/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/outbound.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/map.h"

#include "connect.skel.h"

struct outbound {
	struct connect_bpf *bpf;
	struct bpf_link *links[2]; /* or NULL */
	uint32_t slots;
	bool *has_fallback; /* [slot] */
};

static int prepare_maps(struct connect_bpf *bpf, const struct outbound_options *options)
{
	int r;

	bpf->rodata->shunt_slots = options->slots;
	r = bpf_map__reuse_fd(bpf->maps.shunt_rulings, options->rulings_fd);
	if (r >= 0)
		r = bpf_map__reuse_fd(bpf->maps.shunt_verdicts, options->verdicts_fd);
	if (r >= 0)
		r = bpf_map__reuse_fd(bpf->maps.shunt_targets, options->targets_fd);
	if (r >= 0)
		r = map_share(bpf->maps.shunt_outbound, options->outbound_fd);
	if (r >= 0)
		r = map_share(bpf->maps.shunt_prefixes, options->prefixes_fd);
	return r;
}

static int attach(struct outbound *outbound, int cgroup)
{
	const struct bpf_program *programs[] = {
		outbound->bpf->progs.shunt_connect4,
		outbound->bpf->progs.shunt_connect6,
	};

	for (unsigned i = 0; i < 2; i++) {
		outbound->links[i] = bpf_program__attach_cgroup(programs[i], cgroup);
		if (!outbound->links[i])
			return -errno;
	}
	return 0;
}

static int load(struct outbound *outbound, const struct outbound_options *options)
{
	int r;

	outbound->slots = options->slots;
	outbound->has_fallback = calloc(options->slots, sizeof(*outbound->has_fallback));
	if (!outbound->has_fallback)
		return -ENOMEM;
	outbound->bpf = connect_bpf__open();
	if (!outbound->bpf)
		return -errno;
	r = prepare_maps(outbound->bpf, options);
	if (r < 0)
		return r;
	r = connect_bpf__load(outbound->bpf);
	if (r < 0)
		return r;
	return attach(outbound, options->cgroup);
}

int outbound_open(const struct outbound_options *options, struct outbound **ret_outbound)
{
	struct outbound *outbound = calloc(1, sizeof(*outbound));
	int r;

	if (!outbound)
		return -ENOMEM;
	r = load(outbound, options);
	if (r < 0) {
		outbound_close(outbound);
		return r;
	}
	*ret_outbound = outbound;
	return 0;
}

void outbound_close(struct outbound *outbound)
{
	if (!outbound)
		return;
	for (unsigned i = 0; i < 2; i++)
		bpf_link__destroy(outbound->links[i]);
	connect_bpf__destroy(outbound->bpf);
	free(outbound->has_fallback);
	free(outbound);
}

void outbound_arm(struct outbound *outbound, uint32_t rulings)
{
	*(volatile uint32_t *)&outbound->bpf->bss->shunt_armed = rulings;
}

int outbound_set_fallback(struct outbound *outbound, uint32_t slot,
			  const struct shunt_target *fallback)
{
	struct bpf_map *map = outbound->bpf->maps.shunt_targets;
	int r;

	if (slot >= outbound->slots)
		return -ERANGE;
	if (fallback)
		r = bpf_map__update_elem(map, &slot, sizeof(slot), fallback, sizeof(*fallback),
					 BPF_ANY);
	else
		r = bpf_map__delete_elem(map, &slot, sizeof(slot), 0);
	if (r < 0 && !(r == -ENOENT && !fallback))
		return r;
	outbound->has_fallback[slot] = fallback;
	return 0;
}

bool outbound_has_fallback(const struct outbound *outbound, uint32_t slot)
{
	return slot < outbound->slots && outbound->has_fallback[slot];
}

uint64_t outbound_unjudged(const struct outbound *outbound, enum shunt_unjudged why)
{
	return *(volatile __u64 *)&outbound->bpf->bss->shunt_unjudged[why];
}
