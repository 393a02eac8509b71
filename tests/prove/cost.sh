# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# Cost: a HAProxy checks a hundred services a thousand times a second, beside a storm of other connections;
# no event may be lost, and each check must be counted. The server's own count is the truth. To be sourced
# after haproxy.sh and checks.sh.

cost_services=100
# Less than 100 ms, for the next check begins so long after the end of the one before.
cost_inter=85

# checked NAME DIRECTORY: an nginx that answers on a port for each service, and counts at port 8000
checked() {
	local dir=$scratch/$1.nginx i
	mkdir -p "$dir"
	{
		cat <<-CONFIG
			daemon off;
			worker_processes 1;
			pid $dir/pid;
			error_log stderr error;
			events { worker_connections 4096; }
			http {
				access_log off;
				$(nginx_paths $dir)
				server {
					listen 8000;
					location /status { stub_status; }
				}
				server {
		CONFIG
		for ((i = 1; i <= cost_services; i++)); do
			echo "listen $((8000 + i)) backlog=4096;"
		done
		echo 'location / { return 200; } } }'
	} >"$dir/nginx.conf"
	spawn "$1" backend nginx -e stderr -c "$dir/nginx.conf"
	eventually listens backend $((8000 + cost_services)) || give_up "nginx does not start"
}

cost_ground() {
	local i
	local -a at=()
	namespace backend
	cable balancer 10.211.0
	cable clients 10.212.0
	crowd clients 10.212.0 10.213
	{
		echo "max_services: $((cost_services + 2))"
		echo services:
		echo "  - {name: storm, inbound: [\"*:7000\"]}"
		for ((i = 1; i <= cost_services; i++)); do
			echo "  - {name: s$i, inbound: [\"*:$((8000 + i))\"], health_check: {model: haproxy," \
				"interval: ${cost_inter}ms, timeout: 2s, probers: [10.211.0.1/32]}}"
			at+=("s$i=10.211.0.2:$((8000 + i))")
		done
	} >"$scratch/services"
	checked web backend
	spawn sink backend "$tools/storm" serve 7000
	eventually printed sink ready || give_up "the storm has no server"
	observe_timed shunt backend <"$scratch/services"
	balance lb balancer 9001 "inter ${cost_inter}ms fall 3 rise 2" "${at[@]}" <<-LINES
		option httpchk GET /healthz
		timeout check 2s
	LINES
	renice -n -10 -p "${pid[shunt]}" "${pid[lb]}" "${pid[web]}" >"$scratch/nice"
	for ((i = 1; i <= cost_services; i++)); do
		eventually has_said shunt "s$i: checked by " || give_up "s$i: no checker found"
	done
}

# sum METRIC REGEX: of all whose labels match, as of the last scrape
sum() {
	awk -v metric="$1{" -v labels="$2" 'index($0, metric) == 1 && $0 ~ labels { sum += $NF } END { print sum + 0 }' \
		"$scratch/shunt.metrics"
}
# made_at SERVICES: connections that were made to these, those not known to be checks
made_at() {
	sum shunt_tcp_handshakes_total "service=\"$1\",role=\"server\",error_type=\"\""
}
# checks_seen: those that were seen to end; none is told from its absence alone
checks_seen() {
	sum shunt_probes_total 'outcome="(pass|http_error|no_response|reset)"'
}

# cost SECONDS: in $scratch/cost the lines NAME VALUE
cost() {
	local before after lost made
	cost_ground
	scrape shunt
	before=$(checks_seen)
	made=$(inside clients "$tools/storm" 10.212.0.2 7000 20000 "$1" 10.213.0.1 60000)
	scrape shunt
	after=$(checks_seen)
	lost=$(sum shunt_probes_total 'outcome="timed_out"')
	stop lb.states
	stop lb
	# Every connection to a service is a check, or was made before its checker was known.
	sleep 1
	scrape shunt
	cp "$scratch/shunt.metrics" "$scratch/metrics"
	{
		echo "storm $(sed 's/.*rate=//' <<<"$made")"
		echo "made $(sed 's/made=\([0-9]*\).*/\1/' <<<"$made")"
		echo "counted $(made_at storm)"
		echo "probes $(((after - before) / $1))"
		echo "missed $lost"
		echo "answered $(($(accepted backend 8000) - 1))"
		echo "told $(($(checks_seen) + $(made_at 's[0-9]+')))"
		echo "lost $(sum shunt_events_lost_total '')"
		echo "left_out $(awk '/^shunt_bpf_runs_missed_total/ { print $2 }' "$scratch/shunt.metrics")"
	} >"$scratch/cost"
}
