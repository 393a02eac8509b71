# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# Growth: kernel cost as the services and as the open connections become many, on one core.

# many COUNT: a configuration of so many services, each a port of its own
many() {
	echo "max_services: $1"
	echo "services:"
	seq "$first_port" $((first_port + $1 - 1)) | sed "s/.*/  - {name: s&, inbound: ['*:&']}/"
}

# One service in the middle has all the requests, by connections of one request and by lasting ones;
# then all services have their share.
growth_with_services() {
	local count=$1 round=$2 mode middle=$((first_port + $1 / 2))
	observe observer host < <(many "$count")
	for mode in close alive; do
		warm "$mode" "$middle"
		load "$mode" "${cost_seconds}s" "$middle"
		kernel_cost services "$count" "$mode" "$round" "${command[@]}"
	done
	# Once to all beforehand: memory that is touched for the first time costs more.
	inside host "$bench/spread" "$first_port" "$count" 0.2 >"$scratch/spread"
	kernel_cost services "$count" spread "$round" \
		"$bench/spread" "$first_port" "$count" "$cost_seconds"
	stop observer
}

measure_services() {
	local round count
	place one
	serve many "$first_port" 4096
	for round in $(seq "$growth_rounds"); do
		say "growth with services, round $round of $growth_rounds"
		for count in $(in_order "$round" $service_counts); do
			growth_with_services "$count" "$round"
		done
	done
	stop many
}

# The sockets of the namespace that are open.
sockets() {
	inside host awk '$1 == "TCP:" { print $3 }' /proc/net/sockstat
}

few_sockets() {
	[ "$(sockets)" -lt 5000 ]
}

# hold_up_to COUNT: opens as many connections as are missing to that
hold_up_to() {
	local block=$((${#holders[@]} + 1))
	spawn "hold$block" host "$bench/hold" "127.$block.0.1" "$idle_port" $(($1 - held))
	eventually printed "hold$block" '^ready$' || give_up "$1 connections cannot be held open"
	holders+=("hold$block")
	held=$1
}

growth_with_connections() {
	local round=$1 count mode held=0 holders=() holder
	observe observer host <<-CONFIG
		services:
		  - {name: web, inbound: ["*:$port"]}
		  - {name: idle, inbound: ["*:$idle_port"]}
	CONFIG
	for count in $idle_connections; do
		hold_up_to "$count"
		for mode in close alive; do
			warm "$mode"
			load "$mode" "${cost_seconds}s"
			kernel_cost connections "$count" "$mode" "$round" "${command[@]}"
		done
	done
	for holder in "${holders[@]}"; do
		stop "$holder"
	done
	stop observer
	eventually few_sockets || give_up "connections remain"
}

# Always from few to many: what has been opened once leaves its memory with the kernel.
measure_connections() {
	local round
	serve_in one
	for round in $(seq "$growth_rounds"); do
		say "growth with connections, round $round of $growth_rounds"
		growth_with_connections "$round"
	done
	stop one
}
