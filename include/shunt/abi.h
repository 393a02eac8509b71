/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the BPF programs and the daemon: what lies in shared
 * memory, what crosses the ring buffer, and how a service is looked up.
 *
 * Fields have fixed widths and no padding is left to the compiler; the asserts
 * at the end are compiled on both sides.  What carries verdicts out shares more
 * with the daemon: shunt/verdict.h.  Durations are nanoseconds, ports are
 * in host order unless a name says otherwise, and addresses are 16 bytes with
 * IPv4 as an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), so that one service
 * is one key however its peers reach it.
 */
#ifndef SHUNT_ABI_H
#define SHUNT_ABI_H

#include <linux/types.h>

#include "shunt/histogram.h"

/* Which end of the connection this host is. */
enum shunt_role {
	SHUNT_ROLE_SERVER, /* the connection came in through a listening socket */
	SHUNT_ROLE_CLIENT, /* the connection was made here, by connect(2) */
	SHUNT_ROLE_MAX,
};

/* How an attempt to connect ended; OpenTelemetry's error.type, "" is success. */
enum shunt_handshake {
	SHUNT_HANDSHAKE_OK,
	SHUNT_HANDSHAKE_REFUSED,
	SHUNT_HANDSHAKE_RESET,
	SHUNT_HANDSHAKE_TIMED_OUT,
	SHUNT_HANDSHAKE_HOST_UNREACHABLE,
	SHUNT_HANDSHAKE_NET_UNREACHABLE,
	SHUNT_HANDSHAKE_OVERFLOW,
	SHUNT_HANDSHAKE_OTHER,
	SHUNT_HANDSHAKE_MAX,
};

/* How an established connection ended; "" is an orderly close. */
enum shunt_close {
	SHUNT_CLOSE_ORDERLY,
	SHUNT_CLOSE_RESET_BY_PEER,
	SHUNT_CLOSE_RESET_BY_LOCAL,
	SHUNT_CLOSE_TIMED_OUT,
	SHUNT_CLOSE_NO_RESPONSE,
	SHUNT_CLOSE_OTHER,
	SHUNT_CLOSE_MAX,
};

/* How a health-check connection ended. */
enum shunt_probe_outcome {
	SHUNT_PROBE_PASS,
	SHUNT_PROBE_REFUSED,
	SHUNT_PROBE_RESET,
	SHUNT_PROBE_TIMED_OUT, /* the connection was never made, or the checker gave up on it */
	SHUNT_PROBE_NO_RESPONSE, /* asked, and never answered */
	SHUNT_PROBE_HTTP_ERROR, /* answered with a status that is not 2xx or 3xx */
	SHUNT_PROBE_OVERFLOW, /* turned away at a full queue */
	SHUNT_PROBE_MAX,
};

/* The histograms of one cell, in the order in which they lie there. */
enum shunt_signal {
	SHUNT_SIGNAL_HANDSHAKE,
	SHUNT_SIGNAL_RESPONSE,
	SHUNT_SIGNAL_RTT,
	SHUNT_SIGNAL_CONNECTION,
	SHUNT_SIGNAL_MAX,
};

/* Slots that always exist.  Configured and discovered services follow. */
enum shunt_slot {
	SHUNT_SLOT_UNKNOWN_SERVER, /* nobody has named it */
	SHUNT_SLOT_UNKNOWN_CLIENT,
	SHUNT_SLOT_OTHER_SERVER, /* named, but past max_services */
	SHUNT_SLOT_OTHER_CLIENT,
	SHUNT_SLOT_FIRST,
};

/* No slot is as high. */
#define SHUNT_SLOTS_MAX 8192

/* Where a helper failed; the row of shunt_errors. */
enum shunt_site {
	SHUNT_SITE_CELL, /* a slot outside the array of cells */
	SHUNT_SITE_CONN_INSERT, /* a connection that could not be followed */
	SHUNT_SITE_CONN_STALE, /* a socket's memory reused while its close was missed */
	SHUNT_SITE_RETRY_INSERT, /* a retransmitted handshake whose start could not be kept */
	SHUNT_SITE_RETRY_MISSING, /* …and one whose start was evicted: no duration */
	SHUNT_SITE_REMOTE_INSERT,
	SHUNT_SITE_PACKET, /* the headers of a refused SYN could not be read */
	SHUNT_SITE_SEED, /* a connection older than the daemon that could not be followed */
	SHUNT_SITE_LISTENER, /* a listener whose queue will not be read */
	SHUNT_SITE_MAX,
};

