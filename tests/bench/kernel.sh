# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# Kernel cost: what the BPF programs of each observer take of a loopback HTTP request.

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

measure_kernel() {
	local round variant mode
	serve web "$first_port" 1
	for round in $(seq "$rounds"); do
		say "kernel cost, round $round of $rounds"
		for variant in $(in_order "$round" floor shunt "${peers[@]}"); do
			begin "$variant"
			for mode in close alive; do
				warm "$mode"
				load "$mode" "${seconds}s"
				kernel_cost kernel "$variant" "$mode" "$round" "${command[@]}"
				hook_costs "$variant" "$mode" "$round"
			done
			end "$variant"
		done
	done
	stop web
}
