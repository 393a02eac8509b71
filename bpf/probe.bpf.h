/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Health checks: who may be a checker, and how each check of a known one ended.
 *
 * Load balancers check from the addresses that their traffic comes from, too.  So a
 * source is told by its address and by how many bytes it says, which for one kind of
 * check is always the same.  When sources come is kept here, whether that is a rhythm the
 * daemon decides.
 */
#ifndef SHUNT_BPF_PROBE_H
#define SHUNT_BPF_PROBE_H

#include "exchange.bpf.h"
#include "outcome.bpf.h"
#include "prober.bpf.h"

/* A set of enum shunt_watch for each slot, kept by the daemon. */
__u8 shunt_watches[SHUNT_SLOTS_MAX];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SHUNT_SOURCE_SETS);
	__type(key, __u32);
	__type(value, struct shunt_source_set);
} shunt_sources SEC(".maps");

/* Where something was noted since the daemon looked: 1 for each such part of the table. */
__u8 shunt_noted[SHUNT_SOURCE_PARTS];

/* A checker says less, and a connection on which more is said is not noted. */
#define SOURCE_SIZE_MAX 4096

/* The slot of an entry that is being filled in; no service has it. */
#define SOURCE_CLAIMED 0xffffffff

/* A source that was seen once may be replaced by another, a busier one after this: 80 s. */
#define SOURCE_STALE (80ULL * 1000000000 >> SHUNT_SOURCE_UNIT_LOG2)

static __always_inline __u8 watches_of(__u32 slot)
{
	barrier_var(slot);
	return shunt_watches[slot % SHUNT_SLOTS_MAX];
}

/* What is known of a prober, or NULL where it is none of this service. */
static __always_inline struct shunt_prober *find_prober(__u32 slot, const __u8 addr[16])
{
	struct shunt_prober_key key = {.slot = slot};

	if (!(watches_of(slot) & SHUNT_WATCH_PROBERS))
		return NULL;
	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&shunt_probers, &key);
}

static __always_inline bool is_of_size(const struct shunt_prober *prober, __u32 size)
{
	bool found = false;

	for (__u32 i = 0; i < SHUNT_PROBER_SIZES; i++)
		found |= i < prober->count && prober->sizes[i] == size;
	return found;
}

static __always_inline bool same_address(const __u8 *one, const __u8 *other)
{
	const __u64 *a = (const __u64 *)one, *b = (const __u64 *)other;

	return a[0] == b[0] && a[1] == b[1];
}

static __always_inline __u32 source_set(__u32 slot, const __u8 addr[16], __u32 size)
{
	const __u64 *words = (const __u64 *)addr;
	__u64 mix = (words[0] ^ (words[1] + ((__u64)size << 32 | slot))) * 0x9e3779b97f4a7c15ULL;

	mix ^= mix >> 32;
	return mix * 0x9e3779b97f4a7c15ULL >> (64 - SHUNT_SOURCE_SETS_LOG2);
}

/* Another one that came with the last; a crowd writes no more until the next is noted. */
static __always_inline void note_near(struct shunt_source *source, __u32 last)
{
	if (source->near >= SHUNT_SOURCE_CROWD)
		return;
	if (++source->near == SHUNT_SOURCE_CROWD)
		source->crowded |= 1 << last;
}

/* Adds a time, unless the last one is so near that it is no check's. */
static __always_inline void note_time(struct shunt_source *source, __u32 now, __u8 *noted)
{
	__u32 count = source->count, last = (count - 1) % SHUNT_SOURCE_TIMES, next;

	if (now - source->times[last] < SHUNT_SOURCE_UNITS_LEAST) {
		note_near(source, last);
		return;
	}
	next = __sync_fetch_and_add(&source->count, 1) % SHUNT_SOURCE_TIMES;
	source->times[next] = now;
	source->near = 0;
	source->crowded &= ~(1 << next);
	*noted = 1;
}

