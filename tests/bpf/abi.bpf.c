/* SPDX-License-Identifier: GPL-2.0 */
/* What both sides share, as BPF's compiler and the kernel's machine have it. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "shunt/abi.h"
#include "shunt/verdict.h"

char LICENSE[] SEC("license") = "GPL";

/* One of each type, so that BTF tells how it is laid out. */
struct shunt_histogram histogram;
struct shunt_counters counters;
struct shunt_shard shard;
struct shunt_buckets buckets;
struct shunt_cell cell;
struct shunt_conn conn;
struct shunt_conn_set conn_set;
struct shunt_endpoint endpoint;
struct shunt_prefix prefix;
struct shunt_event event;
struct shunt_queue queue;
struct shunt_probe probe;
struct shunt_prober_key prober_key;
struct shunt_prober prober;
struct shunt_source source;
struct shunt_source_set source_set;
struct shunt_trial trial;
struct shunt_ruling ruling;
struct shunt_verdict_counts verdict_counts;
struct shunt_target target;
struct shunt_listener listener;
struct shunt_ends ends;
struct shunt_lead lead;
struct shunt_way way;
struct shunt_flow flow;
struct shunt_interface interface;
enum shunt_role role;
enum shunt_handshake handshake;
enum shunt_close close;
enum shunt_signal signal;
enum shunt_slot slot;
enum shunt_site site;
enum shunt_port port;
enum shunt_event_type event_type;
enum shunt_conn_flag conn_flag;
enum shunt_probe_outcome probe_outcome;
enum shunt_watch watch;
enum shunt_verdict verdict;
enum shunt_ruling_flag ruling_flag;
enum shunt_unjudged unjudged;
enum shunt_flow_state flow_state;
enum shunt_flow_end flow_end;

/* The histogram's arithmetic, a value a run. */
SEC("syscall")
int bucket_of(const __u64 *ns)
{
	return (int)shunt_bucket(*ns);
}
