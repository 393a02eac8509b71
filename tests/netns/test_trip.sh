#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An operator cuts a server off by hand: over a cable and over loopback, from the moment at which the
# command returns; and lets it back, or lets his order end by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holder.sh"

readonly port=7000
verdict_ground
server echo far --listen :: --port $port --behaviour echo
server other far --listen :: --port 7001 --behaviour echo

observe shunt far <<CONFIG
interfaces: [eth0]
services:
  - name: web
    inbound: ["*:$port"]
    breaker: {open_for: 1s, half_open: {share: 1, connections: 1}}
  - {name: other, inbound: ["*:7001"]}
guards: {max_open_share: 0.5}
CONFIG

# status QUERY: of the service, with jq
status() {
	inside far "$SHUNT" -c "$scratch/shunt.yaml" --json status | jq -r ".services[] | select(.name == \"web\") | $1"
}

# shown TEXT: on the screen
shown() {
	inside far "$SHUNT" -c "$scratch/shunt.yaml" status | grep -qE "$1"
}

equal "before: connections pass" "ok=20 answered=20" "$(sees near "${both[@]}")"
begin_flows 200
order trip web --why "INC-7"
equal "trip, in shadow too: the next connection is refused" "refused=20" "$(sees near "${both[@]}")"
equal "…over loopback, too" "refused=20" "$(sees far --to 127.0.0.1 --to ::1)"
equal "…another service is not" "ok=20 answered=20" "$(sees near --to 10.203.0.2 --port 7001)"
holds "…it is in the log, with who and why" has_logged shunt 'web: open, was closed: trip by .*\(pid [0-9]+\): INC-7'
equal "…and in the status" "open enforce" "$(status '.breaker | "\(.state) \(.mode)"')"
holds "…with who and why" shown 'breaker open .*: trip by .*\(pid [0-9]+\): INC-7; for 300.0 s'
order reset web --why "well"
equal "reset: the next connection passes" "ok=20 answered=20" "$(sees near "${both[@]}")"
equal "…the status says closed, and in shadow again" "closed shadow" "$(status '.breaker | "\(.state) \(.mode)"')"
finished flow
equal "flows that were there moved all their data" "ok=4 answered=4" "$(nonzero "$(cat "$scratch/flow.out")")"

order trip web --action drop --why "silently"
equal "drop: connections vanish" "gave_up=20" "$(sees near "${both[@]}")"
order trip web --action reject --why "loudly"
equal "a later order holds: they are refused" "refused=20" "$(sees near "${both[@]}")"
order mode --all off --why "calm"
holds "all off: they pass from the next tick on" eventually passes
order mode --all enforce --why "on"

# ---- ends ---------------------------------------------------------------------------------------

order trip web --for 1s --why "short"
equal "a trip of a second" "refused=20" "$(sees near "${both[@]}")"
holds "…ends by itself, and trials prove it well" eventually passes
holds "…which is in the log" eventually has_logged shunt 'web: half_open, was open: trip by .*: short \(has expired\)'
order mode web enforce --for 1s --why "briefly"
holds "a mode of a second ends by itself" eventually has_logged shunt 'web: mode enforce by .*: briefly \(has expired\)'

order trip web --for 24h --why "forgotten"
equal "a trip that no test outlives" "refused=20" "$(sees near "${both[@]}")"
{ stop shunt KILL; } 2>"$scratch/said"
holds "…ends with the daemon" eventually passes
