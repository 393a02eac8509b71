#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shunt simulate: runs that can be repeated, what they say, and what it says of a bad file.
. tests/sim/lib.sh
wedge=tests/sim/gray/wedge.yaml

"$SHUNT" simulate "$wedge" >"$scratch/first"
is "a scenario that is met: exit status 0" $? 0
"$SHUNT" simulate "$wedge" >"$scratch/again"
"$SHUNT" simulate --seed 2 "$wedge" >"$scratch/other"
if cmp -s "$scratch/first" "$scratch/again"; then
	ok "the same seed gives the same run"
else
	not_ok "the same seed gives the same run" "$(diff "$scratch/first" "$scratch/again" | head -n 5)"
fi
if cmp -s "$scratch/first" "$scratch/other"; then
	not_ok "another seed gives another run"
else
	ok "another seed gives another run"
fi

# Its virtual time, and no other: what shunt found between the fault's begin and its end.
"$SHUNT" simulate --json "$wedge" >"$scratch/json"
is "--json has the events in order" \
	"$(jq -r '[.events[] | select(.name == "checkout" or .name == "lb") | .word] | join(" ")' "$scratch/json")" \
	"found stop wedged open down half_open open half_open open stop at_risk up healthy"
is "--json has the states' times, which add up to the run" \
	"$(jq '.services[0].state_seconds | add * 10 | round' "$scratch/json")" 1200
is "clients that nobody answers fail" "$(jq '.services[0].failed > 1000' "$scratch/json")" true

sed 's/within: 7s/within: 0.1s/' "$wedge" >"$scratch/unmet.yaml"
"$SHUNT" simulate "$scratch/unmet.yaml" >"$scratch/out"
is "a scenario that is not met: exit status 1" $? 1
says "…and it is said" "$(cat "$scratch/out")" 'NOT MET'

# Another configuration than the file's own: one that does not know the service.
echo 'services: [{name: other, inbound: ["*:80"]}]' >"$scratch/other.yaml"
said=$("$SHUNT" simulate -c "$scratch/other.yaml" "$wedge" 2>&1)
is "-c: another configuration: exit status 2 where it lacks a service" $? 2
says "…and it is said" "$said" "services\[0\].name: 'checkout' is unknown"

# refuses TEXT SED WANTED: a file changed so is refused with that complaint
refuses() {
	local said status
	sed "$2" "$wedge" >"$scratch/bad.yaml"
	said=$("$SHUNT" simulate "$scratch/bad.yaml" 2>&1)
	status=$?
	if [ $status -eq 2 ] && grep -qF "shunt: simulate: $scratch/bad.yaml:$3" <<<"$said"; then
		ok "refused: $1"
	else
		not_ok "refused: $1" "exit status $status: $said"
	fi
}
line() {
	grep -n "$1" "$wedge" | cut -d : -f 1 | head -n 1
}
refuses "an unknown key" 's/^duration/duratoin/' "$(line '^duration'): unknown key 'duratoin'"
refuses "an unknown fault" 's/what: stop/what: halt/' "$(line 'what: stop'): faults[0].what: 'halt' is unknown"
refuses "a fault on nobody" 's/on: checkout/on: lb/' "$(line 'what: stop'): faults[0].on: 'lb' is unknown"
refuses "what a fault has no use for" 's/what: stop/share: 0.5, what: stop/' \
	"$(line 'what: stop'): faults[0].share: is of no use to this fault"
refuses "what a fault lacks" 's/what: stop/what: slow/' "$(line 'what: stop'): faults[0].share: is missing"
refuses "a wrong unit" 's/timeout: 2s}/timeout: 2}/' "$(line 'rate: 100'): clients[0].timeout: '2' is not a duration"
refuses "a mistake within the configuration" 's/fall: 3, rise: 2}$/fall: none, rise: 2}/' \
	"$(line 'fall: 3'): services[0].health_check.fall: 'none' is not a whole number"
refuses "no configuration" '/^config/,/^  guards/d' " config: is missing"
"$SHUNT" simulate "$scratch/nowhere" 2>"$scratch/said"
is "no such file: exit status 2" $? 2
"$SHUNT" simulate 2>"$scratch/said"
is "no file: exit status 2" $? 2
finish
