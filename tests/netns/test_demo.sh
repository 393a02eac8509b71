#!/bin/bash
# shellcheck disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# What `make demo` shows, without its pauses: what it promises to show comes to pass; and nothing of it is left
# behind, also when it is interrupted.
. "$(dirname "$0")/lib.sh"

# What it leaves in its directory for temporary files would be seen.
mkdir "$scratch/tmp"
chmod 755 "$scratch/tmp"

# demo NAME: begins in a session of its own, with nothing to read from. Who is started in the background hears
# no interrupt, unless he is told to.
demo() {
	PACE=0 BUILD=$BUILD SHUNT=$SHUNT TMPDIR=$scratch/tmp setsid env --default-signal=INT bash tests/demo/run \
		>"$scratch/$1.out" 2>"$scratch/$1.log" </dev/null &
	pid[$1]=$!
}
# left_of PID: namespaces, interfaces, processes and files
left_of() {
	ip netns list | grep "^shunt-$1-"
	ip -o link show | grep ": sh$1@"
	ps -o pid=,args= -s "$1"
	ls "$scratch/tmp"
}
gone() {
	[ -z "$(left_of "$1")" ]
}

# ---- to the end ---------------------------------------------------------------------------------

demo full
began=${pid[full]}
finished full
equal "it comes to its end by itself" 0 $?
equal "…and nothing goes wrong" "" "$(cat "$scratch/full.log")"
# A process may take a moment to be gone.
holds "nothing is left of it" eventually gone "$began"
equal "…nothing at all" "" "$(left_of "$began")"

# What it tells, without the line breaks.
awk '!/^          [^ ]/ { printf "%s%s", NR == 1 ? "" : "\n", $0; next } { sub(/^ +/, " "); printf "%s", $0 }
	END { print "" }' "$scratch/full.out" >"$scratch/text"

# at REGEX: when it first tells of that, in s
at() {
	sed -nE "s/^\[ *([0-9.]+) s\] $1.*/\1/p" "$scratch/text" | head -n 1
}
# tells REGEX: what it tells behind that
tells() {
	sed -nE "s/^\[.*\] .*$1(.*)/\1/p" "$scratch/text"
}
risk=$(at 'shunt: web1 \(server\): at_risk,')
failing=$(at 'shunt: web1 \(server\): failing,')
flapping=$(at 'shunt: web1 \(server\): flapping,')
down=$(at 'haproxy: web1 is DOWN')
holds "at_risk, failing, flapping, and only then HAProxy's first DOWN" \
	awk -v a="$risk" -v b="$failing" -v c="$flapping" -v d="$down" \
	'BEGIN { exit !(a != "" && a + 0 <= b + 0 && b + 0 < c + 0 && c + 0 < d + 0) }'
# Both from times that were cut to tenths.
within "…as long before as it says" \
	"$(awk -v f="$flapping" -v d="$down" 'BEGIN { print d - f - 0.11 }')" \
	"$(tells 'flapping for ' | sed 's/ s\..*//')" \
	"$(awk -v f="$flapping" -v d="$down" 'BEGIN { print d - f + 0.11 }')"
read -r all _ bad _ < <(tells 'Of the clients: ')
within "clients have met the errors" 10 "$bad" "${all:-0}"
holds "the status says flapping" grep -qE '^    web1 +server .* flapping$' "$scratch/full.out"

equal "refused, silent and back: web1 alone, and not what else is on its host" \
	"web1 refuses the connection; port 8080 on the same host answers 200; web2 answers 200.
web1 is silent, for a second at least; port 8080 on the same host answers 200; web2 answers 200.
web1 answers 200; port 8080 on the same host answers 200; web2 answers 200." "$(tells 'Asked directly: ')"
read -r all _ bad _ < <(tells 'since the trip: ')
within "during the trip HAProxy's clients are served" 60 "$all" 100000
equal "…all of them" 0 "$bad"
holds "the status says who tripped it" grep -qE '^ +breaker open \(enforce\)[^:]*: trip by .*flaps, held out' "$scratch/full.out"
holds "the timeline has the conclusion" grep -qE '^ +\+[0-9.]+ s  conclusion +failing: ' "$scratch/full.out"
holds "…and what the operator did" grep -qE '^ +\+[0-9.]+ s  done .*found it' "$scratch/full.out"
holds "it is decided again, byte for byte" grep -qx '    byte for byte as they were recorded' "$scratch/full.out"

# ---- interrupted --------------------------------------------------------------------------------

demo half
began=${pid[half]}
is_under_way() {
	grep -qs 'at_risk,' "$scratch/half.out"
}
PATIENCE=60 eventually is_under_way || give_up "the second one does not come so far"
holds "half-way there is something to be left" test "$(ip netns list | grep -c "^shunt-$began-")" = 4
if grep -q 'Its page is at http://198.51.100.2:9909/' "$scratch/half.out"; then
	holds "its page can be seen from here" curl -sf -m 5 -o "$scratch/page" http://198.51.100.2:9909/
	holds "…with web1 on it" grep -q '"web1"' <(curl -sf -m 5 http://198.51.100.2:9909/api/v1/status)
else
	skip "its page can be seen from here" "198.51.100.0/24 is in use"
fi
# As a terminal does it: all of them.
kill -INT -- "-$began"
finished half
equal "interrupted: it ends with that" 130 $?
holds "…and nothing is left of it" eventually gone "$began"
equal "…nothing at all" "" "$(left_of "$began")"

PACE=soon bash tests/demo/run >"$scratch/said" 2>&1
equal "a pace that is no number is refused" "2 shunt: demo: PACE=soon: expected a whole number" "$? $(cat "$scratch/said")"
