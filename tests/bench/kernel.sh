# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# Kernel cost: what the BPF programs of each observer take of a loopback HTTP request, in each place.

# hook_costs VARIANT MODE ROUND: by tracepoint, of the last measurement
hook_costs() {
	local hook ns runs
	while read -r hook ns runs; do
		[ "$runs" -gt 0 ] || continue
		sample hook "$hook" "$1" "$2" "$3" "$((ns / runs))"
		sample hook_runs "$hook" "$1" "$2" "$3" \
			"$(awk -v runs="$runs" -v requests="$requests" 'BEGIN { print runs / requests }')"
	done < <(awk "$in_path"' && $4 != "-" { print $4, $5, $6 }' "$scratch/gauge")
}

# kernel_costs VARIANT ROUND
kernel_costs() {
	local where mode
	begin "$1"
	for where in "${places[@]}"; do
		place "$where"
		for mode in close alive; do
			warm "$mode"
			load "$mode" "${cost_seconds}s"
			kernel_cost kernel "$1" "$mode $where" "$2" "${command[@]}"
			hook_costs "$1" "$mode $where" "$2"
		done
	done
	end "$1"
}

measure_kernel() {
	local round variant variants where
	serve_in "${places[@]}"
	for round in $(seq "$rounds"); do
		say "kernel cost, round $round of $rounds"
		variants=(floor clock look shunt)
		# The peers' cost is far above the noise, and needs fewer rounds.
		[ $((round % 2)) -eq 1 ] && [ "$rounds" -gt 1 ] || variants+=("${peers[@]}")
		for variant in $(in_order "$round" "${variants[@]}"); do
			kernel_costs "$variant" "$round"
		done
	done
	for where in "${places[@]}"; do
		stop "$where"
	done
}
