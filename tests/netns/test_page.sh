#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The status page in a real Chromium, of a daemon with live traffic: what fails shows at once, with its
# reason and the balancer's countdown; everything can be reached by keys and has a name; nothing is
# complained of; many services and a long time cost little. HOUR=3600 is what `make prove` takes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/haproxy.sh"
. "$(dirname "$0")/browser.sh"

namespace backend
cable balancer 10.211.0
cable crowd 10.212.0
backend steady backend 8001
backend killed backend 8002
backend checked backend 8003
observe shunt backend <<-CONFIG
	services:
	  - {name: steady, inbound: ["*:8001"]}
	  - {name: killed, inbound: ["*:8002"], breaker: {mode: shadow, open_for: 20s}}
	  - {name: checked, inbound: ["*:8003"], health_check: {model: haproxy}}
	  - {name: "<b>&amp;</b>", outbound: ["10.211.0.9:1"]}
CONFIG
turn steady "slow 20" >/dev/null
load steady_load crowd 10.212.0.2 8001 50
load killed_load crowd 10.212.0.2 8002 100
balance lb balancer 9001 "inter 500ms fall 3 rise 2" checked=10.211.0.2:8003 <<<"option httpchk GET /healthz"

# ---- what it is ---------------------------------------------------------------------------------

fetch shunt / -D "$scratch/head" -o "$scratch/page.html" || give_up "no page"
equal "the page is one file: nothing is fetched from elsewhere" "" \
	"$(grep -oE '(src|href)="[^"]*"' "$scratch/page.html" | grep -vE '="(/|#|data:)')"
policy=$(sed -n 's/^Content-Security-Policy: //p' "$scratch/head")
holds "…and runs its own script alone" grep -q "default-src 'none'; script-src 'sha256-[^']*'; style" <<<"$policy"
equal "…with nothing inline allowed" "" "$(grep -oE 'unsafe-[a-z]+' <<<"$policy")"
equal "it has no form, and no button" "" "$(grep -oE '<(form|button)' "$scratch/page.html")"

browser backend
browse size 1280 800 >/dev/null
browse scheme light >/dev/null
browse goto http://127.0.0.1:9909/ >/dev/null

# state NAME: as the page shows it
state() {
	page "[...document.querySelectorAll('.service')].find((node) =>
		node.querySelector('.name').textContent === '$1')?.querySelector('.state').textContent"
}
shows() {
	[ "$(state "$1")" = "$2" ]
}
holds "services are shown" eventually shows steady healthy
equal "…a name is text, whatever is in it" "idle" "$(state '<b>&amp;</b>')"
holds "…and live" eventually page_is "document.getElementById('link-text').textContent" live
holds "a heat map is drawn" eventually page_is "(() => {
	const canvas = document.querySelector('.service canvas');
	const blank = document.createElement('canvas');
	blank.width = canvas.width;
	blank.height = canvas.height;
	return canvas.toDataURL() !== blank.toDataURL() })()" true

# painted AT_LEAST: so many columns of steady's
painted() {
	[ "$(page "(() => {
		const canvas = [...document.querySelectorAll('.service')].find((node) =>
			node.querySelector('.name').textContent === 'steady')?.querySelector('canvas');
		const columns = new Set();
		const copy = new OffscreenCanvas(150, 22).getContext('2d', {willReadFrequently: true});
		if (canvas)
			copy.drawImage(canvas, 0, 0);
		copy.getImageData(0, 0, 150, 22).data.forEach((value, i) => {
			if (i % 4 === 3 && value)
				columns.add((i >> 2) % 150);
		});
		return columns.size })()")" -ge "$1" ]
}
eventually painted 4 || give_up "the heat map does not go on"
# What comes anew in the time that a look takes is one column, or two.
browse goto http://127.0.0.1:9909/ >/dev/null
PATIENCE=3 holds "…which a page that is loaded again has still" eventually painted 4

# ---- what happens -------------------------------------------------------------------------------

# The page notes when it shows what; the daemon's word of it has a time, too.
page "globalThis.watch = new MutationObserver(() => {
	for (const node of document.querySelectorAll('.service.bad .name'))
		(globalThis.shown ??= {})[node.textContent] ??= Date.now();
	if (document.querySelector('.next:not([hidden])')?.textContent.startsWith('Breaker open'))
		globalThis.opened ??= Date.now() })
	.observe(document.getElementById('services'), {subtree: true, childList: true, attributes: true,
		characterData: true})" >/dev/null
eventually shows killed healthy || give_up "killed is not well"
stop killed KILL
holds "a service that fails is shown as failing" eventually shows killed failing
since=$(fetch shunt /api/v1/status | jq -r '.services[] | select(.name == "killed").since')
within "…within a second of the judgement, in ms" 0 \
	"$(page "(globalThis.shown?.killed ?? Infinity) - Date.parse('$since')")" 1000
equal "…on top" killed "$(page "document.querySelector('.service .name').textContent")"
holds "…with its reason" grep -q 'connections failed in the last' \
	<<<"$(page "document.querySelector('.service .why').textContent")"
