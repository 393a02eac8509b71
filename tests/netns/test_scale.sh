#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 200,000 connections as fast as wrk makes them: nothing lost, nothing leaked.
. "$(dirname "$0")/lib.sh"

port=$((20000 + $$ % 10000))
namespace host
# One client address and one server port: the more local ports, the fewer wait for an old one.
inside host sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
observe scale host <<CONFIG
services:
  - {name: web, inbound: ["*:$port"]}
  - {name: to-web, outbound: ["127.0.0.1:$port"]}
CONFIG
web nginx host $port

# rush: a few seconds of connections with a request each; wrk leaves amid its last ones
rush() {
	inside host wrk -t 1 -c 64 -d 4s -H 'Connection: close' "http://127.0.0.1:$port/" \
		>>"$scratch/wrk"
}

# resident: the daemon's memory, in KiB
resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/${pid[scale]}/status"
}

# followed: connections of the two services in the kernel's table, which is one of the programs'
# variables; their slots are the first that are free
followed() {
	local map
	for map in $(sed -n 's/^map_id:\t*//p' "/proc/${pid[scale]}"/fdinfo/* | sort -u); do
		bpftool -j map show id "$map" | grep -q '"name":"observe_.bss"' || continue
		bpftool -j map dump id "$map" |
			jq '[.[].formatted.value[".bss"][].shunt_conns? // [] | .[].ways[] |
				select(.socket != 0 and (.slot == 4 or .slot == 5))] | length'
	done
}

is_idle() {
	[ "$(followed)" = 0 ]
}

spawn few host "$tools/client" --to 127.0.0.1 --port "$port" --rounds 0 --hold --count 3 --batch 3
eventually printed few '^holding$' || give_up "the client does not start"
equal "the kernel's map holds both ends of three connections" 6 "$(followed)"
stop few USR1

# The first rush takes what memory is kept for good.
rush
eventually is_idle
scrape scale
before=$(resident)
for _ in 1 2 3 4 5 6 7 8 9; do
	rush
	total=$(accepted host $port)
	[ "$total" -lt 200000 ] || break
done

within "wrk makes 200,000 connections" 200000 "$total" 10000000
made() {
	scrape scale
	[ "$(value scale shunt_tcp_handshakes_total "$1,error_type=\"\"")" = "$total" ] &&
		[ "$(value scale shunt_tcp_connections_active "$1")" = 0 ]
}
for end in web:server to-web:client; do
	labels="service=\"${end%:*}\",role=\"${end#*:}\""
	holds "${end#*:}: shunt has counted as many as nginx, and none is open" eventually made "$labels"
	equal "${end#*:}: each has a handshake duration" "$total" \
		"$(value scale shunt_tcp_handshake_duration_seconds_count "$labels")"
	equal "${end#*:}: each has a duration" "$total" \
		"$(value scale shunt_tcp_connection_duration_seconds_count "$labels")"
done
holds "the kernel's map of connections is empty again" eventually is_idle
within "the daemon's memory is what it was, in KiB ($before)" 0 "$(resident)" $((before + 256))
expect_sound scale