/* How gladly an entry is given away: the higher the sooner; 0 is not at all. */
static __always_inline __u32 source_worth(const struct shunt_source *source, __u32 now)
{
	__u32 age = now - source->times[(source->count - 1) % SHUNT_SOURCE_TIMES];

	if (!source->slot)
		return 0xffffffff;
	if (source->slot == SOURCE_CLAIMED)
		return 0;
	return source->count == 1 || age > SOURCE_STALE ? age : 0;
}

static __always_inline void fill_source(struct shunt_source *source, __u32 slot,
					const __u8 addr[16], __u32 size, __u32 now)
{
	__u32 was = source->slot;

	if (was == SOURCE_CLAIMED ||
	    __sync_val_compare_and_swap(&source->slot, was, SOURCE_CLAIMED) != was)
		return;
	__builtin_memcpy(source->addr, addr, sizeof(source->addr));
	source->size = size;
	source->times[0] = now;
	source->near = 0;
	source->crowded = 0;
	source->count = 1;
	source->slot = slot;
}

/*
 * Somebody came to a service, said `size` bytes and went.  Global, so that the verifier
 * looks at it once and not at every place from which it is called.
 */
__noinline int note_source(__u32 slot, const struct shunt_endpoint *remote, __u32 size, __u64 at)
{
	__u32 worth = 0, now = at >> SHUNT_SOURCE_UNIT_LOG2, index;
	struct shunt_source *given = NULL;
	struct shunt_source_set *set;

	if (!remote)
		return 0;
	index = source_set(slot, remote->addr, size);
	set = bpf_map_lookup_elem(&shunt_sources, &index);
	if (!set)
		return 0;
	for (int i = 0; i < SHUNT_SOURCE_WAYS; i++) {
		struct shunt_source *source = &set->ways[i];
		__u32 this_worth;

		if (source->slot == slot && source->size == size &&
		    same_address(source->addr, remote->addr)) {
			note_time(source, now,
				  &shunt_noted[index % SHUNT_SOURCE_SETS >>
					       (SHUNT_SOURCE_SETS_LOG2 - SHUNT_SOURCE_PARTS_LOG2)]);
			return 0;
		}
		this_worth = source_worth(source, now);
		if (this_worth > worth) {
			worth = this_worth;
			given = source;
		}
	}
	if (given)
		fill_source(given, slot, remote->addr, size, now);
	return 0;
}

/* ---- the answer's status ------------------------------------------------------------------- */

/* A connection as a packet of it tells. */
struct suspect {
	__u8 remote[16];
	__u16 remote_port;
	__u16 local_port;
};

/*
 * Open connections from the addresses of known probers, and the HTTP status that was
 * sent on them.  An evicted one costs a check its status, which tells nothing then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct suspect);
	__type(value, __u32); /* 0: none yet */
} shunt_suspects SEC(".maps");

/* Set by the daemon where shunt_answer hangs on packets. */
__u8 shunt_answers;

static __always_inline void suspect_of(const struct sock *sk, struct suspect *ret_suspect)
{
	struct shunt_endpoint remote = {};

	remote_endpoint(&sk->__sk_common, &remote);
	__builtin_memcpy(ret_suspect->remote, remote.addr, sizeof(ret_suspect->remote));
	ret_suspect->remote_port = remote.port;
	ret_suspect->local_port = local_port(sk);
}

static __always_inline void suspect_add(const struct sock *sk)
{
	struct suspect suspect = {};
	__u32 none = 0;

	if (!shunt_answers)
		return;
	suspect_of(sk, &suspect);
	if (!bpf_map_update_elem(&shunt_suspects, &suspect, &none, BPF_ANY))
		__sync_fetch_and_add(&shunt_suspected, 1);
}

