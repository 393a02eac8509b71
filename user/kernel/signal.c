/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/signal.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct signal signals[SIGNAL_MAX] = {
	[SIGNAL_CONNECTIONS] =
		{
			.name = "connections",
			.what = "handshakes, closes and connection durations",
			.hook = "tp_btf/inet_sock_set_state",
			.program = "shunt_state",
			.why_not = "the kernel has no tracepoint inet_sock_set_state (Linux 4.16)",
		},
	[SIGNAL_RTT] =
		{
			.name = "rtt",
			.what = "round-trip times of live connections",
			.hook = "tp_btf/tcp_probe",
			.program = "shunt_rtt",
			.why_not = "the kernel has no tracepoint tcp_probe (Linux 4.16)",
		},
	[SIGNAL_RETRANSMITS] =
		{
			.name = "retransmits",
			.what = "retransmitted segments; durations of handshakes that needed a second SYN",
			.hook = "tp_btf/tcp_retransmit_skb",
			.program = "shunt_retransmit",
			.why_not = "the kernel has no tracepoint tcp_retransmit_skb (Linux 4.15)",
		},
	[SIGNAL_HANDSHAKE_RETRIES] =
		{
			.name = "handshake_retries",
			.what = "durations of handshakes that needed a second SYN-ACK",
			.hook = "tp_btf/tcp_retransmit_synack",
			.program = "shunt_retransmit_synack",
			.why_not =
				"the kernel has no tracepoint tcp_retransmit_synack (Linux 4.15)",
		},
	[SIGNAL_REFUSED_INBOUND] =
		{
			.name = "refused_inbound",
			.what = "connections that this host refused because nobody listens",
			.hook = "tp_btf/tcp_send_reset",
			.program = "shunt_refuse",
			.why_not =
				"before Linux 6.10 tcp_send_reset is silent where there is no socket",
		},
	[SIGNAL_DISCOVERY] =
		{
			.name = "discovery",
			.what = "listeners and connections older than the daemon",
			.hook = "iter/task_file",
			.program = "shunt_list",
			.why_not = "the kernel has no iterator over the files of tasks (Linux 5.8)",
		},
};

const struct signal *signal_at(enum signal_id id)
{
	return &signals[id];
}

/* How many arguments the tracepoint passes, or 0 where there is none of that name. */
static unsigned tracepoint_arguments(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type;
	char name[96];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return 0;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type); /* the pointer */
	type = btf__type_by_id(btf, type->type); /* the function */
	return btf_vlen(type) - 1; /* the first is the kernel's own context */
}

static bool hook_available(const struct btf *btf, enum signal_id id)
{
	const char *name = strchr(signals[id].hook, '/') + 1;

	if (id == SIGNAL_DISCOVERY)
		return btf__find_by_name_kind(btf, "bpf_iter__task_file", BTF_KIND_STRUCT) > 0;
	/* The argument that says why a reset was sent came with the firing without a socket. */
	if (id == SIGNAL_REFUSED_INBOUND)
		return tracepoint_arguments(btf, name) >= 3;
	return tracepoint_arguments(btf, name) > 0;
}

int signal_probe(bool ret_available[static SIGNAL_MAX])
{
	struct btf *btf = btf__load_vmlinux_btf();
	int error = -errno;

	for (enum signal_id id = 0; id < SIGNAL_MAX; id++)
		ret_available[id] = btf && hook_available(btf, id);
	btf__free(btf);
	return btf ? 0 : error;
}
