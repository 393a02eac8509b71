#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The traps that other observers fell into, one by one, each at both ends of a connection.
. "$(dirname "$0")/lib.sh"

# A service for each trap, listening on 127.0.0.1, and the same as a dependency.
declare -A port=()
services() {
	local next=7000
	echo "services:"
	for name in "$@"; do
		port[$name]=$((++next))
		cat <<-CONFIG
			  - {name: $name, inbound: ["*:$next"]}
			  - {name: to-$name, outbound: ["*:$next"]}
		CONFIG
	done
}

# both TEXT NAME SERVER-COUNTERS [CLIENT-COUNTERS]
both() {
	expect "$1: server" traps "$2" "$3"
	expect "$1: client" traps "to-$2" "${4:-$3}"
}

# samples HISTOGRAM SERVICE ROLE: how many, as of the last scrape; none are not shown at all
samples() {
	local count
	count=$(value traps "shunt_tcp_$1_seconds_count" "service=\"$2\",role=\"$3\"")
	echo "${count:-0}"
}

# call NAME WANT OPTION...: of the client, against the service
call() {
	local name=$1 want=$2
	shift 2
	client host "$want" --to 127.0.0.1 --port "${port[$name]}" "$@"
}

# serve NAME BEHAVIOUR [OPTION...]
serve() {
	local name=$1 behaviour=$2
	shift 2
	server "$name" host --port "${port[$name]}" --behaviour "$behaviour" "$@"
}

# hold NAME OPTION...: a client in the background that holds its connections
hold() {
	local name=$1
	shift
	spawn "$name-client" host "$tools/client" --to 127.0.0.1 --port "${port[$name]}" --hold "$@"
	eventually printed "$name-client" '^holding$' || give_up "the client of $name does not start"
}

namespace host
services short silence greeting refused pool rtt many older mapped shut unread unread-answer answers \
	one-byte >"$scratch/services"

# ---- connections that are older than the daemon -------------------------------------------------

serve older echo
hold older --count 20 --batch 20
observe traps host <"$scratch/services"
both "connections older than the daemon are open from its start" older active=20
stop older-client USR1
both "…and close like any other" older closed=20
scrape traps
equal "…but nobody knows how long they lasted: server" 0 "$(samples connection_duration older server)"
equal "…but nobody knows how long they lasted: client" 0 "$(samples connection_duration to-older client)"

# ---- short ones, and those that say nothing -----------------------------------------------------

serve short echo
call short "ok=500 answered=500" --count 500
both "connections shorter than a millisecond are no failures" short "handshakes=500 closed=500"
serve silence echo
call silence "ok=300" --count 300 --rounds 0
call silence "ok=10 closed=10" --count 10 --rounds 0 --end shutdown
both "connections without a byte are no failures" silence "handshakes=310 closed=310"
serve greeting greet
call greeting "ok=200 closed=200" --count 200 --rounds 0 --end wait
both "…whoever closes first" greeting "handshakes=200 closed=200"

# ---- a refused connect is no latency ------------------------------------------------------------

call refused "refused=100" --count 100
expect "refused attempts are counted" traps to-refused "handshakes_refused=100"
equal "…and are no sample of the handshake: client" 0 "$(samples handshake_duration to-refused client)"
equal "…and are no sample of the handshake: server" 0 "$(samples handshake_duration refused server)"

# ---- pools --------------------------------------------------------------------------------------

serve pool echo
hold pool --count 5 --batch 5
sleep 3
both "idle connections of a pool are open" pool "handshakes=5 active=5"
stop pool-client USR1
both "…and are no failures when they close" pool "handshakes=5 closed=5"

# ---- the RTT of a connection that is open -------------------------------------------------------

serve rtt echo
hold rtt --rounds 25 --every 60
both "a connection is open" rtt "handshakes=1 active=1"
within "…and its RTT was sampled already: server" 1 "$(samples rtt rtt server)" 4
within "…and its RTT was sampled already: client" 1 "$(samples rtt to-rtt client)" 4
stop rtt-client USR1

# ---- more remotes than any LRU holds ------------------------------------------------------------