/* Forgets a connection; its status, or 0. */
static __always_inline __u32 suspect_take(const struct sock *sk)
{
	struct suspect suspect = {};
	__u32 *found, status;

	if (!shunt_answers)
		return 0;
	__sync_fetch_and_sub(&shunt_suspected, 1);
	suspect_of(sk, &suspect);
	found = bpf_map_lookup_elem(&shunt_suspects, &suspect);
	if (!found)
		return 0;
	status = *found;
	bpf_map_delete_elem(&shunt_suspects, &suspect);
	return status;
}

/* The status of "HTTP/1.1 200", or 0 (RFC 9112, 4). */
static __always_inline __u32 http_status(const char line[12])
{
	__u32 status = 0;

	if (line[0] != 'H' || line[1] != 'T' || line[2] != 'T' || line[3] != 'P' ||
	    line[4] != '/' || line[5] != '1' || line[6] != '.' || line[8] != ' ')
		return 0;
	for (int i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		status = status * 10 + (line[i] - '0');
	}
	return status;
}

#define IPV4_HEADER_LEAST 20
#define IPV6_HEADER	  40
#define TCP_OFFSET_AT	  12

/* Where the data of a TCP packet begins, or a negative number. */
static __always_inline long packet_data(struct __sk_buff *skb)
{
	long tcp_at = IPV6_HEADER;
	__u8 byte;

	if (skb->family == AF_INET) {
		if (bpf_skb_load_bytes(skb, 0, &byte, 1))
			return -1;
		tcp_at = (byte & 15) * 4;
	}
	if (bpf_skb_load_bytes(skb, tcp_at + TCP_OFFSET_AT, &byte, 1))
		return -1;
	return tcp_at + (byte >> 4) * 4;
}

static __always_inline void packet_suspect(const struct __sk_buff *skb, struct suspect *ret_suspect)
{
	if (skb->family == AF_INET) {
		map_ipv4(ret_suspect->remote, skb->remote_ip4);
	} else {
		__be32 *words = (__be32 *)ret_suspect->remote;

		words[0] = skb->remote_ip6[0];
		words[1] = skb->remote_ip6[1];
		words[2] = skb->remote_ip6[2];
		words[3] = skb->remote_ip6[3];
	}
	ret_suspect->remote_port = bpf_ntohl(skb->remote_port);
	ret_suspect->local_port = skb->local_port;
}

/* Every packet that leaves; only those of a known prober's connections are read. */
SEC("cgroup_skb/egress")
int shunt_answer(struct __sk_buff *skb)
{
	struct suspect suspect = {};
	__u32 *status;
	char line[12];
	long at;

	if (shunt_suspected <= 0)
		return 1;
	packet_suspect(skb, &suspect);
	status = bpf_map_lookup_elem(&shunt_suspects, &suspect);
	if (!status || *status)
		return 1;
	at = packet_data(skb);
	if (at > 0 && !bpf_skb_load_bytes(skb, at, line, sizeof(line)))
		*status = http_status(line);
	return 1;
}

/* ---- checks that end ----------------------------------------------------------------------- */

static __always_inline void tell_probe(struct shunt_probe *probe)
{
	probe->type = SHUNT_EVENT_PROBE;
	if (bpf_ringbuf_output(&shunt_events, probe, sizeof(*probe), 0))
		__sync_fetch_and_add(&shunt_events_lost, 1);
}

/* The bytes that the peer said; bytes_received counts its FIN as one. */
static __always_inline __u32 size_said(const struct sock *sk, const struct tcp_sock *tcp)
{
	return tcp->bytes_received - is_finished(sk);
}

/*
 * Whether the client held the handshake's last ACK back, as HAProxy's kernel does until it
 * is told to send something, but not for ever (TCP_DELACK_MIN, 40 ms, give or take a jiffy):
 * it has not looked at its connection yet.
 */
#define HELD_BACK_USEC 35000

static __always_inline bool is_held_back(const struct tcp_sock *tcp)
{
	return tcp->srtt_us >> 3 >= HELD_BACK_USEC;
}

/*
 * The service has reset a connection of a prober before that said anything: one that would
 * have, or one that only wants to connect and does not yet know that it did.
 */
