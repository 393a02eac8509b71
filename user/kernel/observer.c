/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/observer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "kernel/cgroup.h"
#include "kernel/cpus.h"
#include "kernel/map.h"
#include "kernel/observer_state.h"
#include "kernel/table.h"

static const char *const site_names[SHUNT_SITE_MAX] = {
	[SHUNT_SITE_CELL] = "cell",
	[SHUNT_SITE_CONN_INSERT] = "conn_insert",
	[SHUNT_SITE_CONN_STALE] = "conn_stale",
	[SHUNT_SITE_RETRY_INSERT] = "retry_insert",
	[SHUNT_SITE_RETRY_MISSING] = "retry_missing",
	[SHUNT_SITE_REMOTE_INSERT] = "remote_insert",
	[SHUNT_SITE_PACKET] = "packet",
	[SHUNT_SITE_SEED] = "seed",
	[SHUNT_SITE_LISTENER] = "listener",
};

const char *observer_site_name(enum shunt_site site)
{
	return site_names[site];
}

/* libbpf speaks in several lines; only its warnings are of use to anyone. */
__attribute__((format(printf, 2, 0))) static int print_libbpf(enum libbpf_print_level level,
							      const char *format, va_list arguments)
{
	char text[1024];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	log_error("%s", text);
	return 0;
}

/* Loads what the kernel has a hook for; one program may serve several signals. */
static void choose_programs(struct observer *observer)
{
	struct observe_bpf *bpf = observer->bpf;
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
	for (enum signal_id id = 0; id < SIGNAL_MAX; id++) {
		program = bpf_object__find_program_by_name(bpf->obj, signal_at(id)->program);
		if (observer->has[id])
			bpf_program__set_autoload(program, true);
	}
	bpf_program__set_autoload(bpf->progs.shunt_seed, observer->has[SIGNAL_DISCOVERY]);
	/* As old as the tracepoint that all else stands on (Linux 4.16). */
	bpf_program__set_autoload(bpf->progs.shunt_destroy, true);

	/* It costs every packet something, and is attached where it is wanted. */
	bpf_program__set_autoload(bpf->progs.shunt_answer, observer->answers_wanted);
	bpf_program__set_autoattach(bpf->progs.shunt_answer, false);

	/* Iterators are attached for a walk, not for good. */
	bpf_program__set_autoattach(bpf->progs.shunt_list, false);
	bpf_program__set_autoattach(bpf->progs.shunt_seed, false);
	bpf_program__set_autoattach(bpf->progs.shunt_queues, false);
}

int observer_size_maps(struct observe_bpf *bpf, const struct observer_limits *limits)
{
	struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		{bpf->maps.shunt_cells, observer_rows(cpus_possible()) * limits->slots},
		{bpf->maps.shunt_histograms, observer_rows(cpus_possible()) * limits->slots},
		{bpf->maps.shunt_inbound, OBSERVER_ENDPOINTS},
		{bpf->maps.shunt_outbound, OBSERVER_ENDPOINTS},
		{bpf->maps.shunt_prefixes, OBSERVER_ENDPOINTS},
		{bpf->maps.shunt_conns_overflow, OBSERVER_OVERFLOW},
		{bpf->maps.shunt_trials, limits->slots},
	};
	int r;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		r = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
		if (r < 0)
			return r;
	}
	bpf->rodata->shunt_slots = limits->slots;
	bpf->rodata->shunt_cpus = cpus_possible();
	bpf->rodata->shunt_loaded = clock_monotonic();
	return 0;
}

/* Maps what the kernel counts in: an element for each row and slot. */
static int map_cells(const struct observer *observer, const struct bpf_map *map, void **ret_memory)
{
	size_t size = (size_t)bpf_map__value_size(map) * observer_rows(observer->cpus) *
		      observer->slots;

	return map_mmap(bpf_map__fd(map), size, ret_memory);
}

static void unmap_cells(const struct observer *observer, void *memory, size_t value_size)
{
	if (memory)
		munmap(memory, value_size * observer_rows(observer->cpus) * observer->slots);
}

static int map_memory(struct observer *observer)
{
	int r = map_cells(observer, observer->bpf->maps.shunt_cells, (void **)&observer->shards);

	if (r >= 0)
		r = map_cells(observer, observer->bpf->maps.shunt_histograms,
			      (void **)&observer->buckets);
	return r < 0 ? r : observer_map_trials(observer);
}

int observer_open(const struct observer_limits *limits, struct observer **ret_observer)
{
	struct observer *observer;
	int r;

	libbpf_set_print(print_libbpf);
	observer = calloc(1, sizeof(*observer));
	if (!observer)
		return -ENOMEM;
	r = signal_probe(observer->has);
	if (r < 0)
		goto out;
	observer->cpus = cpus_possible();
	observer->slots = limits->slots;
	observer->answers_wanted = limits->answers;
	observer->bpf = observe_bpf__open();
	if (!observer->bpf) {
		r = -errno;
		goto out;
	}
	choose_programs(observer);
	if (!observer->has[SIGNAL_CONNECTIONS]) {
		r = -ENOENT;
		goto out;
	}
	r = observer_size_maps(observer->bpf, limits);
	if (r < 0)
		goto out;
	r = observe_bpf__load(observer->bpf);
	if (r < 0)
		goto out;
	table_hide(observer->bpf->bss->shunt_conns);
	r = map_memory(observer);
	if (r < 0)
		goto out;
	/* The types of the whole kernel were read for this; give their memory back. */
	malloc_trim(0);
	*ret_observer = observer;
	return 0;
out:
	observer_close(observer);
	return r;
}

