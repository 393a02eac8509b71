# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Workload cost: requests a second, and CPU time a request, of nginx under wrk beside each observer.

# The CPU time of everything that a request needs. What is done in an interrupt counts for who it met.
everything() {
	local thread
	processes web
	for thread in $(pgrep '^ksoftirqd'); do
		printf -- '--cpu\nsoftirq:%s\n' "$thread"
	done
	[ -z "${pid[observer]:-}" ] || printf -- '--cpu\nobserver:%s\n' "${pid[observer]}"
}

workload_of() {
	local variant=$1 round=$2 mode options
	for mode in close alive; do
		warm "$mode"
		load "$mode" "${seconds}s"
		mapfile -t options < <(everything)
		gauge "${options[@]}" "${command[@]}"
		sample workload rps "$variant" "$mode" "$round" "$(awk -v requests="$requests" \
			'$1 == "elapsed" { printf "%.1f", requests * 1e9 / $2 }' "$scratch/gauge")"
		sample workload cpu "$variant" "$mode" "$round" "$(per_request '$1 == "cpu"' 3)"
	done
}

measure_workload() {
	local round variant more
	serve web "$first_port" 1
	for round in $(seq "$pairs"); do
		say "workload cost, round $round of $pairs"
		# The peers are far from any goal of ours, and need fewer rounds.
		more=()
		[ $((round % 4)) -ne 1 ] || more=("${peers[@]}")
		for variant in $(in_order "$round" none shunt "${more[@]}"); do
			begin "$variant"
			workload_of "$variant" "$round"
			end "$variant"
		done
	done
	stop web
}