static __always_inline bool is_cut(const struct sock *sk, const struct tcp_sock *tcp, int oldstate,
				   const struct shunt_prober *prober, __u32 size)
{
	return !size && !tcp->bytes_sent && sends_reset(sk, oldstate) &&
	       (is_held_back(tcp) || !is_of_size(prober, 0));
}

/* How a check on a connection of its own ended, as the checker sees it. */
static __always_inline __u8 probe_outcome(const struct sock *sk, const struct tcp_sock *tcp,
					  int oldstate, __u32 size, __u32 status)
{
	if (status)
		return status >= 200 && status < 400 ? SHUNT_PROBE_PASS : SHUNT_PROBE_HTTP_ERROR;
	/* It only wanted to connect; or the answer is none of HTTP's. */
	if (!size || tcp->bytes_sent)
		return SHUNT_PROBE_PASS;
	if (sk->sk_err == ETIMEDOUT)
		return SHUNT_PROBE_TIMED_OUT;
	return sends_reset(sk, oldstate) ? SHUNT_PROBE_RESET : SHUNT_PROBE_NO_RESPONSE;
}

/*
 * A connection from a prober's address, or from anyone who may turn out to be one, ends.
 * Whether it was a check.
 */
static __noinline bool end_probe(const struct sock *sk, const struct tcp_sock *tcp,
				 const struct shunt_conn *conn, int oldstate)
{
	struct shunt_probe probe = {.slot = conn->slot, .at = conn->established};
	struct shunt_endpoint remote = {};
	struct shunt_prober *prober;
	__u32 status = 0;
	bool cut;

	if (conn->flags & SHUNT_CONN_PROBER)
		status = suspect_take(sk);
	if (!conn->established)
		return false;
	probe.size = size_said(sk, tcp);
	remote_endpoint(&sk->__sk_common, &remote);
	prober = find_prober(conn->slot, remote.addr);
	cut = prober && is_cut(sk, tcp, oldstate, prober, probe.size);
	if (!cut && !(prober && is_of_size(prober, probe.size))) {
		if (probe.size <= SOURCE_SIZE_MAX)
			note_source(conn->slot, &remote, probe.size, conn->established);
		return false;
	}
	__builtin_memcpy(probe.addr, remote.addr, sizeof(probe.addr));
	probe.duration = bpf_ktime_get_ns() - conn->established;
	probe.status = status;
	probe.outcome = cut ? SHUNT_PROBE_RESET
			    : probe_outcome(sk, tcp, oldstate, probe.size, status);
	tell_probe(&probe);
	return true;
}

/* What a new connection to a service is to be taken for: flags of shunt_conn. */
static __noinline __u8 begin_probe(const struct sock *sk, __u32 slot)
{
	struct shunt_endpoint remote = {};

	remote_endpoint(&sk->__sk_common, &remote);
	if (!find_prober(slot, remote.addr))
		return 0;
	suspect_add(sk);
	return SHUNT_CONN_PROBER;
}

/* A check without a connection: how much it said and `outcome` are known from a packet alone. */
static __noinline void end_packet_probe(__u32 slot, const struct shunt_endpoint *remote, __u32 size,
					enum shunt_probe_outcome outcome)
{
	struct shunt_probe probe = {
		.slot = slot,
		.at = bpf_ktime_get_ns(),
		.size = size,
		.outcome = outcome,
	};
	struct shunt_prober *prober;

	if (!watches_of(slot))
		return;
	prober = find_prober(slot, remote->addr);
	/* Who gets no answer does not come to say anything: a refused check is of any size. */
	if (!prober || (outcome != SHUNT_PROBE_REFUSED && !is_of_size(prober, size))) {
		if (outcome == SHUNT_PROBE_PASS)
			note_source(slot, remote, 0, probe.at);
		return;
	}
	__builtin_memcpy(probe.addr, remote->addr, sizeof(probe.addr));
	tell_probe(&probe);
}

#endif
