#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the daemon records of real traffic comes again byte for byte, and costs it nothing where it
# cannot be written.
. "$(dirname "$0")/lib.sh"

namespace host
server echo host --port 8001 --port 8002

# journal NAME: where its daemon keeps it
journal() {
	echo "$scratch/$1.state"
}

# replayed NAME [OPTION...]: the replay as JSON; $? is its exit status
replayed() {
	local name=$1
	shift
	"$SHUNT" replay --json "$(journal "$name")" "$@" 2>"$scratch/$name.replay.log"
}

# a_day_at NAME: what a service may see: traffic, refused connections, a reload, a new listener
a_day_at() {
	client host "ok=50 answered=50" --to 127.0.0.1 --port 8001 --count 50
	client host "refused=40" --to 127.0.0.1 --port 8009 --count 40
	kill -HUP "${pid[$1]}"
	server "$1-late" host --port 8003
	client host "ok=30 answered=30" --to 127.0.0.1 --port 8003 --count 30
	client host "refused=40" --to 127.0.0.1 --port 8009 --count 40
	stop "$1-late"
	client host "ok=50 answered=50" --to 127.0.0.1 --port 8002 --count 50
	sleep 1.5
}

observe live host <<'CONFIG'
discover: true
services:
  - {name: one, inbound: ["127.0.0.1:8001"]}
  - {name: gone, outbound: ["127.0.0.1/32:8009"]}
CONFIG
equal "the directory is the daemon's own" "$(stat -c %u "/proc/${pid[live]}")" "$(stat -c %u "$(journal live)")"
a_day_at live
holds "records are kept while it runs" eventually now_is live shunt_journal_available "" 1
scrape live
within "…and none is dropped" 0 "$(value live shunt_journal_records_dropped_total)" 0
got=$(replayed live)
equal "a journal that is written can be replayed" 0 $?
stop live
got=$(replayed live)
equal "a live recording comes again: exit status 0" 0 $?
equal "…byte for byte" "true" "$(jq .identical <<<"$got")"
within "…with what happened" 1 "$(jq .changes <<<"$got")" 100
# Ten a second, of a host that has the time.
within "…all of its ticks" 10 "$(jq .read.ticks <<<"$got")" 1000

# ---- another configuration -------------------------------------------------------------------------------

cat >"$scratch/other.yaml" <<'CONFIG'
services:
  - {name: gone, outbound: ["127.0.0.1/32:8009"], breaker: {min_connections: 10, window: 5s}}
  - {name: one, inbound: ["127.0.0.1:8001"]}
guards: {max_open: 3, max_open_share: 1}
CONFIG
got=$(replayed live -c "$scratch/other.yaml")
equal "another configuration: exit status 0" 0 $?
equal "…the trips are lists" array "$(jq -r '.trips | type' <<<"$got")"
"$SHUNT" replay "$(journal live)" -c "$scratch/other.yaml" >"$scratch/whatif.out"
holds "…and said in words" grep -q 'in place of' "$scratch/whatif.out"

# ---- a timeline ---------------------------------------------------------------------------------

# A service that answers, and then nobody listens any more.
server ill host --port 8004
observe told host <<'CONFIG'
services:
  - {name: "ill_one", outbound: ["127.0.0.1/32:8004"]}
  - {name: one, inbound: ["127.0.0.1:8001"]}
CONFIG
client host "ok=50 answered=50" --to 127.0.0.1 --port 8004 --count 50
stop ill
for _ in {1..12}; do
	client host "refused=10" --to 127.0.0.1 --port 8004 --count 10
	sleep 0.1
done
sleep 0.5
stop told
got=$("$SHUNT" timeline --json "$(journal told)")
equal "timeline: exit status 0" 0 $?
equal "…the incident is the ill service's alone" ill_one "$(jq -r '.incidents[].service' <<<"$got")"
equal "…with what was seen first" "at_risk" \
	"$(jq -r '.incidents[0].events[] | select(.what == "first symptom").state' <<<"$got")"
equal "…what that came to" "failing" \
	"$(jq -r '[.incidents[0].events[] | select(.what == "conclusion").state] | last' <<<"$got")"
holds "…and why" grep -q 'connections failed' <<<"$got"
equal "…one service alone, if asked for" 0 \
	"$("$SHUNT" timeline --service one --json "$(journal told)" | jq '.incidents | length')"
equal "…nothing of later" 0 \
	"$("$SHUNT" timeline --from "@$(($(date +%s) + 60))" --json "$(journal told)" | jq '.incidents | length')"