/* Linux's errno values are below this (the highest, EHWPOISON, is 133). */
#define SHUNT_ERRNO_MAX 134

/*
 * What is counted in the kernel besides the histograms that people see.  The last answer
 * of a connection is seen as it closes, by a program other than the one that sees the
 * rest, and each has a histogram of its own: bpf/cell.bpf.h says why.  Readers add it to
 * SHUNT_SIGNAL_RESPONSE.
 */
enum { SHUNT_HISTOGRAM_LAST_RESPONSE = SHUNT_SIGNAL_MAX, SHUNT_HISTOGRAM_MAX };

/* What was counted of a service, but for the histograms. */
struct shunt_counters {
	__u64 handshakes[SHUNT_HANDSHAKE_MAX];
	__u64 closes[SHUNT_CLOSE_MAX];
	__u64 seeded; /* connections that were open before the daemon was */
	__u64 retransmits;
	__u64 resets_sent;
	__u64 resets_received;
	__u64 zero_windows;
	__u64 answered; /* non-zero once a connection has seen bytes both ways */
};

/*
 * A service's cell as one CPU writes it; anyone may read it.  What every connection
 * counts lies in the first 128 bytes, since what costs is lines of cache.
 */
struct shunt_shard {
	__u64 responses; /* samples of that histogram: the daemon asks for them at every tick */
	__u64 last_responses;
	__u64 sums[SHUNT_HISTOGRAM_MAX]; /* ns */
	struct shunt_counters counters;
	__u64 reserved[5];
};

/* …and its histograms' buckets: apart, for the daemon reads the rest at every tick. */
struct shunt_buckets {
	__u64 buckets[SHUNT_HISTOGRAM_MAX][SHUNT_BUCKETS];
	__u64 reserved[6];
};

/* A service's cell, summed over its shards. */
struct shunt_cell {
	struct shunt_counters counters;
	__u64 responses;
	__u64 response_time; /* ns: the sum of their durations */
	struct shunt_histogram histograms[SHUNT_SIGNAL_MAX];
};

/* An open connection. */
struct shunt_conn {
	__u64 socket; /* whose: a socket's address; 0: nobody's */
	__u64 established; /* ns; 0: before the daemon was there */
	__u64 request_at; /* ns: when the last byte of a request passed; 0: none is open */
	__u32 sent; /* the sequence number that was next to be sent when that was noticed */
	__u16 slot;
	__u8 rtt_unit; /* of 2^30 ns, wraps: the last in which the RTT needs no sample */
	__u8 flags; /* enum shunt_conn_flag */
};

enum shunt_conn_flag {
	SHUNT_CONN_CLIENT = 1, /* this end is the client, else the server */
	SHUNT_CONN_WINDOW_CLOSED = 2, /* the peer's window is zero */
	SHUNT_CONN_RTT_SAMPLED = 4, /* its RTT was sampled while it was open */
	SHUNT_CONN_PROBER = 8, /* it comes from an address that is known to check */
	SHUNT_CONN_TRIAL = 32, /* a half-open breaker let it through, and it has not been judged */
};

/* The table of open connections; see bpf/conn.bpf.h. */
#define SHUNT_CONN_WAYS	     4
#define SHUNT_CONN_SETS_LOG2 15
#define SHUNT_CONN_SETS	     (1 << SHUNT_CONN_SETS_LOG2)

struct shunt_conn_set {
	struct shunt_conn ways[SHUNT_CONN_WAYS];
};

/*
 * What a service is found by: exact match in the hash maps.  The daemon adds
 * a wildcard as the unspecified address of each family that it covers
 * (::ffff:0.0.0.0 for IPv4, :: for IPv6).
 */
struct shunt_endpoint {
	__u64 cgroup; /* cgroup v2 id; 0: any */
	__u32 netns; /* inode of the network namespace; 0: any */
	__u16 port;
	__u16 reserved;
	__u8 addr[16];
};