holds "…and said aloud" grep -q '^killed is failing: ' <<<"$(page "document.getElementById('news').textContent")"
# A breaker that trips: noted by the page when it shows it, by the daemon when it was.
next_of() {
	page "[...document.querySelectorAll('.service')].find((node) =>
		node.querySelector('.name').textContent === '$1').querySelector('.next').textContent"
}
counts_down() {
	next_of killed | grep -qE 'Breaker open \(shadow: nothing is touched\); .*; half-open in [0-9]+ s'
}
holds "its breaker opens, with its reason and what comes next" eventually counts_down
opened=$(fetch shunt /api/v1/status | jq -r '.services[] | select(.name == "killed").breaker.since')
within "…within a second, too, in ms" 0 "$(page "(globalThis.opened ?? Infinity) - Date.parse('$opened')")" 1000
equal "the title counts it" "(1) shunt" "$(page document.title)"
holds "the timeline has it" grep -q 'killed.*at risk → failing' \
	<<<"$(page "[...document.querySelectorAll('#changes li')].map((node) => node.textContent).join('|')")"
holds "…and the breaker" grep -q 'killed breaker closed → open' \
	<<<"$(page "[...document.querySelectorAll('#changes li')].map((node) => node.textContent).join('|')")"

checked_prober() {
	[ "$(fetch shunt /api/v1/status | jq '.services[] | select(.name == "checked").probers | length')" = 1 ]
}
eventually checked_prober || give_up "the balancer's checks are not seen"
turn checked 503 >/dev/null
countdown() {
	page "[...document.querySelectorAll('.next')].map((node) => node.textContent).join('|')" |
		grep -qE 'haproxy at 10\.211\.0\.1, every 5[0-9.]+ ms: (going down; out after [12] more failed check|out of service)'
}
holds "the balancer's countdown is shown" eventually countdown
eventually shows checked failing || give_up "checked is not failing"
# With that two of three are not well, which no cutting off would mend.
held() {
	next_of killed | grep -qE 'Breaker closed \(shadow.*; stays closed: [0-9]+ of [0-9]+ connections failed .*; refused by panic: '
}
holds "a breaker that a guard holds says which, and why" eventually held

# ---- without a mouse ----------------------------------------------------------------------------

# focus: what has it, in a word
focus() {
	page "(() => { const at = document.activeElement; return at.id ||
		at.querySelector('.name')?.textContent || at.className || at.textContent })()"
}
# press KEY...: where each leads
press() {
	local key
	for key in "$@"; do
		browse key "$key" >/dev/null
		focus
	done | xargs
}
page "document.body.focus(), scrollTo(0, 0)" >/dev/null
top=$(page "document.querySelector('.service .name').textContent")
equal "the keyboard's order is that of reading" "skip filter signal $top" "$(press Tab Tab Tab Tab)"
second=$(page "document.querySelectorAll('.service .name')[1].textContent")
equal "arrows go from service to service" "$second $top" "$(press ArrowDown ArrowUp)"
browse key Enter >/dev/null
equal "Enter opens one" true "$(page "document.activeElement.parentNode.open")"
holds "…with all that is known" grep -q 'Handshakes since the start.*Connections closed' \
	<<<"$(page "document.activeElement.parentNode.textContent")"
sleep 2.5
equal "…which keeps the focus while all is renewed" "$top true" "$(focus) $(page "document.activeElement.parentNode.open")"
browse key Enter >/dev/null
equal "/ leads to the filter" filter "$(press /)"
for key in s t e a; do
	browse key $key >/dev/null
done
equal "…which leaves what matches" steady \
	"$(page "[...document.querySelectorAll('.service:not([hidden]) .name')].map((node) => node.textContent).join(' ')")"
browse key Escape >/dev/null
equal "…and Escape all" 0 "$(page "document.querySelectorAll('.service[hidden]').length")"

# ---- names, sizes, complaints -------------------------------------------------------------------

browse axtree >"$scratch/axtree"
equal "whatever can be used or read as a picture has a name" "" "$(jq -r '.[] | select(.[1] == "" and
	(.[0] | IN("link", "searchbox", "combobox", "DisclosureTriangle", "image", "img", "region", "button"))) | .[0]' \
	"$scratch/axtree")"
holds "…the heat maps, too" grep -q 'Heat map of .* of steady' "$scratch/axtree"
for width in 1920 1280 1101 901 800 390 320; do
	browse size $width 800 >/dev/null
	equal "at $width pixels nothing sticks out" 0 \
		"$(page "document.documentElement.scrollWidth - innerWidth")"
done
browse size 1280 800 >/dev/null
ink() {
	page "getComputedStyle(document.body).backgroundColor"
}
light=$(ink)
browse scheme dark >/dev/null
holds "dark is another colour than light" [ "$light" != "$(ink)" ]
browse scheme light >/dev/null

