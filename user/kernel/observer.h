/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The BPF programs that observe: loaded, attached, read.
 *
 * Nothing here logs, but libbpf's verifier complaints pass through log_error().
 * Everything but observer_open() and observer_attach() works without privileges.
 */
#ifndef SHUNT_KERNEL_OBSERVER_H
#define SHUNT_KERNEL_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/signal.h"
#include "shunt/abi.h"

/* Keys by which services are found, of each kind. */
#define OBSERVER_ENDPOINTS 16384

/* Connections that can be followed beside those in the table, whose sets are full. */
#define OBSERVER_OVERFLOW 131072

/* How the maps are sized. */
struct observer_limits {
	uint32_t slots; /* services, and the slots that always exist */
	bool answers; /* whether the answers to health checks are to be read, see docs/probes.md */
};

struct observer;

/*
 * Opens and loads the programs, without attaching them.  A hook that the kernel
 * lacks leaves out its own program alone.  Returns 0 and an observer to close
 * with observer_close(), or a negative errno: -EPERM without CAP_BPF, CAP_PERFMON
 * and CAP_NET_ADMIN, -ENOENT on a kernel without BTF or without the one
 * tracepoint that all else stands on, -ENOMEM …
 */
int observer_open(const struct observer_limits *limits, struct observer **ret_observer);

/* Sizes the maps of opened programs; for observer_open() and for who foretells it. */
struct observe_bpf;
int observer_size_maps(struct observe_bpf *bpf, const struct observer_limits *limits);

/* Attaches the programs; observation begins.  0 or a negative errno. */
int observer_attach(struct observer *observer);

/* Detaches and frees; NULL is fine. */
void observer_close(struct observer *observer);

/* Whether a signal's program is loaded. */
bool observer_has(const struct observer *observer, enum signal_id id);

/* The slot's cell, summed over the CPUs; all zero for a slot out of range. */
void observer_read(const struct observer *observer, uint32_t slot, struct shunt_cell *ret_cell);

/* As observer_read(), but only what precedes the histograms: cheap. */
void observer_read_counters(const struct observer *observer, uint32_t slot,
			    struct shunt_cell *ret_cell);

/*
 * A number that is another one once a handshake, a close or a response of the slot was
 * counted: their sum.  Cheaper still, for what costs is to touch memory.
 */
uint64_t observer_activity(const struct observer *observer, uint32_t slot);

/* Zeroes the slot's cells.  Only for a slot that no connection and no key refers to. */
void observer_clear(struct observer *observer, uint32_t slot);

/* Adds or replaces what a slot is found by.  0 or a negative errno (-E2BIG: full). */
int observer_set_inbound(struct observer *observer, const struct shunt_endpoint *key,
			 uint32_t slot);
int observer_set_outbound(struct observer *observer, const struct shunt_endpoint *key,
			  uint32_t slot);
int observer_set_prefix(struct observer *observer, const struct shunt_prefix *key, uint32_t slot);

/* …and removes it.  0, or a negative errno (-ENOENT: it was not there). */
int observer_unset_inbound(struct observer *observer, const struct shunt_endpoint *key);
int observer_unset_outbound(struct observer *observer, const struct shunt_endpoint *key);
int observer_unset_prefix(struct observer *observer, const struct shunt_prefix *key);

/* Says what may be found under a port: a set of enum shunt_port. */
void observer_set_port(struct observer *observer, uint16_t port, uint8_t kinds);

/* Whether events are left out: nobody discovers. */
void observer_set_quiet(struct observer *observer, bool quiet);

/* Called for each event; it is the callee's for the time of the call. */
typedef void (*observer_event_fn)(void *userdata, const struct shunt_event *event);

/* Sets who hears of events.  To be called once, before the first poll. */
int observer_on_event(struct observer *observer, observer_event_fn fn, void *userdata);

/* A file descriptor that is readable when observer_dispatch() has work. */
int observer_event_fd(const struct observer *observer);

/* Delivers the events that wait.  How many, or a negative errno. */
int observer_dispatch(struct observer *observer);

/* Tells of every listener and remote that is there now, in every namespace. */
int observer_list(struct observer *observer, observer_event_fn fn, void *userdata);

/* Follows the connections that were open before observer_attach(). */
int observer_seed(struct observer *observer);

/* Called for each listener; a negative errno ends the walk and is its result. */
typedef int (*observer_queue_fn)(void *userdata, const struct shunt_queue *queue);

