#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The same traffic as others count it: the kernel's own counters (/proc/net/snmp), ss, and a capture
# of what went over the cable. Nothing else is said in these namespaces meanwhile.
. "$(dirname "$0")/lib.sh"

namespace client server
wire client server
services=("good 8001" "refused 8002" "reset 8003" "unread 8004" "lost 8005")
configuration() { # DIRECTION ADDRESS
	echo "services:"
	printf '  - {name: %s, '"$1"': ["'"$2"':%s"]}\n' ${services[*]}
}
configuration outbound 10.203.0.0/24 >"$scratch/to.yaml"
configuration inbound '*' >"$scratch/at.yaml"
observe outbound client <"$scratch/to.yaml"
observe inbound server <"$scratch/at.yaml"
server echo server --listen 10.203.0.2 --port 8001
server reset server --listen 10.203.0.2 --port 8003 --behaviour reset
server unread server --listen 10.203.0.2 --port 8004 --behaviour unread

# sum NAME METRIC LABELS: over the services, as of the last scrape
sum() {
	awk -v metric="$2{" -v labels="$3" 'index($0, metric) == 1 && index($0, labels) &&
		$0 !~ /service="_/ { sum += $NF } END { print sum + 0 }' "$scratch/$1.metrics"
}

# snmp NAMESPACE COUNTER: of the kernel's TCP
snmp() {
	inside "$1" awk -v counter="$2" '$1 == "Tcp:" && !named { for (i = 2; i <= NF; i++) at[$i] = i; named = 1; next }
		$1 == "Tcp:" { print $at[counter] }' /proc/net/snmp
}
counters="ActiveOpens PassiveOpens RetransSegs OutRsts"
# remember: the counters, before the traffic
declare -A before
remember() {
	local end counter
	for end in client server; do
		for counter in $counters; do
			before[$end.$counter]=$(snmp "$end" "$counter")
		done
	done
}
declare -A grown
measure() {
	local end counter
	for end in client server; do
		for counter in $counters; do
			grown[$end.$counter]=$(($(snmp "$end" "$counter") - ${before[$end.$counter]}))
		done
	done
}

# captured SOURCE: resets that an address sent over the cable
captured() {
	grep -c "IP $1\\..*Flags \\[R" "$scratch/capture.out"
}

capture capture server -i eth0 'tcp[tcpflags] & tcp-rst != 0'

remember
client client "ok=300 answered=300 closed=300" --to 10.203.0.2 --port 8001 --count 300 --end shutdown
client client "ok=40 answered=40" --to 10.203.0.2 --port 8001 --count 40 --end reset
client client "refused=100" --to 10.203.0.2 --port 8002 --count 100
client client "ok=30 cut=30" --to 10.203.0.2 --port 8003 --count 30
client client "ok=20 cut=20" --to 10.203.0.2 --port 8004 --count 20
# Each sends its SYN a second time before it is given up.
client client "gave_up=5" --to 10.203.0.66 --port 8005 --count 5 --batch 5 --give-up 1500
measure

expect "the server, before it is compared" inbound good "handshakes=340 closed=300 closed_reset_by_peer=40"
expect "the client, before it is compared" outbound good "handshakes=340 closed=300 closed_reset_by_local=40"
ok_label='error_type=""'
equal "connections accepted: the kernel and shunt" "${grown[server.PassiveOpens]}" \
	"$(sum inbound shunt_tcp_handshakes_total "$ok_label")"
equal "connections tried: the kernel and shunt" "${grown[client.ActiveOpens]}" \
	"$(sum outbound shunt_tcp_handshakes_total '')"
equal "segments sent again: the kernel and shunt" "${grown[client.RetransSegs]}" \
	"$(sum outbound shunt_tcp_retransmits_total '')"
equal "…and there were some" 5 "${grown[client.RetransSegs]}"

sent='direction="sent"'
received='direction="received"'
equal "resets that the client sent: the kernel and shunt" "${grown[client.OutRsts]}" \
	"$(sum outbound shunt_tcp_resets_total "$sent")"
equal "resets that the server sent: the kernel and shunt" "${grown[server.OutRsts]}" \
	"$(sum inbound shunt_tcp_resets_total "$sent")"
stop capture TERM
equal "…and the cable" "$(captured 10.203.0.2)" "$(sum inbound shunt_tcp_resets_total "$sent")"
equal "resets that the client received: the cable and shunt" "$(captured 10.203.0.2)" \
	"$(sum outbound shunt_tcp_resets_total "$received")"
equal "resets that the server received: the cable and shunt" "$(captured 10.203.0.1)" \
	"$(sum inbound shunt_tcp_resets_total "$received")"
within "…and there were some of each" 40 "$(captured 10.203.0.1)" 1000

# ---- what is open now, as ss sees it ------------------------------------------------------------

spawn held client "$tools/client" --to 10.203.0.2 --port 8001 --count 25 --batch 25 --hold
eventually printed held '^holding$' || give_up "the client does not hold its connections"
for end in outbound:client inbound:server; do
	scrape "${end%:*}"
	equal "connections open now: ss and shunt, ${end#*:}" \
		"$(inside "${end#*:}" ss -Htn state established '( sport = 8001 or dport = 8001 )' | wc -l)" \
		"$(value "${end%:*}" shunt_tcp_connections_active "service=\"good\",role=\"${end#*:}\"")"
done
stop held USR1

expect_sound outbound
expect_sound inbound
