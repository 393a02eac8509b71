#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is an exchange and how long it took, for every shape that a conversation over TCP may have.
# docs/signals.md states what each of them means.
. "$(dirname "$0")/lib.sh"

namespace host
shapes="request keep-alive ping-pong pipeline greeting upload download both-at-once half-close
	big-answer big-request handed-over silent server-closes"
configuration() {
	local port=8000 shape
	echo "services:"
	for shape in $shapes; do
		port=$((port + 1))
		echo "  - {name: $shape, inbound: ['*:$port']}"
		echo "  - {name: to-$shape, outbound: ['127.0.0.1:$port']}"
	done
}
configuration >"$scratch/shapes.yaml"
observe shunt host <"$scratch/shapes.yaml"

# dialogue SHAPE COUNT STEP...: on the shape's own port
dialogue() {
	local port=8001 shape
	for shape in $shapes; do
		[ "$shape" = "$1" ] && break
		port=$((port + 1))
	done
	inside host "$tools/dialogue" 127.0.0.1 $port "${@:2}" || not_ok "$1: the dialogue fails"
}

# exchanges SHAPE: how many there were, for the server and for the client, as of the last scrape
exchanges() {
	local server client
	server=$(value shunt shunt_tcp_response_duration_seconds_count "service=\"$1\",role=\"server\"")
	client=$(value shunt shunt_tcp_response_duration_seconds_count "service=\"to-$1\",role=\"client\"")
	echo "${server:-0} ${client:-0}"
}

# have TEXT SHAPE CONNECTIONS SERVER CLIENT: so many exchanges, once the connections have ended
have() {
	expect "$1: the connections" shunt "$2" "handshakes=$3 closed=$3"
	equal "$1: exchanges of the server and the client" "$4 $5" "$(exchanges "$2")"
}

# up_to SERVICE ROLE SECONDS: the exchanges that took no longer, as of the last scrape
up_to() {
	value shunt shunt_tcp_response_duration_seconds_bucket "service=\"$1\",role=\"$2\",le=\"$3\""
}

# took TEXT SHAPE LOW HIGH [COUNT]: at both ends none took LOW seconds or less, and at least COUNT (1)
# took HIGH or less: the machine may hold any of them up, but not all
took() {
	within "$1: server" "${5:-1}" "$(up_to "$2" server "$4")" 1000
	within "$1: client" "${5:-1}" "$(up_to "to-$2" client "$4")" 1000
	[ "$3" = 0 ] && return
	equal "$1, and not less" "0 0" "$(up_to "$2" server "$3") $(up_to "to-$2" client "$3")"
}
low=0.015625 # 20 ms lie between these two bounds of the histogram, and 40 ms above them
high=0.03125

dialogue request 10 c100 sr w20 s200 cr
have "a request and its answer" request 10 10 10
took "…from the request's end to the answer's beginning" request $low $high

dialogue keep-alive 10 c100 sr s200 cr c100 sr s200 cr c100 sr s200 cr w30 c100 sr s200 cr
have "four requests on each connection" keep-alive 10 40 40
took "…of which the pause between them is no part" keep-alive 0 $low 31

dialogue ping-pong 3 c100 sr s25 cr c1000 sr w20 s200 cr
have "100 Continue and the like: each turn is an exchange" ping-pong 3 6 6

dialogue pipeline 4 c100 w20 c100 sr w20 s200 s200 cr
have "requests sent before their answers are one exchange" pipeline 4 4 4
took "…from the last one's end" pipeline $low $high

dialogue greeting 5 w20 s80 cr
have "what the server says unasked answers nothing" greeting 5 0 0
dialogue greeting 5 s80 cr c20 sr w20 s80 cr
have "…but what it says thereafter does" greeting 10 5 5
took "…from the client's words on" greeting $low $high

dialogue upload 3 c60000 sr w10 c60000 sr w10 c60000 sr
have "a stream to the server has no answer" upload 3 0 0
dialogue download 3 s60000 cr w10 s60000 cr w10 s60000 cr
have "a stream from the server has no request" download 3 0 0

dialogue big-request 3 c60000 sr w20 c60000 sr w20 s100 cr
have "a request of many segments" big-request 3 3 3
took "…is over with its last one" big-request $low $high
dialogue big-answer 3 c100 sr w20 s60000 cr w20 s60000 cr
have "an answer of many segments" big-answer 3 3 3
took "…begins with its first one" big-answer $low $high

# The client's end is not looked at any more once it has sent its FIN: tcp_probe is of ESTABLISHED.
dialogue half-close 3 c100 ce sr w20 s200 cr
have "a client that sends no more after its request: known at the server" half-close 3 3 0

# Each child holds the dialogues that are left.
dialogue handed-over 3 h c100 sr w20 s200 cr
have "sockets handed to another process" handed-over 3 3 3
dialogue silent 3 w10
have "a connection without a word" silent 3 0 0
dialogue server-closes 5 c100 sr w20 s200 sx cr
have "the server closes right after its answer" server-closes 5 5 5
took "…and how long it took is known" server-closes $low $high

expect_sound shunt
