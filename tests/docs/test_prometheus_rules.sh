#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The rules for Prometheus: well formed, each alert seen to fire, each with a runbook, every metric in
# shellcheck disable=SC2016,SC2154
# them one that there is.
. "$(dirname "$0")/lib.sh"
rules=(packaging/prometheus/*.yml)

# promtool_says TEXT ARGUMENT...
promtool_says() {
	local text=$1 said
	shift
	if said=$(promtool "$@" 2>&1); then ok "$text"; else not_ok "$text" "$said"; fi
}

promtool_says "the rules are well formed" check rules --lint-fatal "${rules[@]}"
for test in tests/prometheus/*.yml; do
	promtool_says "the rules do what ${test##*/} says" test rules "$test"
done

awk '/^```yaml/ { inside = 1; next } /^```/ { inside = 0 } inside' docs/prometheus.md >"$scratch/prometheus.yml"
promtool_says "the configuration in docs/prometheus.md is right" check config "$scratch/prometheus.yml"

alerts=$(sed -n 's/^ *- alert: //p' "${rules[@]}")
same "every alert has been seen to fire" "$alerts" \
	"$(awk '/alertname:/ { name = $2 } /exp_labels:/ { print name }' tests/prometheus/*.yml)"
same "every alert has been seen not to" "$alerts" \
	"$(awk '/alertname:/ { name = $2 } /exp_alerts: \[\]|instance: "ill"/ { print name }' tests/prometheus/*.yml)"
same "every alert has a runbook, and every runbook an alert" "$alerts" \
	"$(basename -s .md docs/runbooks/*.md)"
same "every alert leads to its own" "$alerts" \
	"$(awk '/- alert:/ { name = $3 } /runbook_url:/ && $2 == "file:///usr/share/doc/shunt/docs/runbooks/" name ".md" { print name }' \
		"${rules[@]}")"
same "docs/prometheus.md has every alert with its severity, and no other" \
	"$(sed -nE 's/^ *- alert: //p; s/.*severity: ([a-z]+).*/\1/p' "${rules[@]}" | paste -d ' ' - -)" \
	"$(sed -nE 's/^\| \[`(Shunt[A-Za-z]+)`\][^|]*\| ([a-z]+) .*/\1 \2/p' docs/prometheus.md)"
same "every runbook is headed by its alert's name" "$alerts" "$(sed -sn '1s/^# //p' docs/runbooks/*.md)"

# What docs/signals.md has, or a rule here records.
none "every metric in the rules is one that there is" \
	"$(sed 's/#.*//; /runbook_url\|summary:\|description:\|alert:\|- name:/d' "${rules[@]}" |
		grep -oE '([a-z0-9_]+:)?shunt[a-z_:0-9]*' | sed -E 's/_bucket$//' | sort -u |
		grep -vx shunt |
		grep -vxFf <(sed -n 's/^### `\([a-z_]*\).*/\1/p' docs/signals.md
			sed -n 's/^ *- record: //p' "${rules[@]}"))"
exit "$status"
