#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Connections that are redirected to a standby on this host: to whom they come, that every byte is right,
# and that they outlive the verdict and who held it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"

readonly port=7000
verdict_ground
echo_server primary far p :: $port
echo_server standby far s :: 7001

for to in 10.203.0.2 fd00:203::2; do
	few=(near "$to" --count 50 --bytes 20000)
	long=(--address "$to" --port "$port" --count 50 --bytes 40000 --chunk 200 --every 10)
	holder local --interface eth0 --local --target 127.0.0.1 --target-port 7001 --verdict redirect
	equal "$to: no verdict: they come to the primary" "right=50 p=50" "$(moves "${few[@]}")"
	spawn older near "$tools/transfer" "${long[@]}"
	eventually printed older begun || give_up "no flows"
	says local USR1 tripped
	equal "$to: redirect: they come to the standby" "right=50 s=50" "$(moves "${few[@]}")"
	spawn newer near "$tools/transfer" "${long[@]}"
	eventually printed newer begun || give_up "no flows"
	says local USR2 reset
	equal "$to: reset: they come to the primary" "right=50 p=50" "$(moves "${few[@]}")"
	equal "$to: …counted" "redirect=100" "$(counts local)"
	finished older
	equal "$to: flows from before the trip stay where they were" "right=50 p=50" \
		"$(nonzero "$(grep '=' "$scratch/older.out")")"
	finished newer
	equal "$to: flows of the trip end where they began, though its holder is gone" "right=50 s=50" \
		"$(nonzero "$(grep '=' "$scratch/newer.out")")"
done

holder local --interface eth0 --local --target fd00:203::2 --target-port 7001 --verdict redirect
says local USR1 tripped
for to in 127.0.0.1 ::1 10.203.0.2; do
	equal "a client on this host ($to)" "right=50 s=50" "$(moves far $to --count 50 --bytes 20000)"
done
stop standby
equal "no standby: they pass" "right=50 p=50" "$(moves near 10.203.0.2 --count 50 --bytes 20000)"
equal "…on this host, too" "right=50 p=50" "$(moves far 127.0.0.1 --count 50 --bytes 20000)"
echo_server standby far s 0.0.0.0 7001
taken() {
	[ "$(moves near 10.203.0.2 --count 1)" = "right=1 s=1" ]
}
holds "a standby that is there again is found" eventually taken
equal "…one of IPv4 takes no IPv6" "right=10 p=10" "$(moves near fd00:203::2 --count 10)"
stop local >/dev/null

holder syncookies --interface eth0 --local --target 10.203.0.2 --target-port 7001 --verdict redirect
inside far sysctl -qw net.ipv4.tcp_syncookies=2
says syncookies USR1 tripped
equal "SYN cookies, which no request remembers" "right=50 s=50" "$(moves near 10.203.0.2 --count 50)"
inside far sysctl -qw net.ipv4.tcp_syncookies=1
says syncookies USR2 reset
stop syncookies >/dev/null

holder half --interface eth0 --local --target 10.203.0.2 --target-port 7001 --verdict redirect --share 50
says half USR1 tripped
moves near 10.203.0.2 --count 1000 --bytes 100 >"$scratch/half"
within "half-open: half of them are the standby's" 430 "$(grep -o '\bs=[0-9]*' "$scratch/half" | cut -d = -f 2)" 570
holds "…and none is lost" grep -q 'right=1000' "$scratch/half"
stop half >/dev/null

inside far "$tools/holder" --port $port --target 192.0.2.1 --target-port 7001 2>"$scratch/refusal" >/dev/null
equal "an address that is not this host's" "holder: 192.0.2.1: Network is unreachable" "$(cat "$scratch/refusal")"