ip -n "shunt-$$-host" route add local 10.204.0.0/16 dev lo
serve many echo
client host "ok=20000 answered=20000" --to 10.204.0.1 --spread 20000 --count 20000 \
	--port "${port[many]}" --end reset
both "20,000 remotes lose no count" many \
	"handshakes=20000 closed_reset_by_peer=20000" "handshakes=20000 closed_reset_by_local=20000"

# ---- IPv4-mapped IPv6 ---------------------------------------------------------------------------

serve mapped echo --listen ::
call mapped "ok=10 answered=10" --count 10
client host "ok=10 answered=10" --to ::ffff:127.0.0.1 --port "${port[mapped]}" --count 10
client host "ok=10 answered=10" --to ::1 --port "${port[mapped]}" --count 10
both "IPv4, IPv4-mapped and IPv6 meet at a socket for both" mapped "handshakes=30 closed=30"

# ---- resets that are nobody's failure here ------------------------------------------------------

serve shut ignore
hold shut --count 7 --batch 7 --mute
both "connections that nobody accepted are open" shut "handshakes=7 active=7"
stop shut >/dev/null
both "a listener that goes away with them has not failed; its peers were reset" shut \
	"handshakes=7 closed=7" "handshakes=7 closed_reset_by_peer=7"
stop shut-client USR1

serve unread unread
call unread "ok=40 cut=40" --count 40
both "a server that closes with data unread has not failed; its peer was reset" unread \
	"handshakes=40 closed=40" "handshakes=40 closed_reset_by_peer=40"
serve unread-answer echo
call unread-answer "ok=40 answered=40" --count 40 --end unread
both "…and a client neither" unread-answer \
	"handshakes=40 closed_reset_by_peer=40" "handshakes=40 closed=40"

# ---- no response --------------------------------------------------------------------------------

serve answers silent
call answers "ok=10 closed=10" --count 10 --mute --end shutdown
both "a service that never answers may be one that only listens" answers "handshakes=10 closed=10"
stop answers >/dev/null
serve answers echo
call answers "ok=1 answered=1 closed=1" --end shutdown
stop answers >/dev/null
serve answers silent
call answers "ok=10 closed=10" --count 10 --mute --end shutdown
both "once it has answered, silence is a failure" answers \
	"handshakes=21 closed=11 closed_no_response=10"
stop answers >/dev/null
serve answers echo
call answers "ok=10" --count 10 --rounds 0
call answers "ok=10 answered=10 closed=10" --count 10 --end shutdown
both "…but not where nobody asked, nor where there was an answer" answers \
	"handshakes=41 closed=31 closed_no_response=10"

# A close(2) by the asking end first: its kernel may forget the socket before the peer's FIN comes.
serve one-byte echo
call one-byte "ok=5 answered=5 closed=5" --count 5 --end shutdown
call one-byte "ok=100 answered=100" --count 100
both "an answer of one byte is an answer" one-byte "handshakes=105 closed=105"
stop one-byte >/dev/null
serve one-byte echo --lag 100
call one-byte "ok=5 answered=5" --count 5 --batch 5
both "…and when the server takes its time to close" one-byte "handshakes=110 closed=110"
stop one-byte >/dev/null
serve one-byte mum
hold one-byte --count 5 --batch 5 --mute
expect "a server that closes without an answer has not answered: server" traps one-byte \
	"handshakes=115 closed=110 closed_no_response=5"
stop one-byte-client USR1
expect "a server that closes without an answer has not answered: client" traps to-one-byte \
	"handshakes=115 closed=110 closed_no_response=5"

# ---- the histograms as they are served ----------------------------------------------------------

scrape traps
falling=$(awk '
	/_bucket{/ {
		series = $1
		sub(/,le="[^"]*"/, "", series)
		if (series in last && $NF < last[series])
			print
		last[series] = $NF
		next
	}
	/_seconds_count{/ { sub(/_count/, "_bucket"); if (last[$1] != $NF) print }' "$scratch/traps.metrics")
equal "buckets are cumulative and the last is the count" "" "$falling"
expect_sound traps
