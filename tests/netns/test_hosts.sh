#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# By which host names the daemon is asked: a page elsewhere whose name comes to resolve to this host reads
# nothing, and who scrapes a node by whatever name is answered.
. "$(dirname "$0")/lib.sh"

namespace host

# asked HOST: the status that a request by that name gets, wherever it resolves to
asked() {
	inside host curl -g -s -m 10 -o "$scratch/answer" -w '%{http_code}' --connect-to "::127.0.0.1:9909" \
		"http://$1/metrics"
}
is_asked() {
	[ "$(asked "$1")" = "$2" ]
}

observe shunt host <<<'services: []'
equal "on loopback a foreign name is refused" 421 "$(asked evil.example:9909)"
holds "…with the reason" grep -q 'does not go by that host name' "$scratch/answer"
for name in localhost:9909 127.0.0.1:9909 "[::1]:9909" 10.0.0.5 "$(uname -n):9909"; do
	equal "…$name is answered" 200 "$(asked "$name")"
done
echo "allowed_hosts: [shunt.example]" >>"$scratch/shunt.yaml"
kill -HUP "${pid[shunt]}"
holds "a name that is allowed is answered from the reload on" eventually is_asked shunt.example 200
equal "…and no other one" 421 "$(asked evil.example:9909)"
stop shunt

observe shunt host <<<'listen: "0.0.0.0:9909"'
equal "on all addresses every name is answered, for nodes are scraped by theirs" 200 "$(asked node-1.example:9909)"
stop shunt
observe shunt host <<-CONFIG
	listen: "0.0.0.0:9909"
	allowed_hosts: [node-1.example]
CONFIG
equal "…unless some are allowed expressly: that one is" 200 "$(asked node-1.example:9909)"
equal "…a foreign one is not" 421 "$(asked evil.example:9909)"
