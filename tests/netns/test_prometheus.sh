#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A real Prometheus scrapes the daemon under traffic of a known latency: what it stored agrees with
# what the client measured, within the histogram's error.
#
# The wire delays each SYN by the milliseconds of the last byte of its address, or a little more; the
# client's clock covers its connect(2) whole. So of each connection: wire <= shunt <= client, hence
# of sums and of quantiles, too, however busy this machine is.
. "$(dirname "$0")/lib.sh"

namespace near far
delayed_wire near far
server far far --port 8080
observe near near <<<'services: [{name: far, outbound: ["10.204.1.0/24:8080"]}]'

# ---- Prometheus ---------------------------------------------------------------------------------

cat >"$scratch/prometheus.yml" <<-CONFIG
	global: {scrape_interval: 1s, scrape_timeout: 1s}
	scrape_configs:
	  - job_name: shunt
	    static_configs: [{targets: ["127.0.0.1:9909"]}]
CONFIG
spawn prometheus near prometheus --config.file="$scratch/prometheus.yml" --log.level=warn \
	--storage.tsdb.path="$scratch/tsdb" --web.listen-address=127.0.0.1:9090

# ask QUERY: the value of its one result
ask() {
	inside near curl -sf -m 10 -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" \
		>"$scratch/result.json" && jq -r '.data.result[0].value[1] // empty' "$scratch/result.json"
}
stored() {
	[ "$(ask "$1")" = "$2" ]
}
labels='service="far",role="client"'
holds "Prometheus scrapes" eventually stored "shunt_tcp_handshakes_total{$labels,error_type=\"\"}" 0

# ---- traffic: of 40 connections four take 6 ms, 19 12 ms, 16 24 ms and one 96 ms ----------------

wire="6 6 6 6 12 12 12 12 12 12 12 12 12 12 12 12 12 12 12 12 12 12 12
	24 24 24 24 24 24 24 24 24 24 24 24 24 24 24 24 96"
for length in $wire; do
	echo "--to 10.204.1.$length"
done >"$scratch/targets"
# shellcheck disable=SC2046
client near "ok=1000" $(cat "$scratch/targets") --port 8080 --count 1000 --batch 40 --rounds 0 \
	--durations "$scratch/durations"
expect "every connection is counted" near far "handshakes=1000 closed=1000"
holds "…and stored" eventually stored "shunt_tcp_handshakes_total{$labels,error_type=\"\"}" 1000
histogram=shunt_tcp_handshake_duration_seconds
holds "…in the histogram, too" eventually stored "${histogram}_count{$labels}" 1000

# ---- agreement ----------------------------------------------------------------------------------

sort -n "$scratch/durations" >"$scratch/sorted"
for length in $wire; do
	yes "${length}000000" | head -n 25
done | sort -n >"$scratch/wire"

# quantile FILE Q: in seconds, the sample of rank ceil(Q * N) of N sorted lines of ns
quantile() {
	sed -n "$(awk -v q="$2" 'END { print int(q * NR + 0.999999) }' "$1")p" "$1" | awk '{ print $1 / 1e9 }'
}

# total FILE: in seconds
total() {
	awk '{ sum += $1 } END { printf "%.9f\n", sum / 1e9 }' "$1"
}

# bucket SECONDS: the upper bound of the classic bucket, a power of two
bucket() {
	awk -v seconds="$1" 'BEGIN { bound = 64; while (seconds <= bound / 2) bound /= 2; print bound }'
}

# A factor in both directions for the buckets of shunt's own, and in one for what is read from it.
scaled() {
	awk -v value="$1" -v factor="$2" 'BEGIN { printf "%.9f\n", value * factor }'
}

within "the sum lies between the wire's and the client's, in seconds" "$(total "$scratch/wire")" \
	"$(ask "${histogram}_sum{$labels}")" "$(total "$scratch/sorted")"
fetch near /api/v1/status >"$scratch/status.json"
for percent in 50 95 99; do
	q=0.$percent
	wire_q=$(quantile "$scratch/wire" $q)
	client_q=$(quantile "$scratch/sorted" $q)
	for series in "${histogram}_bucket{$labels}" "rate(${histogram}_bucket{$labels}[1m])"; do
		# On a busy host the client's clock goes on for a while.
		within "p$percent in Prometheus is in a bucket from the wire's to the client's: ${series/_bucket{*\}/}" \
			"$(bucket "$wire_q")" "$(bucket "$(ask "histogram_quantile($q, $series)")")" "$(bucket "$client_q")"
	done
	own_q=$(jq ".services[] | select(.name == \"far\") | .recent.handshake_p${percent}_seconds" \
		"$scratch/status.json")
	within "p$percent of the daemon itself lies between the wire's and the client's, within 4.4 %" \
		"$(scaled "$wire_q" 0.956)" "$own_q" "$(scaled "$client_q" 1.044)"
done

# ---- the scrapes --------------------------------------------------------------------------------

within "Prometheus has scraped several times" 3 "$(ask 'count_over_time(up[10m])')" 600
equal "…and never in vain" 1 "$(ask 'min_over_time(up[10m])')"
equal "…and has nothing to complain of" "" "$(cat "$scratch/prometheus.log")"

fetch near /metrics -H 'Accept: text/plain' >"$scratch/text"
fetch near /metrics -H 'Accept: application/openmetrics-text' >"$scratch/openmetrics"
equal "promtool is content with the text format" "" "$(promtool check metrics <"$scratch/text" 2>&1)"
# promtool reads OpenMetrics in full only to store it, and wants to know when.
awk '/^#/ { print; next } { print $0, 1700000000 }' "$scratch/openmetrics" >"$scratch/stamped"
holds "promtool is content with OpenMetrics" \
	promtool tsdb create-blocks-from openmetrics -q "$scratch/stamped" "$scratch/blocks"
expect_sound near