said=$("$SHUNT" timeline --format markdown "$(journal told)")
holds "…as Markdown, with names as they are" grep -qF '### ill\_one is failing for' <<<"$said"
holds "…and as a table" grep -qE '^\| 20.*Z \| \+[0-9.]+ s \| conclusion \| \*\*failing\*\*: ' <<<"$said"
said=$("$SHUNT" timeline --since 1h "$(journal told)")
holds "…as text" grep -qE '^ +\+[0-9.]+ s  conclusion     failing: ' <<<"$said"

# ---- an order that outlasts the daemon ----------------------------------------------------------

observe told host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
# order COMMAND...: to the daemon; what it says
order() {
	inside host "$SHUNT" "$@" -c "$scratch/told.yaml"
}
# kept COUNT: so many records are acknowledged
kept() {
	scrape told
	[ "$(value told shunt_journal_records_total)" -ge "$1" ]
}
order trip one --why "to be moved" --for 10m >"$scratch/trip.out"
equal "a trip by hand" 0 $?
holds "…is kept at once" eventually kept 3
{ stop told KILL; } 2>"$scratch/said"
observe told host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
holds "…and stands after a kill" grep -q '^one: closed, was open: ' < <(order reset one --why moved)
stop told
observe told host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
holds "…and no more once it was reset" grep -q '^one: open, was closed: ' \
	< <(order trip one --why again --for 10s)
stop told
got=$(replayed told)
equal "…which all comes again: exit status 0" 0 $?
within "…decisions among it" 2 "$(jq .decisions <<<"$got")" 10
said=$("$SHUNT" timeline --service one "$(journal told)")
holds "…and is in the timeline with its reason" grep -q 'done .*to be moved' <<<"$said"

# ---- a restart, a kill --------------------------------------------------------------------------

observe live host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
client host "ok=20 answered=20" --to 127.0.0.1 --port 8001 --count 20
sleep 6
{ stop live KILL; } 2>"$scratch/said"
observe live host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
client host "ok=20 answered=20" --to 127.0.0.1 --port 8001 --count 20
stop live
got=$(replayed live)
equal "after a kill all three runs come again: exit status 0" 0 $?
within "…the killed one up to its last seconds" 60 "$(jq .read.ticks <<<"$got")" 1000
equal "…without a gap" 0 "$(jq .read.gaps <<<"$got")"

# ---- limits -------------------------------------------------------------------------------------

# asked SQL: what SQLite says of the journal
asked() {
	python3 -c 'import sqlite3, sys
journal = sqlite3.connect(sys.argv[1], timeout=10)
for row in journal.execute(sys.argv[2]):
    print(row[0])
journal.commit()' "$(journal brief)/journal.db" "$1"
}
# old COUNT: so many records are older than an hour
old() {
	[ "$(asked "SELECT count(*) FROM records WHERE wall < (unixepoch() - 3600) * 1000000000")" -eq "$1" ]
}
# written COUNT: records that this daemon has written
written() {
	scrape brief
	[ "$(value brief shunt_journal_records_total)" -ge "$1" ]
}
observe brief host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
eventually written 1
stop brief
asked "UPDATE records SET wall = wall - 7200000000000"
aged=$(asked "SELECT count(*) FROM records")
observe brief host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
eventually written 1
holds "what is two hours old is kept" old "$aged"
echo 'journal: {keep: 1h}' >>"$scratch/brief.yaml"
kill -HUP "${pid[brief]}"
holds "…and goes when a reload says so" eventually old 0
within "…and nothing else" 1 "$(asked "SELECT count(*) FROM records")" 1000
stop brief

# ---- trouble ------------------------------------------------------------------------------------

"$SHUNT" replay "$scratch/nowhere" >"$scratch/out" 2>"$scratch/said"
equal "no journal: exit status 1" 1 $?
holds "…said" grep -q "^shunt: replay: $scratch/nowhere: No such file" "$scratch/said"
"$SHUNT" replay --from yesterday "$(journal live)" >"$scratch/out" 2>"$scratch/said"
equal "no time: exit status 2" 2 $?

# A file in place of the directory: nobody can write there.
touch "$scratch/broken.state"
observe broken host <<<'services: [{name: one, inbound: ["127.0.0.1:8001"]}]'
client host "ok=20 answered=20" --to 127.0.0.1 --port 8001 --count 20
expect "without a journal it counts all the same" broken one "handshakes=20 closed=20"
holds "…and says that there is none" now_is broken shunt_journal_available "" 0
equal "…once" 1 "$(grep -c 'history is lost' "$scratch/broken.log")"
stop broken
equal "…and ends in order" 0 $?
