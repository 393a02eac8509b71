/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The programs that carry verdicts out: loaded, attached, told, read.
 *
 * Opening and attaching need privileges (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN); all else is
 * loads and stores of shared memory.  Nothing is pinned: what is attached here goes with
 * this process, however it ends.
 */
#ifndef SHUNT_KERNEL_DATAPLANE_H
#define SHUNT_KERNEL_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "shunt/verdict.h"

struct dataplane_options {
	uint32_t slots; /* as many as the observer has */
	int inbound_fd; /* the observer's map of what services are found by, or -1: one of its own
			 */
	int probers_fd; /* …and of known probers */
};

struct dataplane;

/* Sizes the maps of opened programs; for dataplane_open() and for who foretells it. */
struct breaker_bpf;
int dataplane_size_maps(struct breaker_bpf *bpf, uint32_t slots);

/*
 * Loads the programs for the network namespace of the caller, attached nowhere, every
 * verdict PASS.  The maps that are shared stay the observer's; their descriptors are not
 * kept.  0 and a data plane to close with dataplane_close(), or a negative errno: -EPERM,
 * -EINVAL for no slots or too many, -ENOMEM …
 */
int dataplane_open(const struct dataplane_options *options, struct dataplane **ret_dataplane);

/* Detaches and frees; NULL is fine. */
void dataplane_close(struct dataplane *dataplane);

/*
 * Attaches to an interface of the caller's network namespace: in its driver where that
 * can, else generically, which `*ret_native` tells.  Its address is read now.  0 or a negative
 * errno: -EBUSY where another XDP program is attached in either way, which is left alone;
 * -ENODEV; -EOPNOTSUPP for what has no Ethernet address (loopback, tunnels); -ENOSPC.
 */
int dataplane_attach(struct dataplane *dataplane, const char *interface, bool *ret_native);

/*
 * Attaches to what clients on this host reach over loopback, in the caller's network
 * namespace (sk_lookup, Linux 5.9).  0 or a negative errno.
 */
int dataplane_attach_local(struct dataplane *dataplane);

/*
 * Attaches to the connect(2) of the processes of a cgroup and of all below it, `cgroup` being
 * a descriptor of its folder: cgroup_root() for all of this host.  To be left out where no
 * service is a dependency, for each connect(2) pays for it.  The maps are the observer's of
 * what dependencies are found by, or -1 for maps of its own.  0 or a negative errno: -EPERM
 * without privileges or where another program wants the cgroup for itself; -EALREADY.
 */
int dataplane_attach_outbound(struct dataplane *dataplane, int cgroup, int outbound_fd,
			      int prefixes_fd);

/*
 * Sets where connections to a dependency go under SHUNT_VERDICT_REDIRECT, or with NULL that
 * they can go nowhere; dataplane_clear() does so, too.  Changing it is safe at any time.  0,
 * -EOPNOTSUPP where dependencies are not attached to, or another negative errno.
 */
int dataplane_set_fallback(struct dataplane *dataplane, uint32_t slot,
			   const struct shunt_target *fallback);

/*
 * Sets where a slot's connections go under SHUNT_VERDICT_REDIRECT, or with NULL that they can
 * go nowhere; what was begun stays where it is.  A standby on this host needs
 * dataplane_attach_local(); one on another must be reached by an interface that is attached to,
 * and can have no clients on this host.  Whether it is there is found out later, and until
 * then connections pass.  0; -ERANGE; -EOPNOTSUPP where this kernel cannot; -EADDRNOTAVAIL where
 * the way leads by another interface; -EADDRINUSE where the ports from 61440 on are not left to
 * this (net.ipv4.ip_local_port_range, ip_local_reserved_ports); -ENETUNREACH …
 */
int dataplane_set_target(struct dataplane *dataplane, uint32_t slot,
			 const struct shunt_target *target);

/*
 * Looks for the targets' listening sockets and for the ways to them, and frees the ports of
 * connections that have ended: to be called each second or so.  Cheap where no slot has a
 * target.  0 or a negative errno.
 */
int dataplane_refresh(struct dataplane *dataplane);

/* The share of connections that a half-open ruling admits (0 to 1), for its `admit`. */
uint32_t dataplane_share(double share);

/*
 * Rules on a slot from now on, until `ruling->until` (CLOCK_MONOTONIC, ns): its lease, which is
 * renewed by ruling again and is to be renewed by a loop that is on time alone.  0, -ERANGE for a
 * slot that is none, or -EOPNOTSUPP for a verdict that is not carried out (REDIRECT without a
 * target), with the ruling that was there in force still.
 */
int dataplane_rule(struct dataplane *dataplane, uint32_t slot, const struct shunt_ruling *ruling);

/* Lets a slot pass; nothing for a slot that is none. */
void dataplane_pass(struct dataplane *dataplane, uint32_t slot);

/* What rulings on the slot did and would have done, summed over the CPUs; zero for no slot. */
void dataplane_read(const struct dataplane *dataplane, uint32_t slot,
		    struct shunt_verdict_counts *ret_counts);

/* Zeroes that, for a slot that is given to another service and has no ruling. */
void dataplane_clear(struct dataplane *dataplane, uint32_t slot);

/* Packets and attempts that passed unjudged while some ruling was there, by why. */
uint64_t dataplane_unjudged(const struct dataplane *dataplane, enum shunt_unjudged why);

#endif
