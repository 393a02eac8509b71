/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program would miss because it runs already.
 *
 * The kernel skips a program that is running on this CPU (__bpf_trace_run()).  A process
 * that changes its socket's state may be interrupted by a softirq that changes others':
 * where interrupts bring the packets, up to one connection in a hundred was missed so.
 * Hence a second program on the same tracepoint, called after the first.  The two never
 * run at once, so that one of them sees every change; the first leaves a mark of what
 * it has seen.
 */
#ifndef SHUNT_BPF_MISSED_H
#define SHUNT_BPF_MISSED_H

#include "shunt/abi.h"

struct state_mark {
	__u64 socket;
	int state;
	__u32 reserved;
};

/*
 * The last change on each CPU: one of a process that owns its socket (lock_sock()), which
 * a softirq may interrupt, and one of a softirq, which none may.  So nothing overwrites a
 * mark between the two programs.
 */
struct state_marks {
	struct state_mark by_owner[2];
	__u64 reserved[4]; /* a cache line to each CPU */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set before load */
	__type(key, __u32);
	__type(value, struct state_marks);
} shunt_marks SEC(".maps");

static __always_inline struct state_mark *state_mark_of(const struct sock *sk)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct state_marks *marks = bpf_map_lookup_elem(&shunt_marks, &cpu);

	if (!marks)
		return NULL;
	return sk->sk_lock.owned ? &marks->by_owner[1] : &marks->by_owner[0];
}

#endif
