/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sockets came to be established at an address where another one still was, by all that
 * the kernel has told: the end of that one was told to no program.  It shares no code with what is
 * tested, and keeps sockets in a map of the kernel's.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 18);
	__type(key, __u64);
	__type(value, __u8);
} witness_open SEC(".maps");

__u64 witness_unseen;

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(witness_state, struct sock *sk, int oldstate, int newstate)
{
	__u64 socket = (__u64)sk;
	__u8 open = 1;

	(void)oldstate;
	if (newstate == BPF_TCP_CLOSE)
		bpf_map_delete_elem(&witness_open, &socket);
	else if (newstate == BPF_TCP_ESTABLISHED &&
		 bpf_map_update_elem(&witness_open, &socket, &open, BPF_NOEXIST) ==
			 -17 /* EEXIST */)
		__sync_fetch_and_add(&witness_unseen, 1);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(witness_destroy, struct sock *sk)
{
	__u64 socket = (__u64)sk;

	bpf_map_delete_elem(&witness_open, &socket);
	return 0;
}
