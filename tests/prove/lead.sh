# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Lead: a server is killed under 100 connections/s, again and again; how long after the first failed
# connection, by the load's log, shunt says so, and how long before HAProxy acts. To be sourced after
# haproxy.sh and checks.sh.

lead_inter=2
lead_ground() {
	namespace backend
	cable balancer 10.211.0
	cable clients 10.212.0
	crowd clients 10.212.0 10.213
	backend one backend 8001
	observe_timed shunt backend <<-CONFIG
		services:
		  - {name: one, inbound: ["*:8001"], health_check: {model: haproxy, interval: ${lead_inter}s, fall: 3, rise: 2}}
	CONFIG
	balance one_lb balancer 9001 "inter ${lead_inter}s fall 3 rise 2" one=10.211.0.2:8001 \
		<<<"	option httpchk GET /healthz"
	load one_load clients 10.212.0.2 8001 100 --random 1 --from 10.213.0.1 --spread 65000
	eventually has_said shunt "one: checked by " || give_up "no checker found"
}

# first_failure SINCE: when the load's first connection failed
first_failure() {
	awk -v since="$1" '$3 != "good" && NF == 3 && $2 + 0 >= since + 0 { print $2; exit }' \
		"$scratch/one_load.out"
}

# one_kill: prints ms from the first failed connection to at_risk and to failing, and s from failing to
# DOWN; `-` for what did not come, or came too late
one_kill() {
	local at down
	# A moment of its own in HAProxy's rhythm.
	sleep "$((RANDOM % lead_inter)).$((RANDOM % 1000 + 1000))"
	at=$(now_ms)
	echo refuse >"$scratch/one.control"
	eventually marked_down one_lb one || give_up "HAProxy does not notice"
	down=$(verdicts one_lb one | tail -n 1 | cut -d ' ' -f 1)
	echo good >"$scratch/one.control"
	echo "$(first_failure "$at") $(became shunt one at_risk "$at") $(became shunt one failing "$at") $down" |
		awk 'NF < 4 { print "- - -"; next } { printf "%.0f %.0f %.3f\n", $2 - $1, $3 - $1, ($4 - $3) / 1000 }'
	eventually marked_up one_lb one || give_up "HAProxy does not notice"
	PATIENCE=200 eventually is_in shunt one healthy || give_up "one: not healthy again"
}

# lead RUNS: a line for each in $scratch/lead
lead() {
	local run
	lead_ground
	RANDOM=4
	for ((run = 0; run < $1; run++)); do
		one_kill
	done >"$scratch/lead"
}