/* Reads the accept queue of every listening socket, in every namespace. */
int observer_read_queues(struct observer *observer, observer_queue_fn fn, void *userdata);

/* A number that is another one once a socket of this host has begun or ceased to listen. */
uint32_t observer_listens(const struct observer *observer);

/* How often a helper failed at a site with an errno (0 to SHUNT_ERRNO_MAX - 1). */
uint64_t observer_errors(const struct observer *observer, enum shunt_site site, int error);

/* Events that found the ring buffer full. */
uint64_t observer_events_lost(const struct observer *observer);

/* Tells the programs that runs were left out, if they were: see bpf/observe.bpf.c. */
void observer_note_missed(struct observer *observer);

/*
 * Runs that the kernel left out because the same program was already running on
 * that CPU (an interrupt amid a system call).  What they would have counted is made up
 * for as far as another program can tell.
 */
uint64_t observer_runs_missed(const struct observer *observer);

/* Requests of a slot's open connections that have had no response yet. */
struct observer_waiting {
	uint32_t count;
	uint64_t oldest; /* ns: for how long the oldest of them has waited; 0: there is none */
};

/*
 * Counts in `waiting[slot]`, for each of so many slots, the requests that have waited for
 * `age` ns or longer at `now` (ns, CLOCK_MONOTONIC).  It walks over the whole table, which
 * takes about half a millisecond: not for every tick.  The few connections beside the
 * table, whose sets are full, are left out, and so are health checks.  0, or a negative errno and
 * nothing has changed.
 */
int observer_waiting(const struct observer *observer, uint64_t now, uint64_t age,
		     struct observer_waiting *waiting, uint32_t slots);

/* The name of an error site, as in shunt_bpf_errors_total{site}. */
const char *observer_site_name(enum shunt_site site);

/* ---- health checks, user/kernel/probes.c ---- */

/* Hears of a health check of a known prober that has ended. */
typedef void (*observer_probe_fn)(void *userdata, const struct shunt_probe *probe);

/* Who hears of checks, with the userdata of observer_on_event(), after which it is called. */
void observer_on_probe(struct observer *observer, observer_probe_fn fn);

/* Says what the programs are to do about a slot's sources: a set of enum shunt_watch. */
void observer_watch(struct observer *observer, uint32_t slot, uint8_t watches);

/* Adds or replaces what is known of a prober.  0 or a negative errno (-E2BIG: full). */
int observer_set_prober(struct observer *observer, const struct shunt_prober_key *key,
			const struct shunt_prober *prober);

/* …and forgets it.  0, or a negative errno (-ENOENT: it was not there). */
int observer_unset_prober(struct observer *observer, const struct shunt_prober_key *key);

/*
 * Calls `fn` for each source, with its place in the table, in those parts of the table in
 * which a source came again since the last call, or in `all`; the kernel adds to them
 * meanwhile.  0, what `fn` returned other than 0, at which the walk ends, or -ENOMEM.
 */
typedef int (*observer_source_fn)(void *userdata, unsigned index,
				  const struct shunt_source *source);
int observer_sources(struct observer *observer, bool all, observer_source_fn fn, void *userdata);

/* Forgets the sources of a slot that is given to another service. */
void observer_forget_sources(struct observer *observer, uint32_t slot);

/* ---- verdicts, user/kernel/trials.c ---- */

/* Descriptors of maps that a data plane shares; the observer's own. */
struct observer_maps {
	int inbound; /* what services are found by */
	int outbound;
	int prefixes;
	int probers;
};

/* They stay the observer's, for as long as it is there. */
void observer_maps(const struct observer *observer, struct observer_maps *ret_maps);

/* What a connection of a slot is a trial of. */
struct observer_trial {
	uint64_t since; /* ns: those established from then on */
	uint64_t over; /* ns: slow ones are longer; 0: none is slow */
	enum shunt_signal signal; /* …in this; the RTT is not looked at */
};

/* From now on, connections of this slot are trials; with NULL, no longer. */
void observer_try(struct observer *observer, uint32_t slot, const struct observer_trial *trial);

/*
 * How many trials of a slot ended ever, answered or closed, and how many of them were slow.
 * Attempts that came to nothing are not among them.
 */
struct observer_tried {
	uint64_t passed;
	uint64_t failed;
	uint64_t slow;
};

/* Zeros for a slot that is none. */
void observer_tried(const struct observer *observer, uint32_t slot,
		    struct observer_tried *ret_tried);

#endif
