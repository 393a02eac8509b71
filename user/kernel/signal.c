/* SPDX-License-Identifier: GPL-2.0 */
#include "kernel/signal.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* name, what, hook, program, why not */
static const struct signal signals[SIGNAL_MAX] = {
	[SIGNAL_CONNECTIONS] = {"connections", "handshakes, closes and connection durations",
				"tp_btf/inet_sock_set_state", "shunt_state",
				"the kernel has no tracepoint inet_sock_set_state (Linux 4.16)"},
	[SIGNAL_RTT] = {"rtt", "round-trip times of live connections", "tp_btf/tcp_probe",
			"shunt_segment", "the kernel has no tracepoint tcp_probe (Linux 4.16)"},
	[SIGNAL_RESPONSE] = {"response",
			     "durations from a request's last byte to its response's first",
			     "tp_btf/tcp_probe", "shunt_segment",
			     "the kernel has no tracepoint tcp_probe (Linux 4.16)"},
	[SIGNAL_ZERO_WINDOWS] = {"zero_windows", "peers that had no room left", "tp_btf/tcp_probe",
				 "shunt_segment",
				 "the kernel has no tracepoint tcp_probe (Linux 4.16)"},
	[SIGNAL_RETRANSMITS] =
		{"retransmits",
		 "retransmitted segments; durations of handshakes that needed a second SYN",
		 "tp_btf/tcp_retransmit_skb", "shunt_retransmit",
		 "the kernel has no tracepoint tcp_retransmit_skb (Linux 4.15)"},
	[SIGNAL_HANDSHAKE_RETRIES] =
		{"handshake_retries", "durations of handshakes that needed a second SYN-ACK",
		 "tp_btf/tcp_retransmit_synack", "shunt_retransmit_synack",
		 "the kernel has no tracepoint tcp_retransmit_synack (Linux 4.15)"},
	[SIGNAL_RESETS_RECEIVED] = {"resets_received", "resets that peers sent",
				    "tp_btf/tcp_receive_reset", "shunt_receive_reset",
				    "the kernel has no tracepoint tcp_receive_reset (Linux 4.16)"},
	[SIGNAL_RESETS_SENT] =
		{"resets_sent",
		 "resets that answer a packet; those that end a connection are known anyway",
		 "tp_btf/tcp_send_reset", "shunt_send_reset",
		 "the kernel has no tracepoint tcp_send_reset (Linux 4.15)"},
	[SIGNAL_REFUSED_INBOUND] =
		{"refused_inbound", "connections that this host refused because nobody listens",
		 "tp_btf/tcp_send_reset", "shunt_send_reset",
		 "before Linux 6.10 tcp_send_reset is silent where there is no socket"},
	[SIGNAL_ACCEPT_QUEUE] =
		{"accept_queue",
		 "accept queues: length, limit, and what was turned away (overflow)",
		 "iter/bpf_sk_storage_map", "shunt_queues",
		 "the kernel has no iterator over socket storages (Linux 5.9)"},
	[SIGNAL_DISCOVERY] = {"discovery", "listeners and connections older than the daemon",
			      "iter/task_file", "shunt_list",
			      "the kernel has no iterator over the files of tasks (Linux 5.8)"},
	[SIGNAL_CONNECT_CHECKS] =
		{"connect_checks",
		 "health checks that reset the connection instead of completing its handshake",
		 "tp_btf/kfree_skb", "shunt_drop",
		 "before Linux 6.11 kfree_skb does not tell whom a dropped packet was for"},
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

	if (!strncmp(signals[id].hook, "iter/", strlen("iter/"))) {
		char context[64];

		snprintf(context, sizeof(context), "bpf_iter__%s", name);
		return btf__find_by_name_kind(btf, context, BTF_KIND_STRUCT) > 0;
	}
	/* The argument that says why a reset was sent came with the firing without a socket. */
	if (id == SIGNAL_REFUSED_INBOUND)
		return tracepoint_arguments(btf, name) >= 3;
	if (id == SIGNAL_CONNECT_CHECKS)
		return tracepoint_arguments(btf, name) >= 4;
	return tracepoint_arguments(btf, name) > 0;
}

int signal_probe(bool ret_available[static SIGNAL_MAX])
{
	/* That there is no BTF is for the caller to say. */
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct btf *btf = btf__load_vmlinux_btf();
	int error = -errno;

	for (enum signal_id id = 0; id < SIGNAL_MAX; id++)
		ret_available[id] = btf && hook_available(btf, id);
	btf__free(btf);
	libbpf_set_print(print);
	return btf ? 0 : error;
}
