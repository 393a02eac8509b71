#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon, which has no privileges by then, carries connections of a service that was tripped by hand to
# its redirect_to, on this host and on another one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"
. "$(dirname "$0")/carried.sh"

readonly port=7000
carried_ground
echo_server primary far p :: $port
echo_server here far h :: 7001
echo_server there back t :: 7001

# ordered WORD...: an order to the daemon
ordered() {
	inside far "$SHUNT" "$@" -c "$scratch/shunt.yaml" --why test >"$scratch/said" 2>&1
}
# comes_to LETTER ADDRESS: whether a new connection does
comes_to() {
	[ "$(moves near "$2" --count 1 --bytes 1000)" = "right=1 $1=1" ]
}

# stands_in LETTER ADDRESS REDIRECT_TO
stands_in() {
	observe shunt far <<-CONFIG
		interfaces: [eth0, eth1]
		state_dir: $scratch/state
		services:
		  - {name: one, inbound: ["*:$port"], breaker: {mode: enforce, action: redirect, redirect_to: "$3"}}
		  - {name: two, inbound: ["*:7002"]}
	CONFIG
	holds "$3: closed: connections come to the service" comes_to p "$2"
	holds "$3: a trip by hand" ordered trip one --for 1m
	holds "$3: …and they come to the standby" eventually comes_to "$1" "$2"
	spawn flows near "$tools/transfer" --address "$2" --port $port --count 50 --bytes 40000 --chunk 1000 --every 50
	eventually printed flows begun || give_up "no flows"
	holds "$3: a reset" ordered reset one
	holds "$3: …and they come to the service" eventually comes_to p "$2"
	finished flows
	equal "$3: flows of the trip end where they began" "right=50 $1=50" "$(nonzero "$(grep '=' "$scratch/flows.out")")"
	scrape shunt
	within "$3: counted as redirected" 51 \
		"$(value shunt shunt_verdict_connections_total 'service="one",role="server",verdict="redirect"')" 60
	stop shunt
}

stands_in h 10.203.0.2 10.203.0.2:7001
stands_in h fd00:203::2 "[fd00:203::2]:7001"
stands_in t 10.203.0.2 $standby4:7001
stands_in t fd00:203::2 "[$standby6]:7001"

# ---- where it cannot be --------------------------------------------------------------------------

observe shunt far <<-CONFIG
	interfaces: [eth0]
	state_dir: $scratch/state
	guards: {max_open: 2, max_open_share: 1}
	services:
	  - {name: one, inbound: ["*:$port"], breaker: {mode: enforce, action: redirect, redirect_to: "192.0.2.1:7001"}}
	  - {name: two, inbound: ["*:7002"], breaker: {mode: enforce, action: redirect, redirect_to: "192.0.2.1:7001"}}
	  - {name: three, inbound: ["*:7003"]}
	  - {name: four, inbound: ["*:7004"]}
CONFIG
for name in one two; do
	holds "$name: no way there: said at once" has_logged shunt "$name: redirect_to: Network is unreachable"
	holds "$name: a trip by hand" ordered trip "$name" --for 1m
	holds "$name: …is said to come to nothing" eventually \
		has_logged shunt "$name: the verdict \`redirect\` cannot be carried out: Network is unreachable"
done
holds "…connections pass" comes_to p 10.203.0.2
# times NAME: how often that was said
times() {
	grep -c "$1: the verdict \`redirect\` cannot be carried out" "$scratch/shunt.log"
}
sleep 0.5
equal "…which is said once" "1 1" "$(times one) $(times two)"
holds "a reset, and another trip" ordered reset one
ordered trip one --for 1m
again() {
	[ "$(times one)" = 2 ]
}
holds "…which is said again" eventually again
stop shunt
