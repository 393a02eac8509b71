#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A real server and real clients: nginx, found and named by itself, asked by curl and wrk. The truth
# is what nginx says that it accepted.
. "$(dirname "$0")/lib.sh"

# Discovery sees every namespace of the host: the port keeps tests that run at once apart.
port=$((20000 + $$ % 10000))
name=nginx:$port
url=http://10.203.0.2:$port
namespace client server
wire client server
observe outbound client <<<"services: [{name: web, outbound: ['10.203.0.2:$port']}]"
observe inbound server <<<"discover: true"
web nginx server $port

# counted: handshakes with the server, as of the last scrape
counted() {
	value inbound shunt_tcp_handshakes_total "service=\"$name\",role=\"server\",error_type=\"\""
}

is_named() {
	scrape inbound
	[ -n "$(counted)" ]
}

# What came before the name was there belongs to _unknown. Asking nginx is a connection, too.
holds "nginx is found and named" eventually is_named
missed=$(($(accepted server $port) - $(counted) - 1))

# agree TEXT CLIENT-COUNTERS: nginx, the server's shunt and the client's shunt tell the same
agree() {
	local total
	total=$(($(accepted server $port) - missed))
	expect "$1: nginx and the server agree" inbound "$name" "handshakes=$total closed=$total"
	expect "$1: the client agrees" outbound web "$2"
}

inside client curl -sf -o "$scratch/answer" -H 'Connection: close' "$url/[1-200]"
agree "200 requests of curl, each on a connection of its own" "handshakes=200 closed=200"
inside client curl -sf -o "$scratch/answer" "$url/[1-100]"
agree "100 requests of curl on one connection" "handshakes=201 closed=201"

# ---- a restart: nginx counts anew, shunt goes on ------------------------------------------------

is_gone() {
	fetch inbound /api/v1/status >"$scratch/status.json"
	[ "$(jq -r --arg name "$name" '.services[] | select(.name == $name) | .activity' \
		"$scratch/status.json")" = gone ]
}

missed=$((missed - $(accepted server $port)))
stop nginx QUIT
holds "a service whose process has ended is gone" eventually is_gone
web nginx server $port
inside client curl -sf -o "$scratch/answer" -H 'Connection: close' "$url/[1-10]"
agree "after a restart the counts go on under the same name" "handshakes=211 closed=211"
equal "…and there is one service of that name" 1 \
	"$(grep -c "^shunt_tcp_connections_active{service=\"$name" "$scratch/inbound.metrics")"

# ---- wrk, which leaves amid its last requests: how those end is up to the moment ----------------

# opened NAME LABELS COUNT: so many handshakes, and all of the connections have ended
opened() {
	scrape "$1"
	[ "$(value "$1" shunt_tcp_handshakes_total "$2,error_type=\"\"")" = "$3" ] &&
		[ "$(value "$1" shunt_tcp_connections_active "$2")" = 0 ]
}

inside client wrk -t 2 -c 20 -d 1s "$url/" >"$scratch/wrk"
within "wrk makes many requests on its connections" 1000 \
	"$(awk '/requests in/ { print $1 }' "$scratch/wrk")" 10000000
total=$(($(accepted server $port) - missed))
holds "20 connections of wrk: nginx and the server agree, none is open" \
	eventually opened inbound "service=\"$name\",role=\"server\"" $total
# It tries its address once before it begins.
holds "20 connections of wrk: the client agrees, none is open" \
	eventually opened outbound 'service="web",role="client"' 232

expect_sound outbound
expect_sound inbound
