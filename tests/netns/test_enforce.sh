#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon cuts a real nginx that fails, and lets it back; in shadow it touches nothing; and what it has
# cut passes again once it is stopped or killed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/holder.sh"
. "$(dirname "$0")/faulty.sh"

readonly port=8000
verdict_ground

faulty_nginx far $port 8001

# observer MODE OPTION…: two services, for the last is never cut; options of the breaker
observer() {
	local mode=$1
	shift
	observe observer far <<-CONFIG
		interfaces: [eth0]
		services:
		  - name: web
		    inbound: ["*:$port"]
		    breaker: {mode: $mode, window: 2s, open_for: 1s, open_for_max: 8s$(printf ', %s' "$@")}
		  - {name: other, inbound: ["*:8001"]}
		guards: {max_open_share: 0.5, lease: 1s}
	CONFIG
}

# ---- enforce ------------------------------------------------------------------------------------

observer enforce "half_open: {share: 0.5, connections: 4}"
holds "XDP is attached" has_logged observer 'interfaces: eth0: XDP attached, in the driver'
load busy near 10.203.0.2 $port 100
spawn neighbour near "$tools/load" 10.203.0.2 8001 20
sleep 2
touch "$broken"
holds "a failing nginx is cut" eventually has_logged observer 'breaker, enforce: web: open, was closed'
refused() {
	[ -n "$(first busy refused 0)" ]
}
holds "…its new connections are refused" eventually refused
holds "…half-open it fails its trials and opens again" eventually has_logged observer 'web: open, was half_open'
rm "$broken"
holds "nginx is well: the breaker closes" eventually has_logged observer 'web: closed, was half_open'
sleep 1
stop busy >/dev/null
equal "…and connections are served again" good "$(awk 'NF == 3 { print $3 }' "$scratch/busy.out" | tail -n 50 | sort -u)"
stop neighbour >/dev/null
api() {
	fetch observer /api/v1/status | jq -r ".services[] | select(.name == \"web\").breaker.$1"
}
state_is() {
	[ "$(api state)" = "$1" ]
}
holds "the API says so" state_is closed
equal "…the key by which it decided" services.web.breaker.half_open.connections "$(api path)"
# counted SERVICE VERDICT
counted() {
	value observer shunt_verdict_connections_total "service=\"$1\",role=\"server\",verdict=\"$2\""
}
scrape observer
holds "what was refused is counted" [ "$(counted web reject)" -gt 10 ]
equal "…of nobody else" 0 "$(counted other reject)"
equal "…and nothing was in shadow" 0 "$(counted web shadow_reject)"
equal "moves by reason" 1 "$(value observer shunt_breaker_transitions_total \
	'service="web",role="server",to="open",reason="failure_rate",mode="enforce"')"
expect_sound observer

# ---- how soon, and how long it outlives the daemon ----------------------------------------------

# A client that asks each millisecond: when it was first refused, beside when the daemon said so. Nothing
# gates on the figure, which on a busy machine is the machine's.
sudden() {
	local decided
	load eager near 10.203.0.2 $port 1000
	eventually has_gone_well eager || give_up "no load"
	"$SHUNT" trip -c "$scratch/observer.yaml" web --for 20s --why test >/dev/null ||
		not_ok "an operator's trip"
	decided=$(fetch observer /api/v1/status | jq -r '[.changes[] | select(.kind == "breaker")][0].time' |
		xargs -I{} date -d {} +%s%3N)
	eventually refused_since eager "$decided"
	first eager refused "$decided" | awk -v at="$decided" '{ printf "# decision to first refusal: %.1f ms\n", $1 - at }'
}
has_gone_well() {
	[ "$(grep -c ' good$' "$scratch/$1.out")" -gt 100 ]
}
refused_since() {
	[ -n "$(first "$1" refused "$2")" ]
}
served_since() {
	[ -n "$(first "$1" good "$2")" ]
}
sudden
holds "an operator's trip cuts at once" refused_since eager 0

# passes_after WHAT LIMIT SIGNAL: how long after it connections are served again, in ms
passes_after() {
	local now
	now=$(now_ms)
	kill "-$3" "${pid[observer]}"
	holds "$1: connections pass again" eventually served_since eager "$now"
	first eager good "$now" | awk -v at="$now" -v what="$1" '{ printf "# %s to first served: %.0f ms\n", what, $1 - at }'
}
passes_after "the daemon is stopped, its lease of 1 s runs out" 1100 STOP
now=$(now_ms)
kill -CONT "${pid[observer]}"
holds "it goes on: what was cut is cut again" eventually refused_since eager "$now"
passes_after "the daemon is killed" 100 KILL
finished observer 2>/dev/null
stop eager >/dev/null
# What the operator ordered would outlive the daemon.
rm -rf "$scratch/observer.state"

# ---- shadow -------------------------------------------------------------------------------------

observer shadow "half_open: {share: 0.5, connections: 4}"
load busy near 10.203.0.2 $port 100
sleep 2
touch "$broken"
holds "shadow: it is decided" eventually has_logged observer 'breaker, shadow: web: open, was closed'
holds "…and goes on to half-open" eventually has_logged observer 'breaker, shadow: web: half_open, was open'
rm "$broken"
holds "…and closes" eventually has_logged observer 'breaker, shadow: web: closed, was half_open'
stop busy >/dev/null
equal "…but nobody was refused" 0 "$(grep -c ' refused$' "$scratch/busy.out")"
scrape observer
equal "…nor counted as if" 0 "$(counted web reject)"
holds "what would have been is counted" [ "$(counted web shadow_reject)" -gt 10 ]
equal "the mode is shown" shadow "$(api mode)"
stop observer

# ---- clients on this host -----------------------------------------------------------------------

rm -rf "$scratch/observer.state"
observe observer far <<-CONFIG
	interfaces: [lo]
	services:
	  - {name: web, inbound: ["*:$port"]}
	  - {name: other, inbound: ["*:8001"]}
	  - {name: far-away, outbound: ["192.0.2.0/24:443"]}
CONFIG
foretold=$("$SHUNT" check --json -c "$scratch/observer.yaml" | jq .kernel_memory.fixed_bytes)
within "\`shunt check\` foretells the memory of a data plane" $((foretold * 95 / 100)) \
	"$(kernel_memory observer)" $((foretold * 105 / 100))
load local far 127.0.0.1 $port 200
eventually has_gone_well local || give_up "no load"
"$SHUNT" trip -c "$scratch/observer.yaml" web --for 3s --why test >/dev/null
holds "a local client is refused" eventually refused_since local 0
sleep 2
# refusals NAME: of a load, so far
refusals() {
	grep -c ' refused$' "$scratch/$1.out"
}
before=$(refusals local)
scrape observer
within "…which is counted" "$before" "$(counted web reject)" $(($(refusals local) + 1))
health() {
	fetch observer /api/v1/status | jq -r '.services[] | select(.name == "web").state'
}
equal "…which is no fault of the service" healthy "$(health)"
holds "…nor are those that half-open refuses trials: it closes" eventually has_logged observer 'web: closed, was half_open: 0 of'
stop local >/dev/null
expect_sound observer
stop observer
