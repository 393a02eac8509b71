#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon cuts a real nginx that fails, and lets it back; in shadow it touches nothing; and what it has
# cut passes again once it is stopped or killed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/holder.sh"

readonly port=8000
namespace near far
wire near far
foreign near || give_up "no XDP on this kernel's veth"

# nginx answers, but closes without a word while the file is there (444): its own failure
broken=$scratch/broken
mkdir -p "$scratch/nginx"
cat >"$scratch/nginx/nginx.conf" <<-CONFIG
	daemon off;
	worker_processes 1;
	user root;
	pid $scratch/nginx/pid;
	error_log stderr error;
	events { worker_connections 4096; }
	http {
		access_log off;
		client_body_temp_path $scratch/nginx/body;
		proxy_temp_path $scratch/nginx/proxy;
		fastcgi_temp_path $scratch/nginx/fastcgi;
		uwsgi_temp_path $scratch/nginx/uwsgi;
		scgi_temp_path $scratch/nginx/scgi;
		server {
			listen $port backlog=4096;
			if (-f $broken) { return 444; }
			location / { return 200 "hello\n"; }
		}
		server {
			listen 8001 backlog=4096;
			location / { return 200 "hello\n"; }
		}
	}
CONFIG
spawn nginx far nginx -e stderr -c "$scratch/nginx/nginx.conf"
eventually listens far $port || give_up "nginx does not start"

# observer MODE OPTION…: two services, for the last is never cut; options of the breaker
observer() {
	local mode=$1
	shift
	observe observer far <<-CONFIG
		interfaces: [eth0]
		services:
		  - name: web
		    inbound: ["*:$port"]
		    breaker: {mode: $mode, window: 2s, open_for: 1s, open_for_max: 8s$(printf ', %s' "$@")}
		  - {name: other, inbound: ["*:8001"]}
		guards: {max_open_share: 0.5, lease: 1s}
	CONFIG
}

# said TEXT: the daemon's log has it
said() {
	grep -qs "$1" "$scratch/observer.log"
}
# ---- enforce ------------------------------------------------------------------------------------

observer enforce "half_open: {share: 0.5, connections: 4}"
holds "XDP is attached" said 'interfaces: eth0: XDP attached, in the driver'
load busy near 10.203.0.2 $port 100
spawn neighbour near "$tools/load" 10.203.0.2 8001 20
sleep 2
touch "$broken"
holds "a failing nginx is cut" eventually said 'breaker, enforce: web: open, was closed'
refused() {
	[ -n "$(first busy refused 0)" ]
}
holds "…its new connections are refused" eventually refused
holds "…half-open it fails its trials and opens again" eventually said 'web: open, was half_open'
rm "$broken"
holds "nginx is well: the breaker closes" eventually said 'web: closed, was half_open'
sleep 1
stop busy >/dev/null
equal "…and connections are served again" good "$(awk 'NF == 3 { print $3 }' "$scratch/busy.out" | tail -n 50 | sort -u)"
stop neighbour >/dev/null
expect_sound observer
stop observer
