#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The NLB outage: healthy targets whose checks fail. A plain balancer takes them out; shunt does not, and
# says whose fault it is. (`make prove` does the same for 24 h and 100 seeds.)
. tests/sim/lib.sh
sed 's/^duration: 24h/duration: 2h/' tests/sim/nlb-outage.yaml >"$scratch/outage.yaml"

for seed in 1 2 3 4; do
	"$SHUNT" simulate --json --seed "$seed" "$scratch/outage.yaml" >"$scratch/$seed.json"
	is "seed $seed: shunt trips nothing, refuses no connection, and no client fails" \
		"$(jq '.services | map(.trips, .refused_trips, .cut, .failed) | add' "$scratch/$seed.json")" 0
	is "seed $seed: the plain balancer takes healthy targets out all the time, or for most of it" \
		"$(jq -c '.targets | map(select(.target != "lossy-a" and .target != "lossy-b") | .wrong_out_seconds > 1500)' \
			"$scratch/$seed.json")" "[true,true]"
	is "seed $seed: checker_fault by the third check, each time" "$(jq -c '.targets |
		[(map(.onsets) | add > 50), (map(.late) | add)]' "$scratch/$seed.json")" "[true,0]"
	is "seed $seed: …and before every wrong DOWN" \
		"$(jq '.targets | map(.wrong_downs == .foretold) | all' "$scratch/$seed.json")" true
	is "seed $seed: nothing worse was said of any" \
		"$(jq '.services | map(.state_seconds | .failing + .wedged + .flapping) | add' "$scratch/$seed.json")" 0
done
# 80 % of target-hours at 10 % of loss: 16 target-hours here, of which 12.8 are to be expected.
hours=$(jq -s 'map(.targets[] | select(.target | startswith("lossy")) | .wrong_hours) | add' "$scratch"/?.json)
is "a tenth of loss takes a target out in most of 16 hours ($hours)" "$((hours >= 8 && hours <= 16))" 1
finish
