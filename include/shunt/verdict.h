/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the daemon and the programs that carry its verdicts out
 * (bpf/breaker.bpf.c, bpf/connect.bpf.c, bpf/standby.bpf.c).  The rules of shunt/abi.h
 * hold here, too.
 */
#ifndef SHUNT_VERDICT_H
#define SHUNT_VERDICT_H

#include <linux/types.h>

/* What is done to a service's new connections. */
enum shunt_verdict {
	SHUNT_VERDICT_PASS,
	SHUNT_VERDICT_DROP, /* they vanish; on loopback, where none can, they are refused */
	SHUNT_VERDICT_REJECT, /* they are answered with a reset */
	SHUNT_VERDICT_REDIRECT, /* they go to a standby, or a dependency's to its fallback */
	SHUNT_VERDICT_DRAIN, /* those of probers are answered with a reset, all others pass */
	SHUNT_VERDICT_MAX,
};

enum shunt_ruling_flag {
	SHUNT_RULING_SHADOW = 1, /* counted as it would be carried out, which it is not */
	SHUNT_RULING_EXEMPT = 2, /* known probers pass; of no meaning for DRAIN */
};

/*
 * The verdict on a slot.  The daemon stores `word` whole and then `until`; nobody else
 * writes.  So a packet meets the old ruling or the new one and none in between, and at worst
 * the new one on the old one's lease.
 */
struct shunt_ruling {
	__u64 until; /* CLOCK_MONOTONIC, ns: then it is over, and all pass */
	union {
		__u64 word;
		struct {
			__u32 admit; /* of 2^32 connections so many pass: half-open */
			__u16 salt; /* of that choice: another one chooses others */
			__u8 verdict; /* enum shunt_verdict */
			__u8 flags; /* enum shunt_ruling_flag */
		};
	};
};

/*
 * What met a ruling that was in force, as one CPU counts it.  Each SYN counts: one that is
 * dropped comes again.
 */
struct shunt_verdict_counts {
	__u64 connections[SHUNT_VERDICT_MAX]; /* what was done to them */
	__u64 shadow[SHUNT_VERDICT_MAX]; /* …and what would have been */
	__u64 local; /* of `connections`, those of local clients that were refused by a reset */
	__u64 unused[5];
};

/* Why a packet was let pass unjudged, while some ruling was there. */
enum shunt_unjudged {
	SHUNT_UNJUDGED_TRUNCATED, /* it ends before its headers do */
	SHUNT_UNJUDGED_MALFORMED, /* its headers contradict each other */
	SHUNT_UNJUDGED_FRAGMENT,
	SHUNT_UNJUDGED_HEADER, /* an IPv6 header or a VLAN tag that is not understood */
	SHUNT_UNJUDGED_SOURCE, /* an address that nobody can be answered at */
	SHUNT_UNJUDGED_ELSEWHERE, /* for another machine: forwarded, bridged or overheard */
	SHUNT_UNJUDGED_EXPIRED, /* the lease was over */
	SHUNT_UNJUDGED_UNSUPPORTED, /* a verdict that is not carried out here */
	SHUNT_UNJUDGED_UNANSWERED, /* a reset could not be made of it */
	SHUNT_UNJUDGED_STANDBY, /* to be redirected, and there is no standby that could take it */
	SHUNT_UNJUDGED_MAX,
};

/* Where a slot's connections go under REDIRECT: the value of shunt_targets. */
struct shunt_target {
	__u8 addr[16];
	__u16 port;
	__u8 reserved[2];
};

#define SHUNT_LISTENERS_MAX 1024
#define SHUNT_LEADS_MAX	    8192

/*
 * What the listening sockets of standbys on this host are kept under, in shunt_standbys: the
 * address is theirs, or the wildcard of a family that they take.
 */
struct shunt_listener {
	__u8 addr[16];
	__u16 port;
	__u8 reserved[2];
};

/* The ends of a connection that came in. */
struct shunt_ends {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
};

