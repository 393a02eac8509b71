# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests of the simulator: scenarios run in virtual time, so that nothing here waits. To be sourced.
SHUNT=${SHUNT:-build/shunt}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

ok() {
	echo "ok - $1"
}

# not_ok TEXT [WHY]
not_ok() {
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '    %s\n' "${2//$'\n'/$'\n'    }"
	failures=$((failures + 1))
}

# is TEXT SEEN WANTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "seen: $2
wanted: $3"; fi
}

# says TEXT SEEN PATTERN
says() {
	if grep -q "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "seen: $2
wanted: $3"; fi
}

finish() {
	[ "$failures" -eq 0 ]
}
