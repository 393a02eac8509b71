#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Alerts reach a real Alertmanager once each and are resolved when over; one that is dead, silent or
# answers nonsense loses none and blocks nothing. The sender runs without privileges, as the daemon.
. "$(dirname "$0")/lib.sh"

namespace host

# alarm NAME CONFIG [OPTION...]: an alarm that obeys what is written to NAME.fifo
alarm() {
	local name=$1
	mkfifo -m 666 "$scratch/$name.fifo"
	echo "$2" >"$scratch/$name.yaml"
	shift 2
	spawn "$name" host setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs -- \
		"$tools/alarm" "$@" "$scratch/$name.yaml" "$scratch/$name.fifo"
	eventually printed "$name" '^ready$' || give_up "the alarm $name does not start"
}

# tell NAME: the commands on standard input
tell() {
	cat >"$scratch/$1.fifo"
}

# alerts COMMAND FROM TO [STATE]: a command for each of them
alerts() {
	seq "$2" "$3" | sed "s/.*/$1 ShuntTest s&${4:+ $4}/"
}

# count NAME WHAT: of the alarm's counts, as of now
count() {
	local word=w${EPOCHREALTIME/[.,]/}
	echo "status $word" | tell "$1"
	eventually printed "$1" "^$word " || give_up "the alarm $1 does not answer"
	sed -n "s/^$word .*\b$2=\([0-9]*\).*/\1/p" "$scratch/$1.out" | tail -n 1
}

count_is() {
	[ "$(count "$1" "$2")" = "$3" ]
}
# patiently COMMAND...: for what comes after a back-off, which may be half a minute
patiently() {
	eventually "$@" || eventually "$@" || eventually "$@"
}
at_least() {
	[ "$(count "$1" "$2")" -ge "$3" ]
}

# ---- Alertmanager -------------------------------------------------------------------------------

