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

#include "base/log.h"
#include "observe.skel.h"

struct observer {
	struct observe_bpf *bpf;
	struct ring_buffer *events;
	observer_event_fn on_event;
	void *userdata;
	struct shunt_cell *cells; /* [cpu][slot], shared with the kernel */
	size_t cells_size;
	uint32_t slots;
	uint32_t cpus;
	bool has[SIGNAL_MAX];
};

static const char *const site_names[SHUNT_SITE_MAX] = {
	[SHUNT_SITE_CELL] = "cell",
	[SHUNT_SITE_CONN_INSERT] = "conn_insert",
	[SHUNT_SITE_CONN_STALE] = "conn_stale",
	[SHUNT_SITE_RETRY_INSERT] = "retry_insert",
	[SHUNT_SITE_RETRY_MISSING] = "retry_missing",
	[SHUNT_SITE_REMOTE_INSERT] = "remote_insert",
	[SHUNT_SITE_PACKET] = "packet",
	[SHUNT_SITE_SEED] = "seed",
};

const char *observer_site_name(enum shunt_site site)
{
	return site_names[site];
}

/* libbpf speaks in several lines; only its warnings are of use to anyone. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char text[1024];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	log_error("%s", text);
	return 0;
}

static uint32_t possible_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (uint32_t)cpus : 1;
}

static void choose_programs(struct observer *observer)
{
	for (enum signal_id id = 0; id < SIGNAL_MAX; id++) {
		struct bpf_program *program = bpf_object__find_program_by_name(
			observer->bpf->obj, signal_at(id)->program);

		bpf_program__set_autoload(program, observer->has[id]);
	}
	bpf_program__set_autoload(observer->bpf->progs.shunt_seed, observer->has[SIGNAL_DISCOVERY]);
}

static int size_maps(struct observer *observer, const struct observer_limits *limits)
{
	struct observe_bpf *bpf = observer->bpf;
	struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		{bpf->maps.shunt_cells, observer->cpus * limits->slots},
		{bpf->maps.shunt_inbound, limits->endpoints},
		{bpf->maps.shunt_outbound, limits->endpoints},
		{bpf->maps.shunt_prefixes, limits->endpoints},
		{bpf->maps.shunt_conns, OBSERVER_CONNECTIONS},
	};
	int r;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		r = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
		if (r < 0)
			return r;
	}
	bpf->rodata->shunt_slots = limits->slots;
	return 0;
}

static int map_cells(struct observer *observer)
{
	size_t size = sizeof(struct shunt_cell) * observer->cpus * observer->slots;
	int fd = bpf_map__fd(observer->bpf->maps.shunt_cells);
	void *cells;

	cells = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cells == MAP_FAILED)
		return -errno;
	observer->cells = cells;
	observer->cells_size = size;
	return 0;
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
	observer->cpus = possible_cpus();
	observer->slots = limits->slots;
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
	r = size_maps(observer, limits);
	if (r < 0)
		goto out;
	r = observe_bpf__load(observer->bpf);
	if (r < 0)
		goto out;
	r = map_cells(observer);
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

int observer_attach(struct observer *observer)
{
	return observe_bpf__attach(observer->bpf);
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	ring_buffer__free(observer->events);
	if (observer->cells)
		munmap(observer->cells, observer->cells_size);
	observe_bpf__destroy(observer->bpf);
	free(observer);
}

bool observer_has(const struct observer *observer, enum signal_id id)
{
	return observer->has[id];
}

/* Cells are arrays of 64-bit counters all through, so that a sum is a loop. */
static void sum_cells(const struct observer *observer, uint32_t slot, size_t words,
		      struct shunt_cell *ret_cell)
{
	uint64_t *sum = (uint64_t *)ret_cell;

	memset(ret_cell, 0, words * sizeof(*sum));
	if (slot >= observer->slots)
		return;
	for (uint32_t cpu = 0; cpu < observer->cpus; cpu++) {
		const volatile uint64_t *cell =
			(const uint64_t *)&observer->cells[cpu * observer->slots + slot];

		for (size_t i = 0; i < words; i++)
			sum[i] += cell[i];
	}
}

