#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A full accept queue: the server's kernel drops SYNs without a word, the clients give up.
. "$(dirname "$0")/lib.sh"

namespace client server
wire client server
observe outbound client <<<'services: [{name: full, outbound: ["10.203.0.2:8080"]}]'
observe inbound server <<<'services: [{name: full, inbound: ["*:8080"]}]'

# Linux lets one more wait than the backlog says, and answers SYNs until then.
server full server --listen 10.203.0.2 --port 8080 --behaviour ignore --backlog 1
spawn waiting client "$tools/client" --to 10.203.0.2 --port 8080 --rounds 0 --hold --count 2 --batch 2
eventually printed waiting '^holding$' || give_up "the queue does not fill"
client client "gave_up=12" --to 10.203.0.2 --port 8080 --rounds 0 --count 12 --batch 12 --give-up 300
client client "timed_out=8" --to 10.203.0.2 --port 8080 --rounds 0 --count 8 --batch 8 \
	--user-timeout 300

expect "those in the queue are connected, those who gave up timed out" outbound full \
	"handshakes=2 handshakes_timed_out=20 active=2"
# The server's kernel counts what it turned away, by packet.
turned_away=$(inside server awk '$1 == "TcpExt:" && !named { for (i = 2; i <= NF; i++) at[$i] = i; named = 1; next }
	$1 == "TcpExt:" { print $at["ListenDrops"] }' /proc/net/netstat)
within "the others were turned away, each once at least" 20 "$turned_away" 100
expect "the server has those in the queue, and has turned the others away" inbound full \
	"handshakes=2 handshakes_overflow=$turned_away active=2"
stop waiting USR1 >/dev/null
expect "a client that closes before it was accepted has not failed: client" outbound full \
	"handshakes=2 handshakes_timed_out=20 closed=2"
stop full >/dev/null
expect "a client that closes before it was accepted has not failed: server" inbound full \
	"handshakes=2 handshakes_overflow=$turned_away closed=2"
expect_sound outbound
expect_sound inbound