cat >"$scratch/alertmanager.yml" <<-CONFIG
	route: {receiver: hook, group_by: ["..."], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
	receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:8090/", send_resolved: true}]}]
CONFIG

# alertmanager DATA: starts it, and comes back when it answers
alertmanager() {
	spawn alertmanager host prometheus-alertmanager --config.file="$scratch/alertmanager.yml" \
		--storage.path="$scratch/$1" --web.listen-address=127.0.0.1:9093 \
		--cluster.listen-address= --log.level=warn
	eventually inside host curl -sf -m 5 -o "$scratch/ready" http://127.0.0.1:9093/-/ready ||
		give_up "Alertmanager does not start"
}

# listed: the services whose alerts its API lists as active
listed() {
	inside host curl -sf -m 10 http://127.0.0.1:9093/api/v2/alerts |
		jq -r '.[] | select(.status.state == "active").labels.service' | sort -V | xargs
}
lists() {
	[ "$(listed)" = "$1" ]
}

# services FROM TO
services() {
	seq "$1" "$2" | sed 's/^/s/' | xargs
}

# received STATUS: alerts that Alertmanager was sent with it, repeats included
received() {
	inside host curl -sf -m 10 http://127.0.0.1:9093/metrics |
		awk -v key="alertmanager_alerts_received_total{status=\"$1\",version=\"v2\"}" '$1 == key { print $2 }'
}
received_at_least() {
	[ "$(received "$1")" -ge "$2" ]
}

# documents HOOK: what it was sent, a JSON document a line
documents() {
	grep '^{' "$scratch/$1.out"
}

# notified HOOK STATUS: how often it heard so of which service, as COUNT SERVICE lines
notified() {
	documents "$1" | jq -r --arg status "$2" \
		'.alerts[] | select(.status == $status).labels.service' | sort | uniq -c | sed 's/^ *//'
}
notified_is() {
	[ "$(notified "$1" "$2")" = "$3" ]
}

# once FROM TO: these services once each, as notified() has it
once() {
	seq "$1" "$2" | sed 's/^/1 s/' | sort -k 2
}

# transitions HOOK: SERVICE STATUS lines as they came, those left out that came again
transitions() {
	documents "$1" | jq -r '"\(.id) \(.alerts[0].labels.service) \(.status)"' | uniq | cut -d ' ' -f 2-
}

hook() {
	spawn "$1" host "$tools/hook" --port "$2" "${@:3}"
	eventually printed "$1" '^ready$' || give_up "the hook $1 does not start"
}

fingerprints() {
	jq -r '.. | .fingerprint? // empty' | sort -u
}

# ---- a real one ---------------------------------------------------------------------------------

hook behind 8090
hook direct 8091 --stumble 5
alertmanager data
alarm one 'alerts: {alertmanager: ["http://127.0.0.1:9093/"], webhook: ["http://127.0.0.1:8091/hook"]}' \
	--repeat 2000
alerts raise 1 20 failing | tell one
holds "20 alerts: Alertmanager lists them" eventually lists "$(services 1 20)"
holds "…and it tells of each" eventually notified_is behind firing "$(once 1 20)"
holds "they are repeated" eventually received_at_least firing 60
equal "…which tells nobody anything" "$(once 1 20)" "$(notified behind firing)"
equal "…and is not counted" 20 "$(count one am_sent)"

holds "a webhook that loses one answer in five is told of each" eventually count_is one hook_sent 20
equal "…by documents with Alertmanager's fingerprints" \
	"$(inside host curl -sf -m 10 http://127.0.0.1:9093/api/v2/alerts | fingerprints)" \
	"$(documents direct | fingerprints)"
# keys: the paths of a document on standard input
keys() {
	jq -c '[paths | map(tostring) | join(".")] | sort'
}
equal "…that are as docs/alerts.md shows" \
	"$(sed -n '/^{/,/^}/p' "$(dirname "$0")/../../docs/alerts.md" | keys)" \
	"$(documents direct | head -n 1 | keys)"
equal "…four of them twice" 24 "$(documents direct | wc -l)"

alerts resolve 1 20 | tell one
holds "they are over: Alertmanager lists none" eventually lists ""
holds "…and tells of the end of each" eventually notified_is behind resolved "$(once 1 20)"
holds "that is repeated" eventually received_at_least resolved 60
equal "…which tells nobody anything" "$(once 1 20)" "$(notified behind resolved)"
equal "nobody was told of a beginning twice" "$(once 1 20)" "$(notified behind firing)"
holds "the webhook is told the end of each" eventually count_is one hook_sent 40
equal "…after its beginning, in order" \
	"$(seq 1 20 | sed 's/.*/s& firing/'; seq 1 20 | sed 's/.*/s& resolved/')" "$(transitions direct)"
equal "nothing was given up" "0 0" "$(count one am_dropped) $(count one hook_dropped)"

# ---- dead for a while ---------------------------------------------------------------------------

alerts raise 21 40 failing | tell one
holds "20 more: Alertmanager lists them" eventually lists "$(services 21 40)"
stop alertmanager KILL
alerts raise 41 70 failing | tell one
alerts resolve 31 60 | tell one
holds "Alertmanager is dead: several attempts fail" eventually at_least one am_failed 3
equal "…and all that changed waits" 40 "$(count one am_waiting)"
alertmanager other
holds "it comes back and has forgotten everything: it lists what fires" patiently \
	lists "$(services 21 30) $(services 61 70)"
holds "…it was told of what is over, too" eventually received_at_least resolved 30
holds "nothing waits" eventually count_is one am_waiting 0
equal "nothing was given up" 0 "$(count one am_dropped)"

stop one KILL
holds "the sender is killed: what it raised ends by itself" eventually lists ""

# ---- accepts and never answers, answers nonsense ------------------------------------------------

server silent host --port 9094 --behaviour silent
server echo host --port 9095 --behaviour echo
alarm two 'alerts: {alertmanager: ["http://127.0.0.1:9094", "http://127.0.0.1:9095", "http://127.0.0.1:9093"]}' \
	--timeout 3600000
alerts raise 101 110 failing | tell two
holds "beside a silent one and one that answers nonsense Alertmanager is told" eventually \
	lists "$(services 101 110)"
holds "the nonsense is noticed" eventually at_least two am_failed 1
holds "…and said" grep -q 'alerts: http://127.0.0.1:9095: .*, trying again' "$scratch/two.log"
before=$(count two ticks)
ticked() {
	[ "$(count two ticks)" -ge $((before + 100)) ]
}
holds "the loop turns while the silent one is waited for" eventually ticked
holds "both have yet to be told" eventually count_is two am_waiting 20
stop two

alarm short 'alerts: {alertmanager: ["http://127.0.0.1:9094", "http://127.0.0.1:9095"]}' --timeout 300
alerts raise 101 110 failing | tell short
gave_up() {
	grep -q 'alerts: http://127.0.0.1:9094: .*timed out.*, trying again' "$scratch/short.log"
}
holds "an answer is not waited for without end" eventually gave_up
stop silent
stop echo
hook silent 9094
hook echo 9095
holds "they come to their senses: none is lost" patiently count_is short am_waiting 0
for name in silent echo; do
	equal "…$name has them all" "$(services 101 110)" \
		"$(grep '^\[' "$scratch/$name.out" | jq -r '.[].labels.service' | sort -u -V | xargs)"
done
equal "nothing was given up" 0 "$(count short am_dropped)"
stop short

# ---- a full queue -------------------------------------------------------------------------------

alarm three 'alerts: {alertmanager: ["http://127.0.0.1:9096"], webhook: ["http://127.0.0.1:8097"]}'
for n in $(seq 1 2000); do
	echo "raise ShuntTest s$n failing"
	echo "resolve ShuntTest s$n"
done | tell three
holds "2,000 alerts, nobody there: 1,024 wait for Alertmanager" eventually count_is three am_waiting 1024
equal "…and as many documents for the webhook" 1024 "$(count three hook_waiting)"
equal "the rest is counted" "976 2976" "$(count three am_dropped) $(count three hook_dropped)"
equal "…and said once" 2 "$(grep -c 'wait to be told, giving up the oldest' "$scratch/three.log")"
hook late 8097
hook am 9096
holds "the webhook comes late: it is told all that waits" patiently count_is three hook_sent 1024
equal "…the newest, in order, each with its end" \
	"$(seq 1489 2000 | sed 's/.*/s& firing\ns& resolved/')" "$(transitions late)"
holds "…and so is Alertmanager" patiently count_is three am_sent 1024
equal "…of the newest" "$(seq 977 2000 | sed 's/^/s/')" \
	"$(grep '^\[' "$scratch/am.out" | jq -r '.[].labels.service' | head -n 1024)"
stop three
equal "SIGTERM ends it in order" 0 $?