/* What XDP said of a SYN, for where its listener is looked for: the value of shunt_leads. */
struct shunt_lead {
	__u64 until; /* CLOCK_MONOTONIC, ns */
	struct shunt_target target;
	__u32 reserved;
};

/*
 * The way to a standby on another host, by slot; the value of shunt_ways.  What is needed to
 * send packets on: the kernel's own routes cannot be asked on a host that does not forward.
 */
struct shunt_way {
	__u8 source[16]; /* this host's address on that way */
	__u32 interface; /* index */
	__u16 mtu;
	__u8 ethernet[14]; /* the header of frames that go there */
};

/*
 * Connections that are carried to other hosts.  Each has a local port of its own, and what is
 * known of it at the index port - SHUNT_FLOW_PORT of shunt_flows.
 */
#define SHUNT_FLOW_PORT	 61440
#define SHUNT_FLOWS_LOG2 12
#define SHUNT_FLOWS_MAX	 (1 << SHUNT_FLOWS_LOG2)
#define SHUNT_HEAD_MAX	 22 /* Ethernet and two tags */

enum shunt_flow_state {
	SHUNT_FLOW_FREE,
	SHUNT_FLOW_CLAIMED, /* being written */
	SHUNT_FLOW_OPENING, /* a SYN has passed */
	SHUNT_FLOW_OPEN, /* …and the client has had its answer */
	SHUNT_FLOW_OVER, /* both ends have said so, or one has reset it */
	SHUNT_FLOW_GONE, /* nothing leads to it any more: the daemon frees it */
};

enum shunt_flow_end {
	SHUNT_FLOW_CLIENT_ENDED = 1,
	SHUNT_FLOW_STANDBY_ENDED = 2,
	SHUNT_FLOW_BOTH_ENDED = 3,
	SHUNT_FLOW_CLIENT_RESET = 4,
	SHUNT_FLOW_STANDBY_RESET = 8,
	SHUNT_FLOW_RESET = 12,
};

struct shunt_flow {
	__u64 seen; /* CLOCK_MONOTONIC, ns: when its last packet passed, within half a second */
	__u32 state; /* enum shunt_flow_state */
	__u32 ended; /* enum shunt_flow_end */
	struct shunt_ends ends; /* as the client knows them */
	struct shunt_target standby;
	__u32 client_interface;
	__u16 client_head_length;
	__u16 mss; /* that neither end may exceed */
	__u8 client_head[SHUNT_HEAD_MAX + 2]; /* of frames that go there: Ethernet and tags */
	struct shunt_way way;
	__u32 reserved;
};

/* Interfaces that one data plane may be attached to. */
#define SHUNT_INTERFACES_MAX 64

/* An interface that frames come in by; the value of shunt_interfaces. */
struct shunt_interface {
	__u8 address[6]; /* Ethernet */
	__u16 mtu; /* 0: nothing may be carried by it to another host */
};

_Static_assert(sizeof(struct shunt_ruling) == 16, "ruling layout");
_Static_assert(__builtin_offsetof(struct shunt_ruling, verdict) == 14, "ruling layout");
_Static_assert(sizeof(struct shunt_verdict_counts) == 128, "verdicts' counters' layout");
_Static_assert(__builtin_offsetof(struct shunt_verdict_counts, shadow) == 40,
	       "verdicts' counters' layout");
_Static_assert(sizeof(struct shunt_target) == 20, "target layout");
_Static_assert(sizeof(struct shunt_listener) == 20, "listener layout");
_Static_assert(sizeof(struct shunt_ends) == 36, "ends' layout");
_Static_assert(sizeof(struct shunt_lead) == 32, "lead layout");
_Static_assert(sizeof(struct shunt_way) == 36, "way layout");
_Static_assert(sizeof(struct shunt_flow) == 144, "flow layout");
_Static_assert(__builtin_offsetof(struct shunt_flow, way) == 104, "flow layout");
_Static_assert(sizeof(struct shunt_interface) == 8, "interface layout");

#endif
