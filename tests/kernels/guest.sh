#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In the guest: what this kernel can give is what doctor says, the programs load, and every count is
# exact, over both families and at both ends.
export SHUNT=build/shunt BUILD=build
. tests/netns/lib.sh

# The guest has one network namespace, and needs no other.
ip netns attach "shunt-$$-host" $$
namespaces+=(host)
$SHUNT doctor | sed 's/^/# /'
observe shunt host <<'CONFIG'
services:
  - {name: ipv4, inbound: ["127.0.0.1:8041", "127.0.0.1:8042", "127.0.0.1:8043"]}
  - {name: ipv6, inbound: ["[::1]:8041", "[::1]:8042", "[::1]:8043"]}
  - {name: to-ipv4, outbound: ["127.0.0.0/8:8041", "127.0.0.1:8042", "127.0.0.1:8043"]}
  - {name: to-ipv6, outbound: ["[::1]:8041", "[::1]:8042", "[::1]:8043"]}
CONFIG
server echo4 host --listen 127.0.0.1 --port 8041
server reset4 host --listen 127.0.0.1 --port 8042 --behaviour reset
server echo6 host --listen ::1 --port 8041
server reset6 host --listen ::1 --port 8042 --behaviour reset
for address in 127.0.0.1 ::1; do
	client host "ok=200 answered=200 closed=200" --to $address --port 8041 --count 200 --end shutdown
	client host "refused=50" --to $address --port 8043 --count 50
	client host "ok=20 cut=20" --to $address --port 8042 --count 20
	client host "ok=20 answered=20" --to $address --port 8041 --count 20 --end reset
done

scrape shunt
refused="handshakes_refused=50 "
if [ "$(value shunt shunt_signal_available 'signal="refused_inbound"')" = 0 ]; then
	refused=""
	skip "what the server refused" "this kernel does not tell (before Linux 6.10)"
fi
for family in ipv4 ipv6; do
	expect "$family: the client counts exactly what was" shunt to-$family \
		"handshakes=240 handshakes_refused=50 closed=200 closed_reset_by_peer=20 closed_reset_by_local=20"
	expect "$family: the server counts exactly what was" shunt $family \
		"handshakes=240 ${refused}closed=200 closed_reset_by_peer=20 closed_reset_by_local=20"
	equal "$family: the exchanges of both ends" "220 220" \
		"$(value shunt shunt_tcp_response_duration_seconds_count "service=\"$family\",role=\"server\"") $(value shunt shunt_tcp_response_duration_seconds_count "service=\"to-$family\",role=\"client\"")"
done

client host "ok=20000 answered=20000 closed=20000" --to 127.0.0.1 --port 8041 --count 20000 --batch 64 --end shutdown
expect "20,000 connections: nothing is lost" shunt to-ipv4 \
	"handshakes=20240 handshakes_refused=50 closed=20200 closed_reset_by_peer=20 closed_reset_by_local=20"
eventually now_is shunt shunt_accept_queue_limit 'service="ipv4",role="server"' 8192
grep -E '^shunt_(accept_queue_limit|signal_available|bpf_runs_missed)' "$scratch/shunt.metrics" | sed 's/^/# /'
expect_sound shunt
