#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every query of the Grafana dashboard, asked of a real Prometheus that scrapes a real daemon: none is
# wrong, and none is empty that has something to show. One Prometheus keeps classic buckets, the other
# native histograms.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
dashboard=packaging/grafana/shunt.json

# ---- something to see ---------------------------------------------------------------------------

# A service that is checked and used, and a dependency that is not there.
namespace backend
cable balancer 10.211.0
backend web backend 8001
backend other backend 8002
observe shunt backend <<-CONFIG
	services:
	  - {name: web, inbound: ["*:8001"], health_check: {model: haproxy, interval: 200ms}}
	  - {name: other, inbound: ["*:8002"]}
	  - {name: gone, outbound: ["127.0.0.1:9"]}
	alerts: {webhook: ["http://127.0.0.1:9/"]}
CONFIG
balance lb balancer 9001 "inter 200ms" web=10.211.0.2:8001 <<<"	option httpchk GET /healthz"
load traffic balancer 10.211.0.2 8001 50 --random 1
load nobody backend 127.0.0.1 9 5

# prometheus NAME PORT OPTION...
prometheus() {
	local name=$1 port=$2
	shift 2
	cat >"$scratch/$name.yml" <<-CONFIG
		global: {scrape_interval: 1s, evaluation_interval: 1s}
		rule_files: ["$PWD/packaging/prometheus/*.yml"]
		scrape_configs:
		  - {job_name: shunt, static_configs: [{targets: ["127.0.0.1:9909"]}]}
	CONFIG
	spawn "$name" backend prometheus --config.file="$scratch/$name.yml" --log.level=warn \
		--storage.tsdb.path="$scratch/$name.tsdb" --web.listen-address="127.0.0.1:$port" "$@"
}
prometheus classic 9090
prometheus native 9091 --enable-feature=native-histograms

# ask PORT QUERY: the answer, as JSON
ask() {
	inside backend curl -s -m 10 -G "http://127.0.0.1:$1/api/v1/query" --data-urlencode "query=$2"
}
# results PORT QUERY: how many series, of a query that is right
results() {
	ask "$1" "$2" | jq 'if .status == "success" then .data.result | length else error(.error) end'
}
has_results() {
	[ "$(results "$@" 2>/dev/null)" -gt 0 ] 2>/dev/null
}

# ---- what it asks -------------------------------------------------------------------------------

# As Grafana does, with every host and service chosen.
# shellcheck disable=SC2016
jq -r '.panels[] | .title as $title | .targets[]? | [$title, .expr] | @tsv' "$dashboard" |
	sed 's/\$__rate_interval/10s/g; s/=~"\$\(instance\|service\)"/=~".*"/g; s/\\n/ /g' >"$scratch/queries"
equal "no variable is left over" "" "$(grep -F '$' "$scratch/queries")"
holds "there are queries" test "$(wc -l <"$scratch/queries")" -gt 50

# may_be_empty QUERY: nothing is amiss where there is nothing: every signal is there, no breaker has moved,
# or what it asks for is not in this version (docs/signals.md has what is)
may_be_empty() {
	case $1 in
	*'== 0' | *shunt_breaker_transitions_total*) ;;
	*) ! grep -oE 'shunt_[a-z_]+' <<<"$1" | sed -E 's/_(bucket|sum|count)$//' |
		grep -qxFf <(sed -n 's/^### `\([a-z_]*\).*/\1/p' docs/signals.md) ;;
	esac
}

# The recorded ratio comes last: wait for it once, and for two scrapes of the native one.
holds "Prometheus scrapes and records" \
	eventually has_results 9090 'service:shunt_failures_per_attempt:ratio_rate5m{service="gone"} > 0.9'
holds "…with native histograms, too" \
	eventually has_results 9091 'histogram_count(rate(shunt_tcp_response_duration_seconds[10s])) > 0'
holds "the prober has been found" eventually has_results 9090 'sum(rate(shunt_probe_duration_seconds_count[10s])) > 0'
while IFS=$'\t' read -r title query; do
	port=9090
	[[ $title != *native* ]] || port=9091
	if may_be_empty "$query"; then
		equal "$title: its query is right" success "$(ask $port "$query" | jq -r .status)"
	elif ! PATIENCE=10 eventually has_results $port "$query"; then
		not_ok "$title: its query has an answer" "$query
$(ask $port "$query")"
	fi
done <"$scratch/queries"
[ "$failures" -gt 0 ] || ok "every query has an answer"

equal "the variables are of labels that there are" "" "$(jq -r '.templating.list[] | select(.type == "query").definition' \
	"$dashboard" | sed -E 's/^label_values\((.*), ([a-z]+)\)$/\1 \2/; s/=~"\$instance"/=~".*"/' |
	while read -r selector label; do
		has_results 9090 "count by ($label) ($selector) > 0" || echo "$selector $label"
	done)"
expect_sound shunt
