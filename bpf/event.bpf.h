/* SPDX-License-Identifier: GPL-2.0 */
/* The rare things that the daemon is told: who listens, and which remote is busy. */
#ifndef SHUNT_BPF_EVENT_H
#define SHUNT_BPF_EVENT_H

#include "service.bpf.h"

/* Attempts after which an unnamed remote is told to the daemon; a power of two. */
#define REMOTE_BUSY 4

/*
 * Remotes that nobody has named yet, with the attempts seen.  Only a hint of
 * who is busy: an evicted entry loses no figure, so that an LRU is fit here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct shunt_endpoint);
	__type(value, __u32);
} shunt_remotes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} shunt_events SEC(".maps");

/* Events that found the ring buffer full. */
__u64 shunt_events_lost;

/* Set where the daemon does not want to hear of listeners and remotes. */
__u8 shunt_quiet;

/* How often a socket has begun or ceased to listen: whose queue is read changes with that. */
__u32 shunt_listens;

/* Fills in all that is known of a socket; `task` is its owner. */
static __always_inline void fill_event(struct shunt_event *event, const struct sock *sk,
				       struct task_struct *task)
{
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	event->socket = (__u64)sk;
	event->netns = netns_of(&sk->__sk_common);
	event->v6only = BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_ipv6only);
	event->pid = BPF_CORE_READ(task, tgid);
	BPF_CORE_READ_STR_INTO(&event->comm, leader, comm);
	if (cgroup) {
		event->cgroup = BPF_CORE_READ(cgroup, kn, id);
		bpf_probe_read_kernel_str(event->unit, sizeof(event->unit),
					  BPF_CORE_READ(cgroup, kn, name));
	}
}

static __always_inline void fill_listener(struct shunt_event *event, const struct sock *sk,
					  struct task_struct *task)
{
	struct shunt_endpoint local = {};

	local_endpoint(&sk->__sk_common, &local);
	event->type = SHUNT_EVENT_LISTEN;
	event->port = local.port;
	__builtin_memcpy(event->addr, local.addr, sizeof(event->addr));
	fill_event(event, sk, task);
}

static __always_inline void fill_remote(struct shunt_event *event, const struct sock *sk,
					struct task_struct *task)
{
	struct shunt_endpoint remote = {};

	remote_endpoint(&sk->__sk_common, &remote);
	event->type = SHUNT_EVENT_REMOTE;
	event->port = remote.port;
	__builtin_memcpy(event->addr, remote.addr, sizeof(event->addr));
	fill_event(event, sk, task);
}

static __always_inline void send_event(struct shunt_event *event)
{
	if (bpf_ringbuf_output(&shunt_events, event, sizeof(*event), 0))
		__sync_fetch_and_add(&shunt_events_lost, 1);
}

/* A socket begins to listen; runs in the process that called listen(2). */
__cold_path void tell_listen(const struct sock *sk)
{
	struct shunt_event event = {};

	__sync_fetch_and_add(&shunt_listens, 1);
	if (shunt_quiet)
		return;
	fill_listener(&event, sk, bpf_get_current_task_btf());
	send_event(&event);
}

/* …and ceases, in whatever context that happens. */
__cold_path void tell_unlisten(const struct sock *sk)
{
	struct shunt_event event = {.type = SHUNT_EVENT_UNLISTEN, .socket = (__u64)sk};

	__sync_fetch_and_add(&shunt_listens, 1);
	if (shunt_quiet)
		return;
	send_event(&event);
}

/* Counts an attempt to reach an unnamed remote; tells at the 4th, 8th, 16th … */
__cold_path void note_remote(const struct sock *sk, const struct shunt_endpoint *remote)
{
	__u32 attempts = 1, *seen;
	long error;

	if (shunt_quiet)
		return;
	seen = bpf_map_lookup_elem(&shunt_remotes, remote);
	if (seen) {
		attempts = __sync_fetch_and_add(seen, 1) + 1;
	} else {
		error = bpf_map_update_elem(&shunt_remotes, remote, &attempts, BPF_ANY);
		if (error)
			count_error(SHUNT_SITE_REMOTE_INSERT, error);
	}
	if (attempts >= REMOTE_BUSY && !(attempts & (attempts - 1))) {
		struct shunt_event event = {};

		fill_remote(&event, sk, bpf_get_current_task_btf());
		send_event(&event);
	}
}

#endif
