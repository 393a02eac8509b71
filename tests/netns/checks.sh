# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# When shunt said what: its log with the time of each line. To be sourced after haproxy.sh.

# observe_timed NAME NAMESPACE: as observe(), and the lines of its log begin with the time, as of now_ms()
observe_timed() {
	# shellcheck disable=SC2016
	observe "$1" "$2" bash -c 'exec "$@" 2> >(while IFS= read -r line; do
		micros=${EPOCHREALTIME/./}
		echo "${micros:0:-3}.${micros: -3} $line"
	done >&2)' timed
}

# said NAME REGEX [SINCE]: when a line that matches was first logged, since then
said() {
	grep -E "^[0-9.]+ shunt: $2" "$scratch/$1.log" |
		awk -v since="${3:-0}" '$1 + 0 >= since + 0 { print $1; exit }'
}
has_said() {
	[ -n "$(said "$@")" ]
}

# became NAME SERVICE STATE [SINCE]: when the service was first said to be so
became() {
	said "$1" "$2 \(server\): $3," "${4:-0}"
}
has_become() {
	[ -n "$(became "$@")" ]
}

# is_in NAME SERVICE STATE: as of now
is_in() {
	now_is "$1" shunt_health "service=\"$2\",role=\"server\",state=\"$3\"" 1
}

# ordered TEXT MS...: one after the other, and none of them is missing
ordered() {
	local text=$1
	shift
	equal "$text" "$(printf '%s\n' "$@" | grep -E '^[0-9]+\.[0-9]{3}$' | sort -n | xargs) $#" \
		"$(printf '%s\n' "$@" | xargs) $(printf '%s\n' "$@" | grep -c .)"
}
