/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The view as JSON, for GET /api/v1/status and so for `shunt status`.
 *
 * Keys say their units; what is not known is null.  Services, the most urgent first:
 *	name, role
 *	activity	busy, idle; gone: no listener any more
 *	state		healthy at_risk flapping failing wedged checker_fault
 *	since		when it came into that state, RFC 3339; since_seconds: how long ago
 *	reason		in words; null of a healthy one
 *	flap_score	0 to 1
 *	breaker		null where none is; state (closed open half_open), mode (off shadow
 *			enforce), since and until (RFC 3339), until_seconds, of the last
 *			decision reason (in words), path (of the key), guards_asked,
 *			guards_refused (names), blocked_by (the guard, if a trip was
 *			refused), and not_carried_out (why an enforced verdict is not)
 *	handshakes	{"ok": 12, "refused": 0, …}
 *	closes		{"orderly": 12, "reset_by_peer": 0, …}
 *	connections_active, retransmits, resets_sent, resets_received,
 *			zero_windows, accept_queue_length, accept_queue_limit
 *	recent		window_seconds, handshakes_per_second,
 *			failures_per_second, handshake_p50_seconds, …_p95_…, …_p99_…
 *	histograms	see status_histograms.h
 * changes: the last 64 of all services, the newest first, each with id, time, service,
 *	role, kind (health, breaker), was, is, reason;
 * and beside them version, kernel, listen, uptime_seconds, config_hash (hex),
 * tick_late_seconds, events_lost, bpf_runs_missed, signals {"rtt": true, …},
 * bpf_errors [{site, errno, count}] (those that happened).
 */
#ifndef SHUNT_STATUS_H
#define SHUNT_STATUS_H

#include "serve/buffer.h"
#include "serve/view.h"

/* Appends one JSON object and a newline.  Returns 0 or -ENOMEM. */
int status_encode(const struct view *view, struct buffer *out);

#endif