/* …and longest match in the trie, for outbound prefixes. */
struct shunt_prefix {
	__u32 length; /* bits that count after this field */
	__u32 netns;
	__u64 cgroup;
	__u16 port;
	__u8 addr[16];
	__u8 reserved[6];
};

/* Bits of shunt_prefix that precede the address and always match exactly. */
#define SHUNT_PREFIX_FIXED_BITS (32 + 64 + 16)

/*
 * What may be found under a port, so that a port nobody named costs one load.
 * shunt_ports[port] is a set of these.
 */
enum shunt_port {
	SHUNT_PORT_INBOUND = 1, /* an exact address, one namespace */
	SHUNT_PORT_INBOUND_WILD = 2, /* a wildcard, one namespace */
	SHUNT_PORT_INBOUND_ANY_NETNS = 4, /* as the two above, every namespace */
	SHUNT_PORT_OUTBOUND = 8, /* an exact address and namespace */
	SHUNT_PORT_OUTBOUND_PREFIX = 16, /* a prefix, one namespace */
	SHUNT_PORT_OUTBOUND_ANY_NETNS = 32, /* a prefix, every namespace */
	SHUNT_PORT_CGROUP = 64, /* some of them narrowed to a cgroup */
};

enum shunt_event_type {
	SHUNT_EVENT_LISTEN, /* a socket began to listen */
	SHUNT_EVENT_UNLISTEN, /* …and ceased */
	SHUNT_EVENT_REMOTE, /* an unnamed remote is busy */
	SHUNT_EVENT_PROBE, /* a health check has ended: a struct shunt_probe */
};

#define SHUNT_COMM_MAX 16
#define SHUNT_UNIT_MAX 64

/* The rare things that cross the ring buffer, and the walk's records too. */
struct shunt_event {
	__u32 type;
	__u32 netns;
	__u64 cgroup;
	__u64 socket; /* tells listeners apart; an address never shown to anyone */
	__u32 pid;
	__u16 port;
	__u8 v6only; /* a listener on :: that does not take IPv4 */
	__u8 reserved;
	__u8 addr[16];
	char comm[SHUNT_COMM_MAX]; /* of the process, not of the thread */
	char unit[SHUNT_UNIT_MAX]; /* last component of the socket's cgroup */
};

/*
 * A health check of a service that listens here, by an address that is known to check.
 * The source's requests of other sizes are its traffic.
 */
struct shunt_probe {
	__u32 type; /* SHUNT_EVENT_PROBE */
	__u32 slot;
	__u64 at; /* ns: when it began, as far as that is known */
	__u64 duration; /* ns; 0: not known */
	__u32 size; /* bytes that the prober sent */
	__u16 status; /* of HTTP; 0: none was seen */
	__u8 outcome; /* enum shunt_probe_outcome */
	__u8 reserved;
	__u8 addr[16];
};

/* Who is known to check a service; the key and the value of shunt_probers. */
struct shunt_prober_key {
	__u8 addr[16];
	__u32 slot;
};

#define SHUNT_PROBER_SIZES 4

struct shunt_prober {
	__u32 sizes[SHUNT_PROBER_SIZES]; /* bytes of its requests, 0: it sends nothing */
	__u32 count; /* of sizes */
};

/*
 * Who connects to a service to say little and go: the address, and how many bytes it says,
 * for a load balancer's checks may come from the address that its traffic comes from.
 * When it last did is kept, in units of 2^20 ns (1.05 ms); whether that is a rhythm the
 * daemon decides.
 */
#define SHUNT_SOURCE_TIMES     16
#define SHUNT_SOURCE_UNIT_LOG2 20
#define SHUNT_SOURCE_WAYS      4
#define SHUNT_SOURCE_SETS_LOG2 10
#define SHUNT_SOURCE_SETS      (1 << SHUNT_SOURCE_SETS_LOG2)
/* The daemon looks only at those parts of the table in which something was noted. */
#define SHUNT_SOURCE_PARTS_LOG2 6
#define SHUNT_SOURCE_PARTS	(1 << SHUNT_SOURCE_PARTS_LOG2)
/* Connections of a source that come faster than this are not noted one by one. */
#define SHUNT_SOURCE_UNITS_LEAST 24
/* …but this many so near to one that was noted are a crowd, of which there is no check. */
#define SHUNT_SOURCE_CROWD 8

