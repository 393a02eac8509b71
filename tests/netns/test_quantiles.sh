#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Quantiles against the client's own clock, to the precision of the kernel's histograms: what a
# Prometheus with native histograms has stored is within their 4.4 % of what the client measured.
#
# The services are watched in every namespace, so that their ports are nobody else's. Durations are
# tens of milliseconds, made by a wire of known length (the handshake's) and by a server that takes its
# time (the answer's), so that what lies between two readings of the clock, some microseconds, is
# nothing. Those who keep the time run ahead of the others on a busy machine.
. "$(dirname "$0")/lib.sh"

ahead=(chrt -f 10)
"${ahead[@]}" true 2>/dev/null || ahead=()

namespace near far
wire near far
delayed_wire near far "${ahead[@]}"
for port in 8091 8092; do
	spawn "server$port" far "${ahead[@]}" "$tools/stopwatch" serve $port
	eventually printed "server$port" '^ready$' || give_up "the server does not start"
done
# One daemon sees both ends.
observe near near <<-CONFIG
	services:
	  - {name: far-away, inbound: ["*:8091"], netns: any}
	  - {name: to-far-away, outbound: ["10.204.1.0/24:8091"]}
	  - {name: slow, inbound: ["*:8092"], netns: any}
	  - {name: to-slow, outbound: ["10.203.0.2:8092"]}
CONFIG

# ---- Prometheus ---------------------------------------------------------------------------------

cat >"$scratch/prometheus.yml" <<-CONFIG
	global: {scrape_interval: 1s, scrape_timeout: 1s}
	scrape_configs:
	  - job_name: shunt
	    static_configs: [{targets: ["127.0.0.1:9909"]}]
CONFIG
spawn prometheus near prometheus --config.file="$scratch/prometheus.yml" --log.level=warn \
	--enable-feature=native-histograms --storage.tsdb.path="$scratch/tsdb" \
	--web.listen-address=127.0.0.1:9090

# query TEXT: the answer, to result.json
query() {
	inside near curl -sf -m 10 -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" \
		>"$scratch/result.json"
}
# ask TEXT: the value of its one result
ask() {
	query "$1" && jq -r '.data.result[0].value[1] // empty' "$scratch/result.json"
}
stored() {
	[ "$(ask "$1")" = "$2" ]
}

# ---- traffic: 1000 durations from 40 to 250 ms, denser towards the short ones, out of order -----

count=1000
durations() {
	awk -v count=$count 'BEGIN {
		for (i = 0; i < count; i++) {
			u = ((i * 389) % count + 0.5) / count
			ms = 40 - 40 * log(1 - u)
			print (ms < 250 ? ms : 250)
		}
	}'
}
durations | awk '{ printf "10.204.1.%d 0\n", $1 }' >"$scratch/far-away"
durations | awk '{ printf "10.203.0.2 %d\n", $1 * 1000 }' >"$scratch/slow"

# run NAME PORT: the lines of a file
run() {
	equal "every request is answered: $1" "answered=$count" "$(inside near "${ahead[@]}" \
		"$tools/stopwatch" ask "$2" 32 "$scratch/$1.handshake" "$scratch/$1.response" <"$scratch/$1")"
	for service in "$1" "to-$1"; do
		expect "…and counted: $service" near "$service" "handshakes=$count closed=$count"
	done
}
run far-away 8091
run slow 8092

# ---- agreement ----------------------------------------------------------------------------------

# clock FILE PERCENT: in seconds, the sample of rank ceil(PERCENT % of N)
clock() {
	sort -n "$1" | sed -n "$(((count * $2 + 99) / 100))p" | awk '{ print $1 / 1e9 }'
}

# middle PERCENT: in seconds, the geometric middle of the bucket of that rank, as in result.json
middle() {
	jq -r '.data.result[0].histogram[1].buckets[] | "\(.[1]) \(.[2]) \(.[3])"' "$scratch/result.json" |
		awk -v rank="$(((count * $1 + 99) / 100))" '{
			seen += $3
			if (seen >= rank) { printf "%.9f\n", sqrt($1 * $2); exit }
		}'
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.4f\n", a / b }'
}

# Eight buckets an octave: a sample lies between these fractions of the middle of its bucket.
# Where the client's clock and the kernel read the same moment, they are 1 % apart at most.
low=$(awk 'BEGIN { print 2 ^ (-1 / 16) * 0.99 }')
high=$(awk 'BEGIN { print 2 ^ (1 / 16) * 1.01 }')

# agree SIGNAL SERVICE ROLE FILE
agree() {
	local series="shunt_tcp_$1_duration_seconds{service=\"$2\",role=\"$3\"}" percent own clock
	holds "Prometheus has all of the $1, $3" eventually stored "histogram_count($series)" $count
	for percent in 50 95 99; do
		query "$series"
		own=$(middle $percent)
		clock=$(ratio "$own" "$(clock "$4" $percent)")
		within "p$percent of the $1, $3: $clock of the client's clock" "$low" "$clock" "$high"
		within "…and PromQL's is in the same bucket" 0.9575 \
			"$(ratio "$(ask "histogram_quantile(0.$percent, $series)")" "$own")" 1.0443
	done
}
agree handshake to-far-away client "$scratch/far-away.handshake"
agree handshake far-away server "$scratch/far-away.handshake"
agree response to-slow client "$scratch/slow.response"
agree response slow server "$scratch/slow.response"

fetch near /api/v1/status >"$scratch/status.json"
query 'shunt_tcp_handshake_duration_seconds{service="to-far-away"}'
for percent in 50 95 99; do
	equal "p$percent as the daemon tells it is what Prometheus has" "$(middle $percent)" "$(jq \
		".services[] | select(.name == \"to-far-away\") | .recent.handshake_p${percent}_seconds" \
		"$scratch/status.json" | xargs printf '%.9f')"
done

# ---- how they are stored ------------------------------------------------------------------------

# A service whose four histograms have samples has four series, where each classic one would be 26.
for service in to-far-away far-away; do
	equal "each histogram is one series: $service" 4 \
		"$(ask "count({__name__=~\"shunt_tcp_.*_seconds(_.*)?\",service=\"$service\"})")"
done
equal "…and none of them is a classic bucket" "" "$(ask 'count({le!=""})')"
query 'shunt_tcp_handshake_duration_seconds{service="to-far-away"}'
within "of 208 buckets only those with samples are there, and they hold all of them" 1 \
	"$(jq '.data.result[0].histogram[1].buckets | length' "$scratch/result.json")" 24
equal "Prometheus has nothing to complain of" "" "$(cat "$scratch/prometheus.log")"
expect_sound near
