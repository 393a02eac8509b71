#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Handshakes whose first packets are lost: the duration begins with the first try, at both ends.
. "$(dirname "$0")/lib.sh"

namespace client server
wire client server
observe outbound client <<'CONFIG'
services:
  - {name: lost-syn, outbound: ["10.203.0.2:8001"]}
  - {name: lost-syn-ack, outbound: ["10.203.0.2:8002"]}
  - {name: lost-all, outbound: ["10.203.0.66:8003"]}
CONFIG
observe inbound server <<'CONFIG'
services:
  - {name: lost-syn, inbound: ["*:8001"]}
  - {name: lost-syn-ack, inbound: ["*:8002"]}
CONFIG
server echo server --listen 10.203.0.2 --port 8001 --port 8002
mac_client=$(ip -n "shunt-$$-client" -j link show eth0 | jq -r '.[0].address')
mac_server=$(ip -n "shunt-$$-server" -j link show eth0 | jq -r '.[0].address')

# reach NAMESPACE ADDRESS MAC: where packets for the address go
reach() {
	ip -n "shunt-$$-$1" neigh replace "$2" lladdr "$3" dev eth0 nud permanent
}

# has_syn NAMESPACE STATE: a handshake is under way there
has_syn() {
	[ -n "$(inside "$1" ss -Htn state "$2")" ]
}

# once_lost NAME PORT NAMESPACE ADDRESS MAC STATE: connects while packets of NAMESPACE to ADDRESS are lost
once_lost() {
	reach "$3" "$4" 02:00:00:00:00:99
	spawn "$1" client "$tools/client" --to 10.203.0.2 --port "$2" --rounds 0 --durations "$scratch/$1"
	eventually has_syn "$3" "$6" || give_up "$1: no handshake under way"
	reach "$3" "$4" "$5"
	finished "$1"
	equal "$1: the connection is made in the end" ok=1 "$(nonzero "$(cat "$scratch/$1.out")")"
}

# lasted NAME DAEMON ROLE: the sum of the one handshake there, as of the last scrape
lasted() {
	value "$2" shunt_tcp_handshake_duration_seconds_sum "service=\"$1\",role=\"$3\""
}
retransmits() {
	value "$2" shunt_tcp_retransmits_total "service=\"$1\",role=\"$3\""
}

# waited NAME: what the client measured; the kernel keeps the time of its first try in milliseconds
waited() {
	awk '{ printf "%.9f\n", $1 / 1e9 + 0.001 }' "$scratch/$1"
}

# The kernel tries again after a second.
once_lost lost-syn 8001 client 10.203.0.2 "$mac_server" syn-sent
took=$(waited lost-syn)
expect "lost SYN: the client has one handshake" outbound lost-syn "handshakes=1 closed=1"
within "…that lasted as long as the client waited" 0.99 "$(lasted lost-syn outbound client)" "$took"
within "…with a segment sent again" 1 "$(retransmits lost-syn outbound client)" 3
expect "lost SYN: the server has one handshake" inbound lost-syn "handshakes=1 closed=1"
within "…that knows nothing of what never came" 0.000001 "$(lasted lost-syn inbound server)" 0.9
equal "…and sent nothing again" 0 "$(retransmits lost-syn inbound server)"

once_lost lost-syn-ack 8002 server 10.203.0.1 "$mac_client" syn-recv
took=$(waited lost-syn-ack)
expect "lost SYN-ACK: the client has one handshake" outbound lost-syn-ack "handshakes=1 closed=1"
within "…that lasted as long as the client waited" 0.99 "$(lasted lost-syn-ack outbound client)" "$took"
expect "lost SYN-ACK: the server has one handshake" inbound lost-syn-ack "handshakes=1 closed=1"
within "…that began with its first SYN-ACK" 0.9 "$(lasted lost-syn-ack inbound server)" "$took"
within "…with a segment sent again" 1 "$(retransmits lost-syn-ack inbound server)" 3

# More handshakes that are tried again than shunt remembers beginnings of.
client client "gave_up=5000" --to 10.203.0.66 --port 8003 --rounds 0 --count 5000 --batch 5000 \
	--give-up 2500
expect "5,000 handshakes tried again and given up are counted" outbound lost-all \
	"handshakes_timed_out=5000"
within "…and so is each segment sent again" 5000 "$(retransmits lost-all outbound client)" 20000
expect_sound outbound
expect_sound inbound