void observer_read(const struct observer *observer, uint32_t slot, struct shunt_cell *ret_cell)
{
	sum_cells(observer, slot, sizeof(*ret_cell) / sizeof(uint64_t), ret_cell);
}

void observer_read_counters(const struct observer *observer, uint32_t slot,
			    struct shunt_cell *ret_cell)
{
	size_t words = offsetof(struct shunt_cell, histograms) / sizeof(uint64_t);

	sum_cells(observer, slot, words, ret_cell);
}

void observer_clear(struct observer *observer, uint32_t slot)
{
	if (slot >= observer->slots)
		return;
	for (uint32_t cpu = 0; cpu < observer->cpus; cpu++)
		memset(&observer->cells[cpu * observer->slots + slot], 0,
		       sizeof(struct shunt_cell));
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

static int on_record(void *userdata, void *data, size_t size)
{
	struct observer *observer = userdata;

	if (size >= sizeof(struct shunt_event))
		observer->on_event(observer->userdata, data);
	return 0;
}

int observer_on_event(struct observer *observer, observer_event_fn fn, void *userdata)
{
	observer->on_event = fn;
	observer->userdata = userdata;
	observer->events = ring_buffer__new(bpf_map__fd(observer->bpf->maps.shunt_events),
					    on_record, observer, NULL);
	return observer->events ? 0 : -errno;
}

int observer_event_fd(const struct observer *observer)
{
	return ring_buffer__epoll_fd(observer->events);
}

int observer_dispatch(struct observer *observer)
{
	return ring_buffer__consume(observer->events);
}

/* Reads the iterator to its end, handing out whole records. */
static int walk(const struct bpf_program *program, observer_event_fn fn, void *userdata)
{
	struct shunt_event events[32];
	struct bpf_link *link;
	ssize_t size;
	size_t held = 0;
	int fd, r;

	link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		r = fd;
		goto out;
	}
	while ((size = read(fd, (char *)events + held, sizeof(events) - held)) > 0) {
		held += (size_t)size;
		for (size_t i = 0; fn && i < held / sizeof(events[0]); i++)
			fn(userdata, &events[i]);
		memmove(events, (char *)events + held / sizeof(events[0]) * sizeof(events[0]),
			held % sizeof(events[0]));
		held %= sizeof(events[0]);
	}
	r = size < 0 ? -errno : 0;
	close(fd);
out:
	bpf_link__destroy(link);
	return r;
}

int observer_list(struct observer *observer, observer_event_fn fn, void *userdata)
{
	if (!observer->has[SIGNAL_DISCOVERY])
		return -EOPNOTSUPP;
	return walk(observer->bpf->progs.shunt_list, fn, userdata);
}

int observer_seed(struct observer *observer)
{
	if (!observer->has[SIGNAL_DISCOVERY])
		return -EOPNOTSUPP;
	return walk(observer->bpf->progs.shunt_seed, NULL, NULL);
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

uint64_t observer_connections(const struct observer *observer)
{
	int fd = bpf_map__fd(observer->bpf->maps.shunt_conns);
	uint64_t count = 0, key, *previous = NULL;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		count++;
	}
	return count;
}

static uint64_t round_up(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

void observer_foretell(const struct observer_limits *limits, struct observer_memory *ret_memory)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t cells = sizeof(struct shunt_cell) * possible_cpus() * (uint64_t)limits->slots;
	struct observe_bpf *bpf = observe_bpf__open();
	struct bpf_map *map;

	ret_memory->cells = round_up(cells, page);
	ret_memory->fixed = ret_memory->cells;
	/* A hash's element: header (48), key, value, in eights. */
	ret_memory->per_connection = 48 + 8 + 24;
	if (!bpf)
		return;
	bpf_object__for_each_map(map, bpf->obj)
	{
		uint64_t entry = bpf_map__key_size(map) + bpf_map__value_size(map);

		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			ret_memory->fixed += (48 + round_up(entry, 8)) * bpf_map__max_entries(map);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			ret_memory->fixed += bpf_map__max_entries(map);
		else if (map != bpf->maps.shunt_cells && bpf_map__initial_value(map, &(size_t){0}))
			ret_memory->fixed += round_up(bpf_map__value_size(map), page);
	}
	observe_bpf__destroy(bpf);
}
