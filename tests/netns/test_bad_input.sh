#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is wrong is refused with one clear line and the status of the contract; what is hostile is
# survived.
. "$(dirname "$0")/lib.sh"

namespace host
yaml=$scratch/bad.yaml

# refused TEXT STATUS PATTERN COMMAND...: ends by itself, with one line on stderr that says what and why
refused() {
	local text=$1 status=$2 pattern=$3 got said
	shift 3
	inside host timeout 20 "$@" >"$scratch/stdout" 2>"$scratch/stderr"
	got=$?
	said=$(cat "$scratch/stderr")
	if [ $got -eq "$status" ] && [[ $said =~ ^shunt:\ $pattern$ ]] && [[ $said != *$'\n'* ]]; then
		ok "$text"
	else
		not_ok "$text" "expected status $status and 'shunt: $pattern'
got status $got and '$said'"
	fi
}

# bad TEXT PATTERN: a configuration on standard input, refused by all that read it
bad() {
	local command
	cat >"$yaml"
	for command in run check status; do
		refused "$1: $command" 2 "$command: $yaml:$2" "$SHUNT" $command -c "$yaml"
	done
}

# ---- configurations -----------------------------------------------------------------------------

bad "an unknown key" "1: unknown key 'listne', expected .*listen.*" <<<'listne: 127.0.0.1:9909'
bad "an unknown key of a service" "4: .*'breaks'.*" <<-CONFIG
	services:
	  - name: web
	    inbound: ["*:80"]
	    breaks: {}
CONFIG
bad "a bad unit" "5: services\[0\].breaker.window: '10 parsecs' is not a duration, .*" <<-CONFIG
	services:
	  - name: web
	    inbound: ["*:80"]
	    breaker:
	      window: 10 parsecs
CONFIG
bad "an overlap" "5: .*overlaps.*" <<-CONFIG
	services:
	  - name: web
	    inbound: ["*:80"]
	  - name: also-web
	    inbound: ["10.0.0.1:81", "*:80"]
CONFIG
bad "what is no YAML" "2: not YAML: .*" <<<'services: [{name: web'
printf 'listen: "\x00\x01"\n' | bad "what is binary" "[0-9]+: .*"
bad "a port that is none" "1: listen: .*" <<<'listen: 127.0.0.1:99999'

file() {
	refused "$1" 2 "run: $2: $3" "$SHUNT" run -c "$2"
}
file "a directory" "$scratch" ".*directory.*"
file "a file that is not there" "$scratch/none.yaml" "No such file or directory"
yes '# a comment' | head -c 10000000 >"$scratch/large.yaml"
file "a file of 10 MB" "$scratch/large.yaml" "10000000 bytes, expected at most .*"
file "a device without an end" /dev/zero ".*regular file.*"
mkfifo "$scratch/fifo"
file "a pipe that nobody writes" "$scratch/fifo" ".*regular file.*"

# ---- the ground ---------------------------------------------------------------------------------

server busy host --listen 127.0.0.1 --port 9908
cat >"$yaml" <<-CONFIG
	listen: 127.0.0.1:9908
	control: $scratch/bad.sock
CONFIG
refused "a port in use" 1 "run: .*127.0.0.1:9908: Address already in use" "$SHUNT" run -c "$yaml"
echo "listen: 127.0.0.1:9907" >"$yaml"
echo "control: $scratch/none/bad.sock" >>"$yaml"
refused "a control socket where no folder is" 1 "run: $scratch/none/bad.sock: No such file or directory" \
	"$SHUNT" run -c "$yaml"
echo "control: $scratch/bad.sock" >"$yaml"
refused "not being root" 1 "run: needs root, or .*" \
	setpriv --reuid 65534 --clear-groups "$SHUNT" run -c "$yaml"
refused "a kernel without BTF" 1 "run: .*BTF.*" unshare --mount sh -c \
	"mount -t tmpfs none /sys/kernel/btf && exec '$SHUNT' run -c '$yaml'"
refused "no daemon to ask" 3 "status: .*" "$SHUNT" status -c "$yaml"

# ---- configurations that are fine ---------------------------------------------------------------

is_healthy() {
	inside host curl -sf -m 5 -o "$scratch/health" http://127.0.0.1:9909/healthz
}

# fine TEXT ARGUMENT...: runs with these, in a file system where the default places are free
fine() {
	local text=$1
	shift
	spawn fine host unshare --mount sh -c \
		'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mount -t tmpfs none /etc/shunt 2>&-
		exec "$0" run "$@"' "$SHUNT" "$@"
	holds "$text is enough" eventually is_healthy
	stop fine
	equal "$text: and SIGTERM ends it in order" 0 $?
}

: >"$scratch/empty.yaml"
fine "an empty file" -c "$scratch/empty.yaml"
fine "no file at all"

# ---- two daemons --------------------------------------------------------------------------------

server echo host --port 8001
observe first host <<<'services: [{name: one, inbound: ["*:8001"]}]'
{ echo "listen: 127.0.0.1:9907" && echo "control: $scratch/first.sock"; } >"$yaml"
refused "a second daemon on one control socket" 1 \
	"run: process ${pid[first]} holds $scratch/first.sock, .*" "$SHUNT" run -c "$yaml"
{ echo "listen: 127.0.0.1:9907" && echo "control: $scratch/second.sock" &&
	echo "state_dir: $scratch/second.state"; } >"$yaml"
spawn second host "$SHUNT" run -c "$yaml"
second_is_healthy() {
	inside host curl -sf -m 5 -o "$scratch/health" http://127.0.0.1:9907/healthz
}
holds "…but one with its own is welcome" eventually second_is_healthy
stop second
holds "the first one is not disturbed" is_healthy
holds "status finds the daemon" inside host "$SHUNT" status -c "$scratch/first.yaml" >"$scratch/status"
within "…and shows the service" 1 "$(grep -c one "$scratch/status")" 1

# ---- hostile clients of /metrics ----------------------------------------------------------------

spawn idle host "$tools/client" --to 127.0.0.1 --port 9909 --rounds 0 --hold --count 1000 --batch 1000
spawn loris host "$tools/client" --to 127.0.0.1 --port 9909 --mute --rounds 1000 --every 20 \
	--count 200 --batch 200
eventually printed idle '^holding$' || give_up "the idle clients do not start"
client host "ok=100 answered=100" --to 127.0.0.1 --port 8001 --count 100
expect "1,000 idle connections and a slow-loris: observation goes on" first one "handshakes=100 closed=100"
client host "ok=100 answered=100" --to 127.0.0.1 --port 8001 --count 100
expect "…and scrapes are answered, again and again" first one "handshakes=200 closed=200"
within "…by a daemon that keeps few descriptors" 1 "$(value first process_open_fds)" 250
stop idle USR1 >/dev/null
{ stop loris KILL; } 2>"$scratch/said"
expect "…and when they have left" first one "handshakes=200 closed=200"
equal "the daemon had nothing to say to all that" 2 "$(wc -l <"$scratch/first.log")"
expect_sound first
