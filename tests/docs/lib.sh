# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of documents and of packaged files share. To be sourced; a test ends with `exit $status`.
set -u
SHUNT=${SHUNT:-build/shunt}
status=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1"
	[ -z "${2:-}" ] || sed 's/^/    /' <<<"$2"
	status=1
}

# none TEXT WHAT: there is nothing to complain of
none() {
	if [ -z "$2" ]; then ok "$1"; else not_ok "$1" "$2"; fi
}

# same TEXT CODE DOCUMENTATION: two lists, in any order; none of them may be empty
same() {
	local difference
	difference=$(diff --label code --label documentation -U 0 <(sort -u <<<"$2") <(sort -u <<<"$3") |
		grep '^[-+]')
	if [ -n "$2" ] && [ -n "$3" ] && [ -z "$difference" ]; then
		ok "$1"
	else
		not_ok "$1" "${difference:-nothing to compare}"
	fi
}

# listed TEXT...: a line each
listed() {
	printf '%s\n' "$@"
}
