#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The ground on which models of load balancers are tried: HAProxy, its servers and the load do what
# the tests that stand on them take for granted. shunt has no part in this.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/checks.sh"

# Each server falls ill in its own way, all of them at once. A check has half a second for its answer.
tcp_servers="refuse drop hang"
http_servers="503 error reset silent slow hung refused steady"
rule="inter 200ms fall 3 rise 2"

namespace backend
cable balancer 10.211.0
cable clients 10.212.0
crowd clients 10.212.0 10.213
port=8000
declare -A port_of
# Two of them are another one, checked in the other way.
for server in $tcp_servers 503 error reset silent slow steady; do
	port_of[$server]=$((++port))
	backend "$server" backend $port
done
port_of[hung]=${port_of[hang]}
port_of[refused]=${port_of[refuse]}

# at NAME...: as balance() wants them
at() {
	local server
	for server in "$@"; do
		echo "$server=10.211.0.2:${port_of[$server]}"
	done
}
# shellcheck disable=SC2046,SC2086
balance plain balancer 9001 "$rule" $(at $tcp_servers) </dev/null
# shellcheck disable=SC2046,SC2086
balance http balancer 9002 "$rule" $(at $http_servers) <<-LINES
	option httpchk GET /healthz
	timeout check 500ms
LINES

# every TEST BALANCER SERVER...
every() {
	local test=$1 balancer=$2 server
	shift 2
	for server in "$@"; do
		eventually "$test" "$balancer" "$server" || return 1
	done
}
# shellcheck disable=SC2086
holds "every server is up: TCP checks" every marked_up plain $tcp_servers
# shellcheck disable=SC2086
holds "every server is up: HTTP checks" every marked_up http $http_servers

# ---- load ---------------------------------------------------------------------------------------

load paced clients 10.212.0.2 "${port_of[steady]}" 100 --seconds 1
finished paced
equal "100 connections a second are 100" "good=100" "$(nonzero "$(tail -n 1 "$scratch/paced.out")")"
load ill clients 10.212.0.2 "${port_of[refuse]}" 100 --random 7 --from 10.213.0.1 --spread 50
load well clients 10.212.0.2 "${port_of[steady]}" 50 --random 9
load sick clients 10.212.0.2 "${port_of[503]}" 50 --path /
through_balancer() {
	inside balancer curl -s -m 5 -o "$scratch/answer" -w '%{http_code}' http://127.0.0.1:9002/
}
equal "there is a way through HAProxy" 200 "$(through_balancer)"

# ---- all fall ill -------------------------------------------------------------------------------

# steps BALANCER SERVER: what the checks that changed something came to
steps() {
	checks "$1" "$2" | cut -d ' ' -f 3-5 | paste -s -d ,
}
first_pass="passed 3/3 UP"
fall="failed 2/3 UP,failed 1/3 UP,failed 0/2 DOWN"
rise="passed 1/2 DOWN,passed 3/3 UP"

# falls BALANCER SERVER REASON
falls() {
	holds "$2: down" eventually marked_down "$1" "$2"
	equal "$2: after three failures" "$first_pass,$fall" "$(steps "$1" "$2")"
	equal "$2: for what it is" "$3" "$(checks "$1" "$2" | tail -n 1 | cut -d ' ' -f 6- | sed 's/,.*//')"
}
for server in drop 503 error reset silent; do
	turn $server $server >"$scratch/$server.at"
done
turn slow slow 1000 >"$scratch/slow.at"
turn refuse refuse >"$scratch/refuse.at"
refused_by=$(turned refuse)
freeze hang >"$scratch/hang.at"

falls plain refuse "Layer4 connection problem"
falls plain drop "Layer4 timeout"
falls http 503 "Layer7 wrong status"
falls http error "Layer7 wrong status"
falls http silent "Layer7 timeout"
falls http slow "Layer7 timeout"
falls http hung "Layer7 timeout"
falls http refused "Layer4 connection problem"
holds "reset: down" eventually marked_down http reset
equal "reset: after three failures" "$first_pass,$fall" "$(steps http reset)"
equal "hang: a TCP check does not see it" "$first_pass" "$(steps plain hang)"
equal "steady: up all the while" "$first_pass" "$(steps http steady)"

# ---- the clocks are one -------------------------------------------------------------------------

ill_at=$(cat "$scratch/refuse.at")
down_at=$(verdicts plain refuse | sed -n 's/ refuse DOWN//p')
ordered "the server refuses, the load meets it, and HAProxy acts" "$ill_at" "$(first ill refused 0)" \
	"$down_at" "$(now_ms)"
ordered "the server refuses, HAProxy sees it, and acts" "$ill_at" \
	"$(checks plain refuse | sed -n '2s/ .*//p')" "$down_at"
equal "what was good before is not good after, and the reverse" "" "$(awk -v from="$ill_at" -v by="$refused_by" \
	'$3 == "good" && $1 > by || $3 == "refused" && $2 < from' "$scratch/ill.out")"

# ---- and well again -----------------------------------------------------------------------------

for server in refuse drop 503 error reset silent slow; do
	turn $server good >"$scratch/$server.at"
done
thaw hang >"$scratch/hang.at"
# rises BALANCER SERVER
rises() {
	holds "$2: up again" eventually marked_up "$1" "$2"
	equal "$2: after two passes" "$first_pass,$fall,$rise" "$(steps "$1" "$2")"
}
for server in 503 error reset silent slow hung refused; do
	rises http $server
done
rises plain refuse
rises plain drop

# ---- a cable that loses what the balancer sends -------------------------------------------------

cut_cable balancer 10.211.0
holds "lost packets: down" eventually marked_down http steady
equal "lost packets: for what it is" "Layer4 timeout" \
	"$(checks http steady | tail -n 1 | cut -d ' ' -f 6- | sed 's/,.*//')"
mend_cable balancer 10.211.0
holds "lost packets: up again" eventually marked_up http steady

# outcomes NAME: those that the load met, in words
outcomes() {
	tail -n 1 "$scratch/$1.out" | xargs -n 1 | sed -n 's/=[1-9].*//p' | xargs
}
for load in ill well sick; do
	stop $load
done
# One that waited to be accepted as the listener closed was reset.
equal "the load has met nothing else: refusals" "good refused" "$(outcomes ill | sed 's/ reset//')"
equal "the load has met nothing else: lost packets of the balancer's" good "$(outcomes well)"
equal "the load has met nothing else: 503 on /healthz" good "$(outcomes sick)"

# ---- the state as asked for and as logged -------------------------------------------------------

# The health that the log tells, from 3/3 UP, which is 4, to 0/2 DOWN, which is 0.
logged_health() {
	checks "$1" "$2" | awk '{ split($4, part, "/"); print part[1] + ($5 == "UP" ? 1 : 0) }'
}
# unlogged BALANCER SERVER: the health that states() had in an order in which the log has it not
unlogged() {
	awk 'NR == FNR { logged[++count] = $1; next }
		{ while (++at <= count && logged[at] != $1); if (at > count) { print; exit } }' \
		<(logged_health "$1" "$2") \
		<(states "$1" "$2" | tail -n +2 | sed 's/.*health=\([0-9]*\).*/\1/' | uniq)
}
for server in $http_servers; do
	equal "$server: states and log tell the same" "" "$(unlogged http "$server")"
done
