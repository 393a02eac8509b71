#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Once it observes, the daemon may do nothing any more, and goes on counting and re-reading.
. "$(dirname "$0")/lib.sh"

namespace host
server echo host --port 8001 --port 8002

# field NAME: of the daemon's /proc/PID/status
field() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/${pid[$daemon]}/status" | tr '\t' ' '
}

# is_harmless [SET...]: what the kernel says of the daemon; these sets of capabilities are empty, too
is_harmless() {
	local set id
	for set in CapInh CapPrm CapEff CapAmb "$@"; do
		equal "$daemon: $set is empty" 0000000000000000 "$(field $set)"
	done
	for id in Uid Gid; do
		equal "$daemon: no $id is root's" "" "$(field $id | tr ' ' '\n' | grep -x 0)"
	done
	equal "$daemon: no supplementary group" "" "$(field Groups | tr -d ' ')"
	equal "$daemon: none can be gained" 1 "$(field NoNewPrivs)"
	equal "$daemon: its system calls are filtered" 2 "$(field Seccomp)"
	equal "…in each of its threads" 2 "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/${pid[$daemon]}"/task/*/status | sort -u)"
}

# goes_on: it counts, and a reload gives it another service to count
goes_on() {
	client host "ok=10 answered=10" --to 127.0.0.1 --port 8001 --count 10
	expect "$daemon: it counts" "$daemon" one "handshakes=10 closed=10"
	configure "$daemon" <<<'services: [{name: one, inbound: ["*:8001"]}, {name: two, inbound: ["*:8002"]}]'
	kill -HUP "${pid[$daemon]}"
	eventually now_is "$daemon" shunt_tcp_connections_active 'service="two",role="server"' 0
	client host "ok=10 answered=10" --to 127.0.0.1 --port 8002 --count 10
	expect "$daemon: it reloads and counts what is new" "$daemon" two "handshakes=10 closed=10"
}

# ends: by itself when asked to
ends() {
	stop "$daemon"
	equal "$daemon: SIGTERM ends it in order" 0 $?
}

daemon=root
observe root host <<<'services: [{name: one, inbound: ["*:8001"]}]'
is_harmless CapBnd
goes_on
ends

# Not root, but with the three capabilities, as a unit with AmbientCapabilities= starts it:
# without CAP_SETPCAP the bounding set stays, and without new privileges it gives nothing.
caps=+bpf,+perfmon,+net_admin
if ! setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps true \
	2>"$scratch/setpriv.log"; then
	skip "a daemon started with capabilities alone" "setpriv cannot give them here"
	exit
fi
daemon=capabilities
install -d -o 65534 "$scratch/run"
observe capabilities host setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=$caps \
	--ambient-caps=$caps -- <<CONFIG
control: $scratch/run/shunt.sock
state_dir: $scratch/run/state
services: [{name: one, inbound: ["*:8001"]}]
CONFIG
is_harmless
goes_on
ends
