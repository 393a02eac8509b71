# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# An nginx that fails on command. To be sourced after lib.sh.

# Where nginx answers, but closes without a word while this file is there (444): its own failure.
broken=$scratch/broken

# faulty_nginx NAMESPACE PORT WELL: listens on both; at the second it never fails
faulty_nginx() {
	local dir=$scratch/nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONFIG
		daemon off;
		worker_processes 1;
		user root;
		pid $dir/pid;
		error_log stderr error;
		events { worker_connections 4096; }
		http {
			access_log off;
			$(nginx_paths $dir)
			server {
				listen $2 backlog=4096;
				if (-f $broken) { return 444; }
				location / { return 200 "hello\n"; }
			}
			server {
				listen $3 backlog=4096;
				location / { return 200 "hello\n"; }
			}
		}
	CONFIG
	spawn nginx "$1" nginx -e stderr -c "$dir/nginx.conf"
	eventually listens "$1" "$2" || give_up "nginx does not start"
}
