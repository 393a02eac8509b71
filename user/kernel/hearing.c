/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs tell: events as they come, and walks over what is there. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "kernel/observer_state.h"
#include "kernel/walk.h"

static int on_record(void *userdata, void *data, size_t size)
{
	struct observer *observer = userdata;

	if (*(const uint32_t *)data == SHUNT_EVENT_PROBE) {
		if (observer->on_probe && size >= sizeof(struct shunt_probe))
			observer->on_probe(observer->userdata, data);
	} else if (size >= sizeof(struct shunt_event)) {
		observer->on_event(observer->userdata, data);
	}
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

void observer_on_probe(struct observer *observer, observer_probe_fn fn)
{
	observer->on_probe = fn;
}

int observer_event_fd(const struct observer *observer)
{
	return ring_buffer__epoll_fd(observer->events);
}

int observer_dispatch(struct observer *observer)
{
	return ring_buffer__consume(observer->events);
}

/* Who hears of what a walk over the files finds. */
struct listing {
	observer_event_fn fn;
	void *userdata;
};

static int on_listed(void *userdata, const void *record)
{
	const struct listing *listing = userdata;

	if (listing->fn)
		listing->fn(listing->userdata, record);
	return 0;
}

static int walk_files(const struct bpf_program *program, observer_event_fn fn, void *userdata)
{
	struct listing listing = {.fn = fn, .userdata = userdata};
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int r;

	if (!link)
		return -errno;
	r = walk_take(link, sizeof(struct shunt_event), on_listed, &listing);
	bpf_link__destroy(link);
	return r;
}

struct queue_listing {
	observer_queue_fn fn;
	void *userdata;
};

static int on_queue(void *userdata, const void *record)
{
	const struct queue_listing *listing = userdata;

	return listing->fn(listing->userdata, record);
}

int observer_read_queues(struct observer *observer, observer_queue_fn fn, void *userdata)
{
	struct queue_listing listing = {.fn = fn, .userdata = userdata};

	if (!observer->queues)
		return -EOPNOTSUPP;
	return walk_take(observer->queues, sizeof(struct shunt_queue), on_queue, &listing);
}

int observer_list(struct observer *observer, observer_event_fn fn, void *userdata)
{
	if (!observer->has[SIGNAL_DISCOVERY])
		return -EOPNOTSUPP;
	return walk_files(observer->bpf->progs.shunt_list, fn, userdata);
}

int observer_seed(struct observer *observer)
{
	int r = -EOPNOTSUPP;

	if (observer->has[SIGNAL_DISCOVERY])
		r = walk_files(observer->bpf->progs.shunt_seed, NULL, NULL);
	/* Those that no file leads to are taken up as they speak. */
	observer->bpf->bss->shunt_seeded = 1;
	return r;
}
