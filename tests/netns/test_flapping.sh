#!/bin/bash
# shellcheck disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# Servers that come and go are said to flap before a real HAProxy takes the first of them out; steady ones
# beside them are not. `make prove` has fifty of each.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/checks.sh"
. "$(dirname "$0")/farm.sh"
. "$(dirname "$0")/../prove/flapping.sh"

flapping 4

while read -r way said down; do
	holds "$way: said to flap" [ "$said" != - ]
	holds "$way: HAProxy takes it out in the end" [ "$down" != - ]
done < <(sed -n 's/^flapping //p' "$scratch/flapping")
within "flapping was said before HAProxy's first DOWN, of four times" 3 \
	"$(awk '$1 == "flapping" && $3 != "-" && $4 != "-" && $3 < $4' "$scratch/flapping" | wc -l)" 4
equal "steady servers are never said to" "0
0
0
0" "$(awk '$1 == "steady" { print $2 }' "$scratch/flapping")"
expect_sound shunt
