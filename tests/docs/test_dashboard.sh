#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Grafana dashboard shows every metric that there is, and its panels are in order.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"
dashboard=packaging/grafana/shunt.json

if said=$(jq -e .panels "$dashboard" 2>&1 >"$scratch/panels"); then
	ok "the dashboard is JSON"
else
	not_ok "the dashboard is JSON" "$said"
fi
none "every metric is on the dashboard" \
	"$(grep -ohE '^\s\{"(shunt|process)_[a-z_]+"' user/serve/metrics*.c | tr -d '\t{"' |
		grep -vxFf <(jq -r '.. | .expr? // empty' "$dashboard" | grep -oE '(shunt|process)_[a-z_]+' |
			sed -E 's/_bucket$//'))"
none "every metric on the dashboard is one that there is" \
	"$(jq -r '.. | .expr? // empty' "$dashboard" | grep -oE '([a-z]+:)?\b(shunt|process)[_:][a-z_:0-9]+' |
		sed -E 's/_bucket$//' | sort -u |
		grep -vxFf <(sed -n 's/^### `\([a-z_]*\).*/\1/p' docs/signals.md
			sed -n 's/^ *- record: //p' packaging/prometheus/*.yml))"
none "every panel has a name of its own and a question" \
	"$(jq -r '.panels[] | select(.type != "row") | select((.title // "") == "" or (.targets | length) == 0) | .id
		' "$dashboard"; jq -r '.panels[].title' "$dashboard" | sort | uniq -d)"
none "no two panels overlap" "$(jq -r '[.panels[].gridPos] | to_entries as $all | $all[] as $a | $all[] as $b |
	select($a.key < $b.key) | select($a.value.x < $b.value.x + $b.value.w and $b.value.x < $a.value.x + $a.value.w and
		$a.value.y < $b.value.y + $b.value.h and $b.value.y < $a.value.y + $a.value.h) | "\($a.key) \($b.key)"' "$dashboard")"
none "every question is asked of the chosen Prometheus" \
	"$(jq -r '.panels[].targets[]?.datasource.uid' "$dashboard" | grep -vxF "\${datasource}")"
exit "$status"
