#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon judges services from their traffic alone: one that is killed, one that is stopped, one that
# is well, all under the same load. What it says in the log, in the metrics, to who asks and to a webhook.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"

namespace backend
cable crowd 10.212.0
port=8000
for server in steady killed stopped; do
	port=$((port + 1))
	backend $server backend $port
done
spawn hook backend "$tools/hook" --port 8091
eventually printed hook '^ready$' || give_up "the hook does not start"
observe observer backend <<-CONFIG
	services:
	  - {name: steady, inbound: ["*:8001"]}
	  - {name: killed, inbound: ["*:8002"]}
	  - {name: stopped, inbound: ["*:8003"]}
	alerts: {webhook: ["http://127.0.0.1:8091/"]}
CONFIG

# health SERVICE KEY: as the API has it now
health() {
	fetch observer /api/v1/status |
		jq -r --arg name "$1" --arg key "$2" '.services[] | select(.name == $name)[$key]'
}
health_is() {
	[ "$(health "$1" state)" = "$2" ]
}

# changes SERVICE: the states that it has come into, as the log has them
changes() {
	sed -n "s/^shunt: $1 (server): \([a-z_]*\), was .*/\1/p" "$scratch/observer.log" | xargs
}
changes_are() {
	[ "$(changes "$1")" = "$2" ]
}

# told SERVICE: what the webhook was told of it
told() {
	grep '^{' "$scratch/hook.out" | jq -r --arg name "$1" '.alerts[] | select(.labels.service == $name) |
		"\(.labels.alertname) \(.labels.severity) \(.status)"'
}
told_is() {
	[ "$(told "$1")" = "$2" ]
}

# served NAME COUNT: so many of its connections went well
served() {
	[ "$(grep -c ' good$' "$scratch/$1.out")" -ge "$2" ]
}

load steady_load crowd 10.212.0.2 8001 100
load killed_load crowd 10.212.0.2 8002 100
load stopped_load crowd 10.212.0.2 8003 100
# What is usual takes some seconds to learn.
for server in steady killed stopped; do
	eventually served ${server}_load 600 || give_up "$server is not served"
done
equal "nothing is said of services that are well" "" "$(changes 'steady\|killed\|stopped')"
equal "…and they are healthy" "healthy null" "$(health killed state) $(health killed reason)"

# ---- killed -------------------------------------------------------------------------------------

stop killed KILL
holds "a killed service is failing" eventually health_is killed failing
equal "…and was at risk before" "at_risk failing" "$(changes killed)"
holds "…with the reason in words" grep -q 'connections failed in the last' <<<"$(health killed reason)"
holds "the metric says so" now_is observer shunt_health 'service="killed",role="server",state="failing"' 1
holds "…and of the others that they are healthy" \
	now_is observer shunt_health 'service="steady",role="server",state="healthy"' 1
equal "the worst is the first that is shown" "killed failing" \
	"$(inside backend "$SHUNT" status -c "$scratch/observer.yaml" | awk '/^SERVICE/ { getline; print $1, $NF }')"
holds "…and the next line says why" \
	grep -q '^    since .*: .* connections failed' <<<"$(inside backend "$SHUNT" status -c "$scratch/observer.yaml")"

since=$(health killed since)
kill -HUP "${pid[observer]}"
holds "a reload" eventually grep -q 'reload: done' "$scratch/observer.log"
sleep 0.3
equal "…changes nothing of that" "failing $since" "$(health killed state) $(health killed since)"

spawn killed backend "$tools/backend" 8002 "$scratch/killed.control"
holds "once it is back it is healthy again" eventually health_is killed healthy
equal "…without a state in between" "at_risk failing healthy" "$(changes killed)"
holds "the webhook was told of each state, begin and end" eventually told_is killed \
	"ShuntServiceAtRisk warning firing
ShuntServiceAtRisk warning resolved
ShuntServiceFailing critical firing
ShuntServiceFailing critical resolved"

# ---- stopped ------------------------------------------------------------------------------------

freeze stopped >/dev/null
holds "a stopped service is wedged" eventually health_is stopped wedged
equal "…from one moment to the next" "wedged" "$(changes stopped)"
holds "…since nothing is answered" grep -q 'nothing was answered for' <<<"$(health stopped reason)"
thaw stopped >/dev/null
holds "once it goes on it is healthy again" eventually health_is stopped healthy
sleep 3
equal "…and who gave up waiting is not held against it" "wedged healthy" "$(changes stopped)"
holds "the webhook was told" eventually told_is stopped "ShuntServiceWedged critical firing
ShuntServiceWedged critical resolved"

# ---- steady -------------------------------------------------------------------------------------

equal "nothing was ever said of the steady one" "" "$(changes steady)$(told steady)"
scrape observer
equal "all alerts got through" "6 0" \
	"$(value observer shunt_alerts_total 'target="webhook",result="sent"') $(value observer \
		shunt_alerts_total 'target="webhook",result="dropped"')"
expect_sound observer
