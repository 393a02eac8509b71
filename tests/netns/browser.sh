# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# A real Chromium in a namespace. To be sourced after lib.sh; browser.py has the commands.

# browser NAMESPACE: starts it; there is one
browser() {
	local ready
	mkfifo "$scratch/browser.in" "$scratch/browser.answers"
	pid[browser]=
	nsenter --net="/run/netns/shunt-$$-$1" -- env HOME="$scratch" XDG_RUNTIME_DIR="$scratch" /usr/bin/python3 \
		"$(dirname "${BASH_SOURCE[0]}")/browser.py" "$scratch/profile" \
		<"$scratch/browser.in" >"$scratch/browser.answers" 2>"$scratch/browser.log" &
	pid[browser]=$!
	exec {to_browser}>"$scratch/browser.in" {from_browser}<"$scratch/browser.answers"
	read -r -t 60 ready <&"$from_browser" && [ "$ready" = ready ] || give_up "Chromium does not start"
}

# browse COMMAND...: its answer
browse() {
	local answer
	echo "$*" >&"$to_browser"
	read -r -t 300 answer <&"$from_browser" || give_up "the browser does not answer: $*"
	echo "$answer"
}

# page EXPRESSION: its value in the page, as text; a promise is waited for
page() {
	browse eval "$(tr '\n\t' '  ' <<<"$1")" | jq -r .
}

# page_is EXPRESSION VALUE
page_is() {
	[ "$(page "$1")" = "$2" ]
}
