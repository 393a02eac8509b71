#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The model of nginx against nginx: it passes requests on to a peer that answers them, or not, and to
# another where it skips that one. Whom it asked, and when, is in its log, and is the truth.
. "$(dirname "$0")/lib.sh"

dir=$scratch/nginx
mkdir -p "$dir"
namespace host

# max_fails and fail_timeout (s) of each upstream; its front is at port 8000 + its number.
limits=("1 1" "2 1" "3 1" "1 2" "2 2" "3 2" "4 1")

# A peer that is skipped is told from one whose turn it is not by the other being a backup. What the
# first one does is in the path: /ok, /sick (an HTTP error), /cut (no answer at all).
upstreams() {
	local i
	for i in "${!limits[@]}"; do
		read -r max_fails fail_timeout <<<"${limits[$i]}"
		cat <<-UPSTREAM
			upstream u$i {
				server 127.0.0.1:9000 max_fails=$max_fails fail_timeout=${fail_timeout}s;
				server 127.0.0.1:9001 backup;
			}
			server {
				listen $((8000 + i));
				access_log $dir/u$i.requests front;
				location / { proxy_pass http://u$i; }
			}
		UPSTREAM
	done
}

cat >"$dir/nginx.conf" <<CONFIG
daemon off;
worker_processes 1;
pid $dir/pid;
error_log $dir/error warn;
events {}
http {
	log_format front '\$msec \$request_time \$uri \$upstream_addr';
	access_log off;
	$(nginx_paths $dir)
	server {
		listen 9000;
		location /ok { return 200; }
		location /sick { return 503; }
		location /cut { return 444; }
	}
	server { listen 9001; location / { return 200; } }
	upstream lone { server 127.0.0.1:9000 max_fails=1 fail_timeout=1h; }
	server { listen 8100; access_log $dir/lone.requests front; location / { proxy_pass http://lone; } }
$(upstreams)
}
CONFIG
spawn nginx host nginx -e stderr -c "$dir/nginx.conf"
asks() {
	inside host curl -s -o "$dir/answer" "http://127.0.0.1:$1/$2"
}
eventually asks 9001 ok || give_up "nginx does not start"

# ---- requests -----------------------------------------------------------------------------------

# nginx's clock has whole seconds: a request within one has one time.
early_in_a_second() {
	local fraction=${EPOCHREALTIME#*.}
	[ "${fraction:0:1}" -lt 7 ] || sleep "0.$((1100000 - 10#$fraction))"
}

# urls WAYS: a request to each upstream; which way it ends comes from the seed
RANDOM=1
urls() {
	local -a ways
	local i
	read -ra ways <<<"$1"
	for i in "${!limits[@]}"; do
		echo "http://127.0.0.1:$((8000 + i))/${ways[RANDOM % ${#ways[@]}]}"
	done
}

# Bad times, better ones, and good ones, so that failures add up and are forgotten.
for ways in "cut cut ok" "ok ok cut sick" "ok" "cut" "ok cut"; do
	for _ in 1 2 3 4 5 6; do
		early_in_a_second
		urls "$ways" >"$dir/urls"
		xargs -a "$dir/urls" nsenter --net="/run/netns/shunt-$$-host" -- curl -s >"$dir/answers"
		sleep "0.$((RANDOM % 5 + 1))"
	done
done

for _ in 1 2 3 4 5; do
	asks 8100 cut
done
equal "a peer without others is asked however often it fails" 5 \
	"$(grep -c ' /cut 127.0.0.1:9000$' "$dir/lone.requests")"

# ---- the same in the model ----------------------------------------------------------------------

# story FILE: what the model is told, and what nginx did: a look before each request, when the peer is
# skipped or asked, and what became of a request that it was asked. A request that was under way when
# a second began has no one time: everything after it would be a guess.
story() {
	awk '
		int($1) != int($1 - $2) { exit }
		{ print $1, "look", $4 ~ /^127.0.0.1:9000/ ? "asked" : "skipped" }
		$4 !~ /^127.0.0.1:9000/ { next }
		/9000, / { print $1, "reset failed"; next }
		/sick/ { print $1, "http_error passed"; next }
		{ print $1, "pass passed" }' "$1"
}

compared=0 skipped=0 disabled=0
for i in "${!limits[@]}"; do
	read -r max_fails fail_timeout <<<"${limits[$i]}"
	story "$dir/u$i.requests" >"$dir/u$i.story"
	cut -d ' ' -f 1,2 "$dir/u$i.story" |
		"$tools/shadow" nginx $((fail_timeout * 1000)) "$max_fails" 1 >"$dir/u$i.model"
	paste -d ' ' "$dir/u$i.story" "$dir/u$i.model" >"$dir/u$i.both"
	equal "max_fails=$max_fails fail_timeout=${fail_timeout}s: the model is down when nginx skips the peer" "" \
		"$(awk '$2 == "look" && ($3 == "skipped") != ($4 == "down")' "$dir/u$i.both")"
	compared=$((compared + $(grep -c ' look ' "$dir/u$i.both")))
	skipped=$((skipped + $(grep -c ' skipped ' "$dir/u$i.both")))
	disabled=$((disabled + $(grep -c ' failed down ' "$dir/u$i.both")))
done
total=$((${#limits[@]} * 30))
if [ "$compared" -eq "$total" ]; then
	equal "nginx says as often that it disabled a peer" \
		"$(grep -c 'temporarily disabled' "$dir/error")" "$disabled"
else
	skip "nginx says as often that it disabled a peer" "a request was too slow to tell when it was"
fi
within "requests compared" $((total / 2)) $compared $total
within "…of which the peer was skipped" $((compared / 10)) $skipped $((compared * 9 / 10))