/* The link outlives the privileges that it takes to make it. */
static int attach_queues(struct observer *observer)
{
	union bpf_iter_link_info info = {
		.map.map_fd = (uint32_t)bpf_map__fd(observer->bpf->maps.shunt_listeners),
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));

	if (!observer->has[SIGNAL_ACCEPT_QUEUE])
		return 0;
	observer->queues = bpf_program__attach_iter(observer->bpf->progs.shunt_queues, &options);
	return observer->queues ? 0 : -errno;
}

/* The root of the cgroups, and so every socket of the host. */
static int attach_answers(struct observer *observer)
{
	int r, root;

	if (!observer->answers_wanted)
		return 0;
	root = cgroup_root();
	if (root < 0)
		return root;
	observer->answers = bpf_program__attach_cgroup(observer->bpf->progs.shunt_answer, root);
	r = observer->answers ? 0 : -errno;
	close(root);
	observer->bpf->bss->shunt_answers = r == 0;
	return r;
}

int observer_attach(struct observer *observer)
{
	int r = attach_answers(observer);

	/* Without it checks have no status; that is no reason to observe nothing. */
	if (r < 0)
		log_warning("run: the status of HTTP checks cannot be read: %s", strerror(-r));
	r = observe_bpf__attach(observer->bpf);
	return r < 0 ? r : attach_queues(observer);
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	ring_buffer__free(observer->events);
	bpf_link__destroy(observer->queues);
	bpf_link__destroy(observer->answers);
	observer_unmap_sources(observer);
	observer_unmap_trials(observer);
	unmap_cells(observer, observer->shards, sizeof(*observer->shards));
	unmap_cells(observer, observer->buckets, sizeof(*observer->buckets));
	observe_bpf__destroy(observer->bpf);
	free(observer);
}

bool observer_has(const struct observer *observer, enum signal_id id)
{
	return observer->has[id];
}

static int set_key(struct bpf_map *map, const void *key, size_t size, uint32_t slot)
{
	return bpf_map__update_elem(map, key, size, &slot, sizeof(slot), BPF_ANY);
}

static int unset_key(struct bpf_map *map, const void *key, size_t size)
{
	return bpf_map__delete_elem(map, key, size, 0);
}

int observer_set_inbound(struct observer *observer, const struct shunt_endpoint *key, uint32_t slot)
{
	return set_key(observer->bpf->maps.shunt_inbound, key, sizeof(*key), slot);
}

int observer_set_outbound(struct observer *observer, const struct shunt_endpoint *key,
			  uint32_t slot)
{
	return set_key(observer->bpf->maps.shunt_outbound, key, sizeof(*key), slot);
}

int observer_set_prefix(struct observer *observer, const struct shunt_prefix *key, uint32_t slot)
{
	return set_key(observer->bpf->maps.shunt_prefixes, key, sizeof(*key), slot);
}

int observer_unset_inbound(struct observer *observer, const struct shunt_endpoint *key)
{
	return unset_key(observer->bpf->maps.shunt_inbound, key, sizeof(*key));
}

int observer_unset_outbound(struct observer *observer, const struct shunt_endpoint *key)
{
	return unset_key(observer->bpf->maps.shunt_outbound, key, sizeof(*key));
}

int observer_unset_prefix(struct observer *observer, const struct shunt_prefix *key)
{
	return unset_key(observer->bpf->maps.shunt_prefixes, key, sizeof(*key));
}

void observer_set_port(struct observer *observer, uint16_t port, uint8_t kinds)
{
	observer->bpf->bss->shunt_ports[port] = kinds;
}

void observer_set_quiet(struct observer *observer, bool quiet)
{
	observer->bpf->bss->shunt_quiet = quiet;
}

uint32_t observer_listens(const struct observer *observer)
{
	return observer->bpf->bss->shunt_listens;
}

uint64_t observer_errors(const struct observer *observer, enum shunt_site site, int error)
{
	return observer->bpf->bss->shunt_errors[site][error];
}

uint64_t observer_events_lost(const struct observer *observer)
{
	return observer->bpf->bss->shunt_events_lost;
}

uint64_t observer_runs_missed(const struct observer *observer)
{
	uint64_t missed = 0;
	struct bpf_program *program;

	bpf_object__for_each_program(program, observer->bpf->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			missed += info.recursion_misses;
	}
	return missed;
}

void observer_note_missed(struct observer *observer)
{
	if (!observer->bpf->bss->shunt_missing)
		observer->bpf->bss->shunt_missing = observer_runs_missed(observer) != 0;
}

int observer_waiting(const struct observer *observer, uint64_t now, uint64_t age,
		     struct observer_waiting *waiting, uint32_t slots)
{
	return table_waiting(bpf_map__fd(observer->bpf->maps.bss),
			     offsetof(struct observe_bpf__bss, shunt_conns), now, age, waiting,
			     slots);
}
