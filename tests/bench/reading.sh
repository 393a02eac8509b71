# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# Reading: what the daemon takes for itself. Scrapes, ticks, memory, by the number of services.

# ---- memory -------------------------------------------------------------------------------------

# resident PID: its resident memory, without the kernel's maps that it looks into, in KiB
resident() {
	awk '/^[0-9a-f]+-/ { maps = $6 == "anon_inode:bpf-map" }
		/^Rss:/ && !maps { sum += $2 }
		END { print sum }' "/proc/$1/smaps"
}

memory_with() {
	local count=$1 round=$2 foretold
	foretold=$("$SHUNT" check --json -c "$scratch/observer.yaml" | jq .kernel_memory.fixed_bytes)
	sample memory resident "$count" - "$round" "$(resident "${pid[observer]}")"
	sample memory whole "$count" - "$round" "$(awk '/^VmRSS:/ { print $2 }' "/proc/${pid[observer]}/status")"
	sample memory kernel "$count" - "$round" "$(kernel_memory observer)"
	sample memory foretold "$count" - "$round" "$foretold"
}

# ---- ticks --------------------------------------------------------------------------------------

# wakes PID SECONDS: its CPU time each time that it was awake, in ns, one a line. A look every 20 ms,
# a fifth of a tick; what two looks in a row have seen is one waking.
wakes() {
	local process=$1 until now before rest never
	exec {never}<> <(:)
	until=$((${EPOCHREALTIME/./} + $2 * 1000000))
	read -r before rest <"/proc/$process/schedstat"
	while [ "${EPOCHREALTIME/./}" -lt $until ]; do
		read -r -t 0.02 -u "$never" rest
		kill -0 "$process" || give_up "the daemon has ended"
		read -r now rest <"/proc/$process/schedstat"
		echo $((now - before))
		before=$now
	done | awk '$1 { sum += $1; next } sum { print sum; sum = 0 } END { if (sum) print sum }'
	exec {never}<&-
}

# ticks COUNT MODE ROUND: the daemon's CPU time by tick, over some seconds
ticks_with() {
	local heaviest
	wakes "${pid[observer]}" "$idle_seconds" >"$scratch/wakes"
	sample tick mean "$1" "$2" "$3" \
		"$(awk -v ticks=$((idle_seconds * 10)) '{ sum += $1 } END { print sum / ticks }' "$scratch/wakes")"
	# Of each second the heaviest; report.awk takes their median.
	while read -r heaviest; do
		sample tick heaviest "$1" "$2" "$3" "$heaviest"
	done < <(awk '$1 > most { most = $1 } NR % 10 == 0 { print most; most = 0 }' "$scratch/wakes")
}

# The same while every service has requests.
busy_ticks_with() {
	spawn spread host "$bench/spread" "$first_port" "$1" $((idle_seconds + 2))
	ticks_with "$1" busy "$2"
	finished spread
}

# ---- scrapes ------------------------------------------------------------------------------------

# What a scraper sends, by the name of its kind.
protobuf="application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
openmetrics="application/openmetrics-text;version=1.0.0"
readers=("text" "text, gzip" "OpenMetrics, gzip" "protobuf" "protobuf, gzip")

headers_of() {
	case $1 in
	*gzip) printf '%s\n' -H "Accept-Encoding: gzip" ;;
	esac
	case $1 in
	OpenMetrics*) printf '%s\n' -H "Accept: $openmetrics" ;;
	protobuf*) printf '%s\n' -H "Accept: $protobuf" ;;
	esac
}

scrape_as() {
	local count=$1 round=$2 format=$3 headers bytes took
	mapfile -t headers < <(headers_of "$format")
	# The first of a connection is not like the others: as Prometheus does, it is kept.
	inside host "$bench/measure" --cpu "daemon:${pid[observer]}" --output "$scratch/scrapes" \
		curl -sf -o /dev/null -w '%{size_download} %{time_total}\n' "${headers[@]}" \
		"http://127.0.0.1:9909/metrics?[1-$scrapes]" >"$scratch/gauge" || give_up "no scrape: $format"
	while read -r bytes took; do
		sample scrape_bytes "$format" "$count" - "$round" "$bytes"
		sample scrape_ms "$format" "$count" - "$round" "$(awk "BEGIN { print $took * 1000 }")"
	done <"$scratch/scrapes"
	sample scrape_cpu "$format" "$count" - "$round" \
		"$(awk -v scrapes="$scrapes" '$2 == "daemon" { print $3 / scrapes / 1e6 }' "$scratch/gauge")"
}

scrapes_with() {
	local reader
	for reader in "${readers[@]}"; do
		scrape_as "$1" "$2" "$reader"
	done
}

# lateness MODE ROUND PAUSE: of ticks that scrapes in a row have met, or that none has
lateness() {
	local until=$((SECONDS + idle_seconds)) before='' late
	while [ $SECONDS -lt $until ]; do
		late=$(fetch observer /metrics | awk '$1 == "shunt_tick_late_seconds" { print $2 * 1e6 }')
		[ "$late" = "$before" ] || sample late tick 256 "$1" "$2" "$late"
		before=$late
		[ "$3" = 0 ] || sleep "$3"
	done
}

# ---- all of it ----------------------------------------------------------------------------------

reading_with() {
	local count=$1 round=$2
	place free
	serve many "$first_port" "$count"
	observe observer host < <(many "$count")
	# Memory is what it is once everything has been used.
	inside host "$bench/spread" "$first_port" "$count" "$seconds" >"$scratch/spread"
	scrapes_with "$count" "$round"
	busy_ticks_with "$count" "$round"
	# What was measured must have left the windows.
	sleep "$((idle_seconds / 2))"
	ticks_with "$count" idle "$round"
	memory_with "$count" "$round"
	if [ "$count" -eq 256 ]; then
		lateness alone "$round" 0.35
		lateness scraped "$round" 0
	fi
	stop observer
	stop many
}

measure_reading() {
	local count
	for count in $service_counts; do
		say "reading, $count services"
		reading_with "$count" 1
	done
}
