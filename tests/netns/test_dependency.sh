#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A Redis dies, and the daemon finds that out from what its client's connections come to: it has them go
# to the fallback, and back once the Redis is there again; nobody configured the client. Then its host
# dies, and they are refused where they hung. Only processes of a cgroup that the test made meet a
# verdict.
. "$(dirname "$0")/lib.sh"

readonly port=6379
own_cgroup "a dependency that dies"

namespace near far
wire near far
# redis NAME NAMESPACE ADDRESS
redis() {
	spawn "$1" "$2" redis-server --port $port --bind "$3" --save '' --appendonly no --protected-mode no \
		--daemonize no --dir "$scratch"
	eventually redis_is_up "$2" "$3" || give_up "Redis $1 does not start"
	inside "$2" redis-cli -h "$3" -p $port set name "$1" >/dev/null
}
redis_is_up() {
	[ "$(inside "$1" redis-cli -h "$2" -p $port ping 2>/dev/null)" = PONG ]
}
redis database far 10.203.0.2
redis fallback near 127.0.0.1

# Where the far end is stays known when nobody is there any more: what is sent there vanishes.
ip -n "shunt-$$-near" neigh replace 10.203.0.2 dev eth0 nud permanent \
	lladdr "$(ip -n "shunt-$$-far" -o link show eth0 | sed 's,.*link/ether \([^ ]*\) .*,\1,')"

# Asks for the name 20 times a second, with a connection each and half a second's patience, and writes
# down who answered, or what else came of it.
spawn client near sh -c '
	echo 0 >"$0/cgroup.procs"
	while sleep 0.05; do
		said=$(timeout 0.5 redis-cli -h 10.203.0.2 -p "$1" get name 2>&1)
		case $?:$said in
		124:*) echo hangs ;;
		*refused) echo refused ;;
		*) echo "$said" ;;
		esac
	done' "$cgroup" $port
answers() {
	[ "$(tail -n "${2:-3}" "$scratch/client.out" | sort -u)" = "$1" ]
}

# watch NAME OPTION [OPTION]: a daemon with these options of the breaker
watch() {
	observe "$1" near "$(dirname "$0")/confined.sh" "$cgroup" <<-CONFIG
		services:
		  - name: database
		    outbound: ["10.203.0.0/24:$port"]
		    breaker:
		      mode: enforce
		      window: 5s
		      min_connections: 5
		      open_for: 1s
		      open_for_max: 2s
		      half_open: {share: 0.5, connections: 3}
		      $2
		      ${3:-}
		  - {name: another, outbound: ["10.203.0.99:443"]}
		guards: {max_open_share: 0.5}
	CONFIG
}
verdicts() {
	inside near "$tools/client" --to 10.203.0.2 --port $port --count 1
}

# ---- its program dies ---------------------------------------------------------------------------

watch redirect 'redirect_to: "127.0.0.1:6379"' 'action: redirect'
holds "the client asks the database" eventually answers database
{ stop database KILL; } 2>"$scratch/said"
holds "the database is dead, and the breaker finds out" \
	eventually has_logged redirect 'database: open, was closed: [0-9]+ of [0-9]+ connections failed'
holds "…the fallback answers" eventually answers fallback
equal "…who is outside of the cgroup is not carried there" "refused=1" "$(nonzero "$(verdicts)")"
holds "…half-open, its trials fail, and it opens again" eventually has_logged redirect 'database: open, was half_open'
redis database far 10.203.0.2
holds "the database is back: trials pass, and the breaker closes" \
	eventually has_logged redirect 'database: closed, was half_open'
holds "…the database answers, and nobody else" eventually answers database 20
expect_sound redirect
stop redirect
equal "the daemon ends in order" 0 $?

# ---- its host dies ------------------------------------------------------------------------------

watch reject 'action: reject'
ip -n "shunt-$$-far" addr del 10.203.0.2/24 dev eth0
holds "the host is dead: the client hangs" eventually answers hangs
holds "…until the breaker finds out" eventually has_logged reject 'database: open, was closed: [0-9]+ of [0-9]+ connections failed'
holds "…and is refused at once from then on" eventually answers refused 10
ip -n "shunt-$$-far" addr add 10.203.0.2/24 dev eth0
holds "the host is back: trials pass, and the breaker closes" eventually has_logged reject 'database: closed, was half_open'
holds "…the database answers" eventually answers database
{ stop client KILL; } 2>"$scratch/said"
stop reject
equal "the daemon ends in order" 0 $?
