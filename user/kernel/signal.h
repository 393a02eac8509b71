/* SPDX-License-Identifier: GPL-2.0 */
/* The signals that the kernel can give, the hook of each, and whether it is there. */
#ifndef SHUNT_KERNEL_SIGNAL_H
#define SHUNT_KERNEL_SIGNAL_H

#include <stdbool.h>

/* In the order of the table that signal_at() reads. */
enum signal_id {
	SIGNAL_CONNECTIONS,
	SIGNAL_RTT,
	SIGNAL_RESPONSE,
	SIGNAL_ZERO_WINDOWS,
	SIGNAL_RETRANSMITS,
	SIGNAL_HANDSHAKE_RETRIES,
	SIGNAL_RESETS_RECEIVED,
	SIGNAL_RESETS_SENT,
	SIGNAL_REFUSED_INBOUND,
	SIGNAL_ACCEPT_QUEUE,
	SIGNAL_DISCOVERY,
	SIGNAL_CONNECT_CHECKS,
	SIGNAL_MAX,
};

struct signal {
	const char *name; /* the label of shunt_signal_available */
	const char *what; /* what one loses without it, for people */
	const char *hook; /* "tp_btf/…" or "iter/…" */
	const char *program; /* the BPF program on that hook */
	const char *why_not; /* what a kernel that lacks it is missing */
};

/* The description of a signal; never NULL for an id below SIGNAL_MAX. */
const struct signal *signal_at(enum signal_id id);

/*
 * Says of each signal whether the running kernel has its hook, with the arguments
 * that the program needs.  Returns 0, or a negative errno where the kernel's types
 * (BTF) cannot be read; then none is available.
 */
int signal_probe(bool ret_available[static SIGNAL_MAX]);

#endif
