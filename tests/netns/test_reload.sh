#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# SIGHUP: what has not changed in the configuration is not touched, and a broken file changes nothing.
. "$(dirname "$0")/lib.sh"

namespace host
server echo host --port 8001 --port 8002 --port 8003 --port 8004

# reload PATTERN: the configuration on standard input; the log says it once more
reload() {
	local lines
	lines=$(grep -c "$1" "$scratch/reload.log")
	configure reload
	kill -HUP "${pid[reload]}"
	eventually said "$1" $((lines + 1)) || give_up "the log does not say '$1'"
}
said() {
	[ "$(grep -c "$1" "$scratch/reload.log")" -eq "$2" ]
}

call() {
	client host "ok=$2 answered=$2" --to 127.0.0.1 --port "$1" --count "$2"
}

is_known() {
	scrape reload
	grep -q "^shunt_tcp_connections_active{service=\"$1\"," "$scratch/reload.metrics"
}
is_unknown() {
	! is_known "$1"
}

# info: the configuration in use
info() {
	scrape reload
	grep '^shunt_config_info{' "$scratch/reload.metrics"
}

observe reload host <<'CONFIG'
services:
  - {name: kept, inbound: ["*:8001"]}
  - {name: removed, inbound: ["*:8002"]}
  - {name: moved, inbound: ["*:8004"]}
CONFIG
call 8001 10
call 8002 20
call 8004 30
spawn open host "$tools/client" --to 127.0.0.1 --port 8001 --hold --count 5 --batch 5
eventually printed open '^holding$' || give_up "the client does not start"
spawn late host "$tools/client" --to 127.0.0.1 --port 8002 --hold --count 5 --batch 5
eventually printed late '^holding$' || give_up "the client does not start"

# ---- a broken file ------------------------------------------------------------------------------

before=$(info)
reload "the old one stays" <<<'services: [{name: kept, inbund: ["*:8001"]}]'
within "a broken file is named with its line" 1 \
	"$(grep -c "^shunt: reload: $scratch/reload.yaml:1: .*inbund" "$scratch/reload.log")" 1
equal "…and changes nothing" "$before" "$(info)"
expect "…no count" reload removed "handshakes=25 closed=20 active=5"
rm "$scratch/reload.yaml"
kill -HUP "${pid[reload]}"
holds "a file that is gone is named" eventually said "reload: $scratch/reload.yaml: No such file" 1
equal "…and changes nothing" "$before" "$(info)"

# ---- a difference -------------------------------------------------------------------------------

reload "reload: done" <<'CONFIG'
services:
  - {name: added, inbound: ["*:8003"]}
  - {name: moved, inbound: ["*:8002"]}
  - {name: kept, inbound: ["*:8001"]}
CONFIG
call 8001 1
call 8002 2
call 8003 3
expect "a service that did not change keeps its counts and connections" reload kept \
	"handshakes=16 closed=11 active=5"
expect "a service that is added counts" reload added "handshakes=3 closed=3"
# Those that are open belong to the service that they were made under.
expect "a service with another port keeps its counts" reload moved "handshakes=32 closed=32"
stop open USR1 >/dev/null

# The place of the service that was removed must not be another's while it has connections, however
# long: past the grace of two seconds that it has anyway.
sleep 4
reload "reload: done" <<'CONFIG'
services:
  - {name: fresh, inbound: ["*:8004"]}
  - {name: added, inbound: ["*:8003"]}
  - {name: moved, inbound: ["*:8002"]}
  - {name: kept, inbound: ["*:8001"]}
CONFIG
stop late USR1 >/dev/null
call 8004 4
expect "connections of a service that was removed end under no other name: a new one" reload fresh \
	"handshakes=4 closed=4"
expect "connections that were open all the while are counted at their end" reload kept \
	"handshakes=16 closed=16"
expect "…not under the service that has their port now" reload moved "handshakes=32 closed=32"
holds "a service that is removed disappears, its connections having ended" eventually is_unknown removed
if [ "$before" != "$(info)" ]; then
	ok "the configuration's hash is another"
else
	not_ok "the configuration's hash is another"
fi

# ---- there and back -----------------------------------------------------------------------------

reload "reload: done" <<<'services: [{name: kept, inbound: ["*:8001"]}, {name: removed, inbound: ["*:8002"]}]'
scrape reload
begun=$(value reload shunt_tcp_handshakes_total 'service="removed",role="server",error_type=""')
call 8002 7
holds "a service that comes back counts" eventually now_is reload shunt_tcp_handshakes_total \
	'service="removed",role="server",error_type=""' $((begun + 7))
kill -HUP "${pid[reload]}"
eventually said "reload: done" 4
expect "a file that did not change changes nothing" reload kept "handshakes=16 closed=16"

# ---- what only a start can do -------------------------------------------------------------------

reload "takes effect at the next start" <<<'interfaces: [lo]'
holds "interfaces: said that it is too late" said "reload: interfaces changed, takes effect at the next start" 1
reload "from the next start on" <<<'services: [{name: called, outbound: ["10.0.0.1:80"]}]'
holds "a first dependency: likewise" said "reload: outbound is new, verdicts on dependencies are carried out from" 1
expect_sound reload