struct shunt_source {
	__u8 addr[16];
	__u32 size; /* bytes that it says; 0: it connects and goes */
	__u32 slot; /* 0: the entry is free */
	__u32 count; /* the newest time is times[(count - 1) % SHUNT_SOURCE_TIMES] */
	__u32 times[SHUNT_SOURCE_TIMES];
	__u16 near; /* connections too near to the newest to be noted; no more than a crowd */
	__u16 crowded; /* a bit for each of `times`: a crowd came with it */
};

struct shunt_source_set {
	struct shunt_source ways[SHUNT_SOURCE_WAYS];
};

/* What the programs are to do about a slot's sources; a set of these for each slot. */
enum shunt_watch {
	SHUNT_WATCH_RHYTHM = 1, /* note who connects and when */
	SHUNT_WATCH_PROBERS = 2, /* some prober of it is known */
	SHUNT_WATCH_TRIALS = 4, /* its new connections are trials of its breaker */
};

/* What is a slot's trial, and what became of those that there were; only added to. */
struct shunt_trial {
	__u64 since; /* ns: connections that were established before are none */
	__u64 over; /* ns: what is slow */
	__u32 signal; /* enum shunt_signal, of that */
	__u32 reserved;
	__u64 passed;
	__u64 failed;
	__u64 slow; /* of either */
};

/* A listening socket's accept queue, as the walk over the listeners writes it. */
struct shunt_queue {
	struct shunt_endpoint local; /* cgroup 0 */
	__u64 socket;
	__u32 length; /* connections that wait to be accepted */
	__u32 limit;
	__u32 drops; /* SYNs and connections turned away, retransmissions too; wraps */
	__u32 reserved;
};

_Static_assert(sizeof(struct shunt_histogram) == 8 + 8 * SHUNT_BUCKETS, "histogram layout");
_Static_assert(sizeof(struct shunt_counters) == 20 * 8, "counters' layout");
_Static_assert(__builtin_offsetof(struct shunt_counters, closes) == 64, "counters' layout");
_Static_assert(sizeof(struct shunt_shard) == 2 * 128, "shard layout");
_Static_assert(sizeof(struct shunt_buckets) == 66 * 128, "buckets' layout");
_Static_assert(__builtin_offsetof(struct shunt_shard, counters.closes) == 120, "shard layout");
_Static_assert(sizeof(struct shunt_conn) == 32, "connection layout");
_Static_assert(__builtin_offsetof(struct shunt_conn, slot) == 28, "connection layout");
_Static_assert(sizeof(struct shunt_endpoint) == 32, "endpoint layout");
_Static_assert(__builtin_offsetof(struct shunt_endpoint, addr) == 16, "endpoint layout");
_Static_assert(sizeof(struct shunt_prefix) == 40, "prefix layout");
_Static_assert(__builtin_offsetof(struct shunt_prefix, port) == 16, "prefix layout");
_Static_assert(__builtin_offsetof(struct shunt_prefix, addr) == 18, "prefix layout");
_Static_assert(sizeof(struct shunt_event) == 128, "event layout");
_Static_assert(__builtin_offsetof(struct shunt_event, addr) == 32, "event layout");

_Static_assert(sizeof(struct shunt_queue) == 56, "queue layout");
_Static_assert(__builtin_offsetof(struct shunt_queue, length) == 40, "queue layout");

_Static_assert(sizeof(struct shunt_probe) == 48, "probe layout");
_Static_assert(__builtin_offsetof(struct shunt_probe, addr) == 32, "probe layout");
_Static_assert(sizeof(struct shunt_prober_key) == 20, "prober layout");
_Static_assert(sizeof(struct shunt_prober) == 20, "prober layout");
_Static_assert(sizeof(struct shunt_source) == 96, "source layout");
_Static_assert(__builtin_offsetof(struct shunt_source, times) == 28, "source layout");

_Static_assert(sizeof(struct shunt_trial) == 48, "trial layout");

#endif
