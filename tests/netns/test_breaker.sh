#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Verdicts on new connections, over a cable and over loopback: what clients see, what becomes of
# connections that were there before, and what is left once the holder of a verdict is stuck or gone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"

readonly port=7000

verdict_ground
server echo far --listen :: --port $port --behaviour echo

# ---- verdicts -----------------------------------------------------------------------------------

holder reject --interface eth0 --local --verdict reject
holds "veth has native XDP" printed reject '^eth0 native$'
equal "no verdict: connections pass" "ok=20 answered=20" "$(sees near "${both[@]}")"

begin_flows 300
says reject USR1 tripped
equal "reject: connections are refused, IPv4 and IPv6" "refused=20" "$(sees near "${both[@]}")"
holds "…while flows that were there stay" under_way
equal "…over loopback, too" "refused=20" "$(sees far --to 127.0.0.1 --to ::1)"
equal "…and to this host's own address" "refused=20" "$(sees far "${both[@]}")"
says reject USR2 reset
equal "reset: connections pass" "ok=20 answered=20" "$(sees near "${both[@]}")"
says reject USR1 tripped
equal "…and the second trip is as the first" "refused=20" "$(sees near "${both[@]}")"
says reject USR2 reset
finished flow
equal "flows that were there moved all their data" "ok=4 answered=4" "$(nonzero "$(cat "$scratch/flow.out")")"
equal "each refusal was counted" "reject=80" "$(counts reject)"

holder drop --interface eth0 --verdict drop
says drop USR1 tripped
equal "drop: connections vanish" "gave_up=20" "$(sees near "${both[@]}")"
equal "…but not those of local clients, which it was not attached to" "ok=20 answered=20" "$(sees far --to 127.0.0.1)"
stop drop >/dev/null

holder shadow --interface eth0 --local --shadow
says shadow USR1 tripped
equal "shadow: connections pass" "ok=20 answered=20" "$(sees near "${both[@]}")"
equal "…over loopback, too" "ok=20 answered=20" "$(sees far --to 127.0.0.1)"
equal "…and are counted" "shadow_reject=40" "$(counts shadow)"

holder drain --interface eth0 --verdict drain --prober 10.203.0.1
says drain USR1 tripped
equal "drain: probers are refused" "refused=20" "$(sees near --to 10.203.0.2)"
equal "…and nobody else" "ok=20 answered=20" "$(sees near --to fd00:203::2)"
equal "…counted as such" "pass=20 drain=20" "$(counts drain)"

# ---- the end of the holder ----------------------------------------------------------------------

holder stuck --interface eth0 --lease 400
says stuck USR1 tripped
equal "refused while the lease is renewed" "refused=20" "$(sees near "${both[@]}")"
kill -STOP "${pid[stuck]}"
holds "the holder is stopped: once its lease is over, connections pass" eventually passes
kill -CONT "${pid[stuck]}"
stop stuck >/dev/null

# A lease that no test outlives.
holder killed --interface eth0 --local --lease 3600000
says killed USR1 tripped
equal "refused on a long lease" "refused=20" "$(sees near "${both[@]}")"
{ stop killed KILL; } 2>"$scratch/said"
holds "the holder is killed: connections pass" eventually passes
equal "…and nothing is attached" "" "$(inside far ip -o link show dev eth0 | grep -o 'xdp[a-z]*')"

# ---- others' programs ---------------------------------------------------------------------------

# refusal: what a holder says that finds the interface taken
refusal() {
	inside far "$tools/holder" --port $port --interface "$1" >"$scratch/said" 2>"$scratch/refusal"
	cat "$scratch/refusal"
}
# theirs: the program on the interface
theirs() {
	inside far ip -o link show dev eth0 | grep -o 'prog/xdp.* id [0-9]*'
}

for mode in xdpdrv xdpgeneric; do
	foreign far $mode
	before=$(theirs)
	equal "another's program ($mode): refused" "holder: eth0: Device or resource busy" "$(refusal eth0)"
	equal "…and left alone" "$before" "$(theirs)"
	inside far ip link set dev eth0 $mode off
done
equal "no such interface" "holder: eth7: No such device" "$(refusal eth7)"
equal "an interface without Ethernet addresses" "holder: lo: Operation not supported" "$(refusal lo)"
