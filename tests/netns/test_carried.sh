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
