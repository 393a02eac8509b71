#!/bin/bash
# shellcheck disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# shunt's models of several HAProxys go through the very states that HAProxy goes through, while their
# servers fall ill, hang, flap and recover at random. `make prove` does the same for ten minutes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/checks.sh"
. "$(dirname "$0")/../prove/agreement.sh"

agreement 32

while read -r name checks changes differ; do
	within "$name: checks compared" 30 "$checks" 1000
	within "$name: changes of HAProxy's counter" 8 "$changes" 1000
	equal "$name: shunt has each of them, in the same order, and no other" 0 "$differ"
done < <(grep -v -e : -e '^cron' "$scratch/agreement")
equal "no difference" "" "$(grep : "$scratch/agreement")"
equal "nobody but HAProxy is taken for a checker" 0 "$(others_found)"
expect_sound shunt
