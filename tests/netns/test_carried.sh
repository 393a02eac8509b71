#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Connections that are carried to a standby on another host, behind a router with a narrow cable: to whom
# they come, that every byte is right, and what becomes of them when verdict and holder go.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"
. "$(dirname "$0")/carried.sh"

readonly port=7000
carried_ground
echo_server primary far p :: $port
echo_server standby back s :: 7001

for family in 4 6; do
	to=10.203.0.2 standby=$standby4
	[ $family = 4 ] || to=fd00:203::2 standby=$standby6
	few=(near "$to" --count 50 --bytes 200000)
	long=(--address "$to" --port "$port" --count 50 --bytes 40000 --chunk 200 --every 10)
	holder remote --interface eth0 --interface eth1 --target "$standby" --target-port 7001 --verdict redirect
	spawn older near "$tools/transfer" "${long[@]}"
	eventually printed older begun || give_up "no flows"
	says remote USR1 tripped
	equal "IPv$family: redirect: they come to the standby, all bytes right" "right=50 s=50" "$(moves "${few[@]}")"
	holds "IPv$family: …though its cable is narrow, of which the client is told" \
		grep -q "mtu $narrow" <(ip -n "shunt-$$-near" route get "$to")
	spawn newer near "$tools/transfer" "${long[@]}"
	eventually printed newer begun || give_up "no flows"
	says remote USR2 reset
	equal "IPv$family: reset: they come to the primary" "right=50 p=50" "$(moves "${few[@]}")"
	finished older
	equal "IPv$family: flows from before the trip stay where they were" "right=50 p=50" \
		"$(nonzero "$(grep '=' "$scratch/older.out")")"
	finished newer
	equal "IPv$family: flows of the trip end where they began" "right=50 s=50" \
		"$(nonzero "$(grep '=' "$scratch/newer.out")")"
	equal "IPv$family: counted" "redirect=100" "$(counts remote)"
done

# ---- by the interface that it came by ------------------------------------------------------------

echo_server neighbour near n :: 7001
holder beside --interface eth0 --target 10.203.0.1 --target-port 7001 --verdict redirect
says beside USR1 tripped
equal "a standby on the cable that the client comes by" "right=50 n=50" "$(moves near 10.203.0.2 --count 50)"
equal "…counted" "redirect=50" "$(counts beside)"

# ---- the end of the holder ----------------------------------------------------------------------

long=(--address 10.203.0.2 --port "$port" --count 50 --bytes 400000 --chunk 2000 --every 20)
holder shadow --interface eth0 --interface eth1 --target "$standby4" --target-port 7001 --verdict redirect --shadow
says shadow USR1 tripped
equal "shadow: connections pass" "right=20 p=20" "$(moves near 10.203.0.2 --count 20)"
equal "…and are counted" "shadow_redirect=20" "$(counts shadow)"

holder stuck --interface eth0 --interface eth1 --local --lease 400 --target "$standby4" --target-port 7001 --verdict redirect
says stuck USR1 tripped
equal "a client on this host passes" "right=20 p=20" "$(moves far 10.203.0.2 --count 20)"
spawn newer near "$tools/transfer" "${long[@]}"
eventually printed newer begun || give_up "no flows"
kill -STOP "${pid[stuck]}"
passes() {
	[ "$(moves near 10.203.0.2 --count 1)" = "right=1 p=1" ]
}
holds "the holder is stopped: once its lease is over, connections pass" eventually passes
finished newer
equal "…and flows of the trip end where they began" "right=50 s=50" "$(nonzero "$(grep '=' "$scratch/newer.out")")"
kill -CONT "${pid[stuck]}"
diverts() {
	[ "$(moves near 10.203.0.2 --count 1)" = "right=1 s=1" ]
}
holds "it goes on: connections go to the standby again" eventually diverts

spawn newer near "$tools/transfer" "${long[@]}"
eventually printed newer begun || give_up "no flows"
{ stop stuck KILL; } 2>"$scratch/said"
finished newer
equal "the holder is killed: flows of the trip end at once, by a reset" "reset=50 s=50" \
	"$(nonzero "$(grep '=' "$scratch/newer.out")")"
equal "…and connections pass" "right=20 p=20" "$(moves near 10.203.0.2 --count 20)"

# ---- where it cannot be --------------------------------------------------------------------------

# refusal OPTION...: what a holder says that cannot aim there
refusal() {
	inside far "$tools/holder" --port $port --interface eth0 --target "$standby4" --target-port 7001 "$@" \
		2>&1 >"$scratch/said" </dev/null | sed 's/^holder: //'
}
equal "a way by an interface that is not attached to" "$standby4: Cannot assign requested address" "$(refusal)"
ip -n "shunt-$$-far" link add bridge0 type bridge
ip -n "shunt-$$-far" link set bridge0 up
ip -n "shunt-$$-far" addr add 10.208.0.1/24 dev bridge0
equal "a way by an interface with generic XDP alone" "10.208.0.2: Cannot assign requested address" \
	"$(standby4=10.208.0.2 refusal --interface bridge0)"
inside far sysctl -qw net.ipv4.ip_local_port_range="32768 62000"
equal "ports that are others'" "$standby4: Address already in use" "$(refusal --interface eth1)"
inside far sysctl -qw net.ipv4.ip_local_reserved_ports=80,61440-65535
holder reserved --interface eth0 --interface eth1 --target "$standby4" --target-port 7001 --verdict redirect
ok "…unless they are reserved"
stop reserved >/dev/null
