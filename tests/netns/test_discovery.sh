#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Without any configuration: who listens gets a name, and who is talked to.
. "$(dirname "$0")/lib.sh"

# Discovery sees every namespace of the host: these process names keep tests that run at once apart.
comm=srv$$

# listen_as COMM NAME NAMESPACE OPTION...: as server(), under another process name
listen_as() {
	local as=$scratch/$1 name=$2 where=$3
	shift 3
	ln -sf "$tools/server" "$as"
	spawn "$name" "$where" "$as" "$@"
	eventually printed "$name" '^ready$' || give_up "server $name does not start"
}

# is_named NAME [ROLE]: the service is there
is_named() {
	scrape discover
	[ -n "$(value discover shunt_tcp_connections_active "service=\"$1\",role=\"${2:-server}\"")" ]
}

namespace host other
wire host other

# ---- those that are there already ---------------------------------------------------------------

listen_as "$comm" early host --port 7001
spawn early-client host "$tools/client" --to 127.0.0.1 --port 7001 --hold --count 3 --batch 3
eventually printed early-client '^holding$' || give_up "the client does not start"
observe discover host <<<"discover: true"
holds "a listener older than the daemon has its name at once" is_named "$comm:7001"
expect "…and its open connections" discover "$comm:7001" "active=3"
stop early-client USR1
expect "…which close in order" discover "$comm:7001" "closed=3"

# ---- those that come later ----------------------------------------------------------------------

# soon TEXT NAME: named within a second; said how soon, for nothing but a person to judge
soon() {
	local start=${EPOCHREALTIME/./} polls=1
	until is_named "$2" || [ $polls -ge 100 ]; do
		polls=$((polls + 1))
	done
	holds "$1" is_named "$2"
	echo "  $polls polls, $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
}

listen_as "$comm" later host --listen :: --port 7002
soon "a listener that comes later is found" "$comm:7002"
client host "ok=50 answered=50" --to 127.0.0.1 --port 7002 --count 50
client host "ok=30 answered=30" --to ::1 --port 7002 --count 30
expect "…and its connections of both families are counted" discover "$comm:7002" \
	"handshakes=80 closed=80"

listen_as "$comm" unbound host --port 0
unbound=$(sed -n 's/^port=//p' "$scratch/unbound.out")
soon "a listener that never chose a port is found" "$comm:$unbound"

listen_as "$comm" one host --listen 127.0.0.1 --port 7003
listen_as "$comm-b" two host --listen 10.203.0.1 --port 7003
soon "one of two on one port is found" "$comm:7003"
soon "two of two on one port is found" "$comm-b:7003"
client host "ok=20 answered=20" --to 127.0.0.1 --port 7003 --count 20
client host "ok=10 answered=10" --to 10.203.0.1 --port 7003 --count 10
expect "…each with its own connections: one" discover "$comm:7003" "handshakes=20 closed=20"
expect "…each with its own connections: two" discover "$comm-b:7003" "handshakes=10 closed=10"

# ---- a restart ----------------------------------------------------------------------------------

{ stop later KILL; } 2>"$scratch/killed"
listen_as "$comm" later host --listen :: --port 7002
client host "ok=5 answered=5" --to 127.0.0.1 --port 7002 --count 5
expect "a process that was killed and is back has its old name and counts" discover "$comm:7002" \
	"handshakes=85 closed=85"

# ---- the same name elsewhere --------------------------------------------------------------------

# named_like PREFIX: the services whose name begins so
named_like() {
	scrape discover
	sed -n "s/^shunt_tcp_connections_active{service=\"\($1[^\"]*\)\".*/\1/p" "$scratch/discover.metrics"
}
is_found_twice() {
	[ "$(named_like "$comm:7001" | wc -l)" -eq 2 ]
}

listen_as "$comm" elsewhere other --port 7001
holds "a namesake in another namespace is another service" eventually is_found_twice
namesake=$(named_like "$comm:7001@")
within "…whose name has a suffix ($namesake)" 1 "$(grep -c "^$comm:7001@." <<<"$namesake")" 1
client other "ok=40 answered=40" --to 127.0.0.1 --port 7001 --count 40
expect "…and counts of its own" discover "$namesake" "handshakes=40 closed=40"
expect "…not the other's" discover "$comm:7001" "closed=3"

# ---- remotes ------------------------------------------------------------------------------------

# remote ADDRESS NAME: a few connections make it busy, the next are counted under its name
remote() {
	local labels="service=\"$2\",role=\"client\"" first
	client host "ok=8 answered=8" --to "$1" --port 7004 --count 8
	holds "a busy remote is named" eventually is_named "$2" client
	scrape discover
	first=$(value discover shunt_tcp_handshakes_total "$labels,error_type=\"\"")
	within "…after several connections" 0 "$first" 4
	client host "ok=25 answered=25" --to "$1" --port 7004 --count 25
	eventually now_is discover shunt_tcp_connections_active "$labels" 0
	equal "…and its connections are counted" $((first + 25)) \
		"$(value discover shunt_tcp_handshakes_total "$labels,error_type=\"\"")"
}

listen_as "$comm" far other --listen :: --port 7004
remote 10.203.0.2 _out:10.203.0.2:7004
remote fd00:203::2 "_out:[fd00:203::2]:7004"
client host "ok=1 answered=1" --to 10.203.0.2 --port 7001
sleep 0.3
equal "a remote that is not busy has no name" "" "$(named_like "_out:10.203.0.2:7001")"
expect_sound discover

# ---- no more than max_services ------------------------------------------------------------------

stop discover
observe crowded host <<CONFIG
discover: true
max_services: 3
CONFIG
listen_as "$comm" crowd host --port 7011 --port 7012 --port 7013 --port 7014 --port 7015 --port 7016 \
	--port 7017 --port 7018
is_crowded() {
	scrape crowded
	[ "$(grep '^shunt_tcp_connections_active{' "$scratch/crowded.metrics" |
		grep -vcE 'service="_(other|unknown)"')" -eq 3 ]
}
holds "of many listeners three have names" eventually is_crowded
others=0
for port in 7011 7012 7013 7014 7015 7016 7017 7018; do
	client host "ok=10 answered=10" --to 127.0.0.1 --port $port --count 10
	[ -n "$(value crowded shunt_tcp_connections_active "service=\"$comm:$port\",role=\"server\"")" ] ||
		others=$((others + 10))
done
other_has() {
	scrape crowded
	[ "$(value crowded shunt_tcp_handshakes_total 'service="_other",role="server",error_type=""')" -ge "$1" ]
}
holds "…and the rest is _other ($others connections)" eventually other_has $others
holds "…still no more than three" is_crowded
expect_sound crowded
