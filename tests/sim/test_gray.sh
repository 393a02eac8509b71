#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Gray failures: each scenario is found in time and named rightly, and its control raises nothing.
# (`make prove` does the same with more seeds.)
. tests/sim/lib.sh
seeds=5

for scenario in tests/sim/gray/*.yaml; do
	name=$(basename "$scenario" .yaml)
	missed=""
	for ((seed = 1; seed <= seeds; seed++)); do
		"$SHUNT" simulate --seed "$seed" "$scenario" >"$scratch/out" 2>&1 ||
			missed+="seed $seed: $(grep -E 'NOT MET|never|shunt:' "$scratch/out")
$(grep -E '  (health|breaker)  ' "$scratch/out" | head -n 5)
"
	done
	is "$name: $seeds seeds" "$missed" ""
done

"$SHUNT" simulate tests/sim/ordinary-day.yaml >"$scratch/out" 2>&1
is "an ordinary day: nothing is said" "$? $(grep -E '  (health|breaker)  ' "$scratch/out" | head -n 5)" "0 "

# Each failure has its control, and neither is a file that expects nothing.
is "15 scenarios" "$(grep -L '^quiet: true' tests/sim/gray/*.yaml | wc -l)" 15
is "15 controls" "$(grep -l '^quiet: true' tests/sim/gray/*-control.yaml | wc -l)" 15
is "each scenario expects something within 7 s" "$(grep -l 'within: 7s' tests/sim/gray/*.yaml | wc -l)" 15
finish
