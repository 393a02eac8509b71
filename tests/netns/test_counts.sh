#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Exact counts, at both ends at once, over IPv4, IPv6 and IPv4-mapped IPv6: what the client saw is
# what each counter says, and no counter says more.
. "$(dirname "$0")/lib.sh"

namespace client server
wire client server

# Ports of a family: 8nn1 answers, 8nn2 resets, 8nn3 is closed. Client: one service a family.
observe outbound client <<CONFIG
services:
  - name: ipv4
    outbound: ["10.203.0.0/24:8041", "10.203.0.0/24:8042", "10.203.0.2:8043"]
  - name: ipv6
    outbound: ["[fd00:203::/64]:8061", "[fd00:203::2]:8062", "[fd00:203::2]:8063"]
  - name: mapped
    outbound: ["10.203.0.0/24:8091", "10.203.0.2:8092", "*:8093"]
CONFIG
observe inbound server <<CONFIG
services:
  - name: ipv4
    inbound: ["10.203.0.2:8041", "*:8042", "*:8043"]
  - name: ipv6
    inbound: ["[fd00:203::2]:8061", "*:8062", "[fd00:203::2]:8063"]
  - name: mapped
    inbound: ["10.203.0.2:8091", "*:8092", "10.203.0.2:8093"]
CONFIG

server echo4 server --listen 10.203.0.2 --port 8041
server reset4 server --listen 0.0.0.0 --port 8042 --behaviour reset
server echo6 server --listen fd00:203::2 --port 8061
server reset6 server --listen :: --port 8062 --behaviour reset
# A socket for both families, as most servers have, reached over IPv4.
server echo46 server --listen :: --port 8091
server reset46 server --listen :: --port 8092 --behaviour reset

# traffic ADDRESS BLACK-HOLE PORT: the ports are PORT + 1 …
traffic() {
	client client "ok=1000 answered=1000 closed=1000" --to "$1" --port $(($3 + 1)) --count 1000 --end shutdown
	client client "refused=200" --to "$1" --port $(($3 + 3)) --count 200
	# Half of them as an application that gives up, half as the kernel does.
	client client "gave_up=10" --to "$2" --port $(($3 + 1)) --count 10 --batch 10 --give-up 200
	client client "timed_out=10" --to "$2" --port $(($3 + 1)) --count 10 --batch 10 --user-timeout 200
	client client "ok=50 cut=50" --to "$1" --port $(($3 + 2)) --count 50
	client client "ok=50 answered=50" --to "$1" --port $(($3 + 1)) --count 50 --end reset
}

traffic 10.203.0.2 10.203.0.66 8040
traffic fd00:203::2 fd00:203::66 8060
traffic ::ffff:10.203.0.2 ::ffff:10.203.0.66 8090

scrape inbound
refused="handshakes_refused=200 "
if [ "$(value inbound shunt_signal_available 'signal="refused_inbound"')" = 0 ]; then
	refused=""
	skip "what the server refused" "this kernel does not tell (before Linux 6.10)"
fi
for family in ipv4 ipv6 mapped; do
	expect "$family: the client counts exactly what was" outbound $family \
		"handshakes=1100 handshakes_refused=200 handshakes_timed_out=20 closed=1000 closed_reset_by_peer=50 closed_reset_by_local=50"
	expect "$family: the server counts exactly what was" inbound $family \
		"handshakes=1100 ${refused}closed=1000 closed_reset_by_peer=50 closed_reset_by_local=50"
	for end in outbound:client inbound:server; do
		labels="service=\"$family\",role=\"${end#*:}\""
		equal "$family: $end has a handshake duration of each success and of nothing else" 1100 \
			"$(value "${end%:*}" shunt_tcp_handshake_duration_seconds_count "$labels")"
		equal "$family: $end has the duration of each connection" 1100 \
			"$(value "${end%:*}" shunt_tcp_connection_duration_seconds_count "$labels")"
	done
done
expect_sound outbound
expect_sound inbound