kept() {
	fetch shunt /api/v1/status -o "$scratch/before"
	jq -e '.changes | length > 3' "$scratch/before" >/dev/null
}
eventually kept || give_up "nothing has changed"
# Within a second it is in the journal.
sleep 2
stop shunt KILL
holds "a daemon that is gone is missed" eventually page_is "document.getElementById('link').className" lost
spawn shunt backend "$SHUNT" run -c "$scratch/shunt.yaml"
PATIENCE=30 holds "…and found again once it is back" eventually page_is "document.getElementById('link').className" live
# What changed under the killed one, with its time.
was='.service == "killed" and .kind == "health" and .is == "failing"'
equal "…which knows what changed before" "$(jq -c "[.changes[] | select($was) | [.id, .time, .reason, true]]" "$scratch/before")" \
	"$(fetch shunt /api/v1/status | jq -c "[.changes[] | select($was and .earlier_run) | [.id, .time, .reason, .earlier_run]]")"
holds "…and so does the page" eventually page_is "document.querySelectorAll('#changes .border').length" 1
holds "…which tells it from what changed since" grep -q 'Before shunt was started anew.*killed.*at risk → failing' \
	<<<"$(page "document.getElementById('changes').textContent")"
equal "the console has nothing to complain of but the gone daemon" "[]" \
	"$(browse console | jq -c 'map(select(test("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE") | not))')"

# ---- many, and long -----------------------------------------------------------------------------

answers() {
	fetch shunt /api/v1/status | jq -e '[.services[] | select(.histograms.response)] | length > 0' >/dev/null
}
eventually answers || give_up "nothing answers"
browse inject "$(realpath "$(dirname "$0")/feed.js")" >/dev/null
browse goto http://127.0.0.1:9909/ >/dev/null
page "feed.make(256, 20).then(() => feed.run(30))" >/dev/null
equal "256 services are there" 256 "$(page "document.querySelectorAll('.service').length")"
sight=$(page "scrollTo(0, 8000), new Promise(requestAnimationFrame).then(() => feed.inSight())")
# One or two stand on the border.
sight=$((sight + 4))
# touched CALL: pictures drawn, rows in which something is new, rows moved
touched() {
	page "feed.touched(() => $1).then((all) => [all.pictures, all.rows, all.moved].join(' '))"
}
# All of them have been renewed by turns, since it is given again and again.
page "feed.run(3)" >/dev/null
for _ in {1..16}; do
	page "feed.give(true)" >/dev/null
done
read -r pictures rows moved < <(touched "feed.give(true)")
equal "what is not new touches no row" "0 0" "$rows $moved"
within "…and is drawn where it is seen, at most" 0 "$pictures" "$sight"
read -r pictures rows moved < <(touched "feed.give()")
within "256 services, all of them new: it touches those in sight, and others by turns" "$((sight / 2))" "$rows" $((sight + 16))
within "…draws those in sight" $((sight / 2)) "$pictures" "$sight"
equal "…and moves none" 0 "$moved"
# 60 pixels in each of 200 frames bring as many rows as there are on 12,000, renewed 20 times.
height=$(page "document.querySelectorAll('.service')[128].offsetHeight")
read -r pictures rows moved < <(touched "feed.scroll(200)")
within "while one scrolls, each is drawn as it comes, and again when it is renewed" 100 "$pictures" \
	$((12000 / height + 21 * sight))

# work CALL FRAMES: what a frame takes of the page's thread meanwhile, in ms
work() {
	local before
	before=$(browse busy)
	page "$1" >/dev/null
	awk -v after="$(browse busy)" -v before="$before" -v frames="$2" \
		'BEGIN { printf "%.2f\n", (after - before) / frames * 1000 }'
}
page "scrollTo(0, 0)" >/dev/null
before=$(browse layouts)
page "feed.scroll(100)" >/dev/null
within "…and a frame lays out once, mostly" 0 "$(($(browse layouts) - before))" 150
parsed=$(work "feed.parse(100)" 100)
renewed=$(work "feed.run(60)" 60)
smooth=$(work "feed.scroll(300)" 300)
# By the same thread at the same time: what else runs on the host makes both slower. Half of it is seen.
within "a frame while one scrolls, renewed each tenth: at most as much work as reading 25 statuses" 0 \
	"$(awk "BEGIN { print $smooth / $parsed }")" 25
within "a frame in which all are renewed: as reading 30 statuses" 0 "$(awk "BEGIN { print $renewed / $parsed }")" 30
echo "# $smooth ms of work a frame, $renewed ms where all are renewed in each"

hour=${HOUR:-300}
page "feed.run($((hour / 10)))" >/dev/null
read -r bytes nodes listeners < <(browse heap)
page "feed.run($hour)" >/dev/null
read -r later_bytes later_nodes later_listeners < <(browse heap)
within "$hour s of updates leave the heap as it was, in bytes ($bytes)" 0 "$later_bytes" $((bytes + bytes / 10))
within "…and the document, in nodes ($nodes)" 0 "$later_nodes" $((nodes + nodes / 20))
equal "…and who listens" "$listeners" "$later_listeners"
echo "# $bytes bytes of heap, then $later_bytes"

browse goto http://rebound.example:9909/ >/dev/null
equal "a page elsewhere whose name comes to resolve to this host reads nothing of it" true \
	"$(page "document.body.textContent.startsWith('this server does not go by that host name')")"
expect_sound shunt
