#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/run counts what happened: passes, failures, crashes, hangs, skips, and nothing at all.

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
status=0

# script NAME: a test script from standard input
script() {
	mkdir -p "$scratch/tests/x"
	cat >"$scratch/tests/x/$1.sh"
}

# program NAME: one that writes TAP where --tap=FILE says, as Criterion's do
program() {
	mkdir -p "$scratch/tests/x"
	{ printf '#!/bin/bash\ntap=${1#--tap=}\n' && cat; } >"$scratch/tests/x/$1"
	chmod +x "$scratch/tests/x/$1"
}

# expect TEXT STATUS LAST-LINE TEST...
expect() {
	local text=$1 want=$2 last=$3 got
	shift 3
	set -- "${@/#/$scratch/tests/x/}"
	T="" TEST_TIMEOUT=2 tests/run "${@/%*\/--/--}" >"$scratch/out" 2>&1
	got=$?
	if [ "$got" -eq "$want" ] && [ "$(tail -n 1 "$scratch/out")" = "$last" ]; then
		echo "ok - $text"
	else
		echo "not ok - $text: status $got"
		sed 's/^/    /' "$scratch/out"
		status=1
	fi
}

# said TEXT PATTERN: the output of the last run has the line
said() {
	if grep -qe "$2" "$scratch/out"; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		sed 's/^/    /' "$scratch/out"
		status=1
	fi
}

script good <<<'echo "ok - one"; echo "ok - two"'
script bad <<<'echo "ok - one"; echo "not ok - two"; echo "    wanted 1"; echo detail; exit 1'
script quiet <<<'exit 0'
script dies <<<'echo "ok - one"; exit 3'
script skips <<<'echo "ok - one"; echo "skip - two: no netem here"'
script hangs <<<'echo "ok - one"; sleep 60'
script leaves <<<'echo "ok - one"; sleep 60 & echo $! >"${0%.sh}.pid"'
program tap_good <<<'printf "TAP version 13\n1..2\nok - a::b  (0.00s)\nok - a::c  (0.00s)\n" >"$tap"'
program tap_bad <<<'printf "ok - a::b  (0.00s)\nnot ok - a::c  (0.00s)\n" >"$tap"; exit 1'
program tap_skip <<<'printf "ok - a::b\nok - a::c  # SKIP no ground\n" >"$tap"'
program crash <<<'kill -SEGV $$'

expect "passes are counted" 0 "4 passed, 0 failed" good.sh tap_good
expect "failures are counted" 1 "2 passed, 2 failed" bad.sh tap_bad
said "what a failing test printed is shown" '| detail$'
said "what it says of the failing case comes first" '^        wanted 1$'
said "the failing case of a program is named" 'not ok - a::c'
expect "a script that ran no case is a failure" 1 "0 passed, 1 failed" quiet.sh
said "and it is said" 'no case ran'
expect "a script that dies is a failure" 1 "1 passed, 1 failed" dies.sh
said "with its status" 'exit status 3'
expect "a program that crashes is a failure" 1 "0 passed, 1 failed" crash
expect "a test that hangs is ended" 1 "1 passed, 1 failed" hangs.sh
expect "a test that leaves a process behind does not hold the run up" 0 "1 passed, 0 failed" leaves.sh
if ps -o stat= -p "$(cat "$scratch/tests/x/leaves.pid")" | grep -q '^[^Z]'; then
	echo "not ok - and the process is ended"
	status=1
else
	echo "ok - and the process is ended"
fi
expect "skips are counted" 0 "2 passed, 0 failed, 2 skipped" skips.sh tap_skip
said "a script's skip has its reason" '^skipped: x/skips.sh: two: no netem here$'
said "a program's skip has its reason" '^skipped: x/tap_skip: a::c: no ground$'
expect "one failure among passes fails the run" 1 "5 passed, 1 failed" good.sh bad.sh tap_good
expect "those behind -- count as well" 1 "8 passed, 2 failed" good.sh bad.sh -- tap_good bad.sh good.sh
script one <<<'touch "${0%one.sh}here"; for i in $(seq 100); do [ -e "${0%one.sh}there" ] && echo "ok - met" && exit; sleep 0.01; done; echo "not ok - alone"'
script two <<<'touch "${0%two.sh}there"; for i in $(seq 100); do [ -e "${0%two.sh}here" ] && echo "ok - met" && exit; sleep 0.01; done; echo "not ok - alone"'
expect "…and run beside the others" 0 "2 passed, 0 failed" one.sh -- two.sh
expect "no test at all is a failure" 1 "0 passed, 0 failed"
# A witness that tells of a close which no program was told of, once the test has begun.
mkdir -p "$scratch/tests/netns" "$scratch/build/tests/netns"
cat >"$scratch/build/tests/netns/witness" <<-WITNESS
	#!/bin/bash
	for ((i = 0; i < 250; i++)); do
		[ -e $scratch/begun ] && echo 3 >"\$1" || echo 0 >"\$1"
		sleep 0.02
	done
WITNESS
chmod +x "$scratch/build/tests/netns/witness"
cat >"$scratch/tests/netns/once.sh" <<-TEST
	sleep 0.2
	[ ! -e $scratch/begun ] || exec echo "ok - one"
	touch $scratch/begun
	sleep 0.2
	echo "skip - two: not now"
	echo "not ok - one"
	exit 1
TEST
if [ "$(id -u)" -eq 0 ]; then
	export BUILD=$scratch/build
	expect "a test during which the kernel told a close to nobody is run again" 0 "1 passed, 0 failed" ../netns/once.sh
	said "…and that is said" '^  again .* 1 failed; the kernel told 3 closes to no program$'
	rm "$scratch/begun"
	rm "$scratch/build/tests/netns/witness"
	expect "…and is not where nobody saw that" 1 "0 passed, 1 failed, 1 skipped" ../netns/once.sh
fi

exit $status
