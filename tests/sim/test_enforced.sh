#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a breaker is worth: a storm of retries that outlives its cause ends when it is enforced.
. tests/sim/lib.sh
storm=tests/sim/retry-storm-enforced.yaml
sed 's/mode: enforce/mode: shadow/' "$storm" >"$scratch/shadow.yaml"

# sum FILE FILTER: over five seeds
sum() {
	for seed in 1 2 3 4 5; do
		"$SHUNT" simulate --json --seed $seed "$1" | jq "$2"
	done | awk '{ sum += $1 } END { print sum }'
}
let_go=$(sum "$scratch/shadow.yaml" '.services[0].failed')
cut_off=$(sum "$storm" '.services[0].failed')
is "enforced: a third as many requests fail at most ($cut_off, in shadow $let_go)" \
	"$((let_go > 0 && 3 * cut_off < let_go))" 1
is "in shadow nothing is refused" "$(sum "$scratch/shadow.yaml" '.services[0].cut')" 0
is "enforced, connections are" "$(($(sum "$storm" '.services[0].cut') > 1000))" 1
is "enforced, all is well half a minute after the cause" \
	"$(sum "$storm" '[.events[] | select(.at > 125)] | length')" 0
is "in shadow the storm goes on" \
	"$(($(sum "$scratch/shadow.yaml" '.services[0].state_seconds.wedged | floor') > 5 * 60))" 1
finish
