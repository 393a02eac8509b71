# SPDX-License-Identifier: GPL-2.0
#
# Makes docs/bench.md of the samples: SECTION FIGURE VARIANT MODE ROUND VALUE, separated by tabs.
# A figure is the median of its samples; a ratio is the median of the ratios of one round each.

BEGIN { FS = "\t" }

$1 == "note" { notes[++notes_count] = $6; next }
$1 == "about" { about[$2] = $6; next }
{
	key = $1 SUBSEP $2 SUBSEP $3 SUBSEP $4
	value[key, ++count[key]] = $6
	round[key, $5] = $6
	if ($5 + 0 > last_round) last_round = $5 + 0
	if (!seen[$1, "figure", $2]++) figures[$1] = figures[$1] "\t" $2
	if (!seen[$1, "variant", $3]++) variants[$1] = variants[$1] "\t" $3
}

# ---- statistics ----

# Sorts numbers[1..n] in place.
function sort_numbers(numbers, n,    i, j, x) {
	for (i = 2; i <= n; i++) {
		x = numbers[i]
		for (j = i - 1; j >= 1 && numbers[j] > x; j--) numbers[j + 1] = numbers[j]
		numbers[j + 1] = x
	}
}

# Sets median, low, high and n of numbers[1..n].
function take(numbers, size) {
	n = size
	if (!n) { median = low = high = ""; return 0 }
	sort_numbers(numbers, n)
	low = numbers[1]; high = numbers[n]
	median = n % 2 ? numbers[(n + 1) / 2] : (numbers[n / 2] + numbers[n / 2 + 1]) / 2
	return n
}

function figure(section, name, variant, mode,    key, numbers, i) {
	key = section SUBSEP name SUBSEP variant SUBSEP mode
	for (i = 1; i <= count[key]; i++) numbers[i] = value[key, i] + 0
	return take(numbers, count[key] + 0)
}

# Of two variants, by round.
function ratio(section, name, variant, base, mode,    a, b, r, numbers, size) {
	a = section SUBSEP name SUBSEP variant SUBSEP mode
	b = section SUBSEP name SUBSEP base SUBSEP mode
	for (r = 0; r <= last_round; r++)
		if (((a, r) in round) && ((b, r) in round) && round[b, r] > 0)
			numbers[++size] = round[a, r] / round[b, r]
	return take(numbers, size + 0)
}

# ---- cells of tables ----

function number(x) {
	if (x == "") return "–"
	if (x >= 1000) return sprintf("%d", x + 0.5)
	if (x >= 100) return sprintf("%.0f", x)
	if (x >= 10) return sprintf("%.1f", x)
	if (x >= 0.995) return sprintf("%.2f", x)
	return sprintf("%.3f", x)
}

# A median and its range, as of the last figure() or ratio().
function cell(unit) {
	return n ? number(median) unit : "–"
}

function range() {
	return n ? number(low) "–" number(high) : "–"
}

# A row of the table of goals: what was asked last, against a bound.
function goal(name, relation, bound, unit,    met) {
	if (!n) met = "not measured"
	else if (bound == "") met = ""
	else met = (relation == "≤" ? median <= bound : median >= bound) ? "yes" : "**no**"
	printf "| %s | %s | %s | %s | %s |\n", name,
		bound == "" ? "" : relation " " bound unit, cell(unit), range(), met
}

function header(columns,    i, parts, k) {
	k = split(columns, parts, "|")
	printf "|"
	for (i = 1; i <= k; i++) printf " %s |", parts[i]
	printf "\n|"
	for (i = 1; i <= k; i++) printf i == 1 ? " --- |" : " ---: |"
	printf "\n"
}

# Scales what was asked last.
function scaled(factor) {
	median *= factor; low *= factor; high *= factor
	return n
}

# ---- the page ----

function goals() {
	print "## Goals\n"
	header("figure|goal|median|min–max|met")
	kernel_goals("one", "on one core")
	kernel_goals("across", "across two cores")
	workload_goals("one", "on one core")
	workload_goals("free", "on two cores")
	ratio("services", "ns", 4096, 1, "close")
	goal("BPF time at 4,096 services, against 1; a connection each", "≤", 1.1, " ×")
	ratio("services", "ns", 4096, 1, "alive")
	goal("… kept alive", "≤", 1.1, " ×")
	ratio("services", "ns", 4096, 1, "spread")
	goal("… when all of them have requests, in turns", "≤", 1.1, " ×")
	figure("tick", "mean", 256, "idle"); scaled(1e-3)
	goal("tick at 256 services: CPU, mean", "≤", 200, " µs")
	figure("tick", "mean", 256, "busy"); scaled(1e-3)
	goal("… while all of them have requests", "≤", 200, " µs")
	figure("tick", "mean", 256, "idle"); scaled(10 * 100 / 1e9)
	goal("the daemon idle at 256 services: share of a core", "≤", 0.3, " %")
	slowest()
	goal("scrape at 256 services, the slowest format", "≤", 5, " ms")
	figure("memory", "resident", 256, "-"); scaled(1 / 1024)
	goal("resident memory at 256 services, without the kernel's maps", "≤", 16, " MiB")
	foretold(256)
	goal("kernel memory at 256 services, against what `shunt check` foretold: off by", "≤", 5, " %")
	xdp_goals()
	print ""
}

function kernel_goals(place, name) {
	ratio("kernel", "ns", "shunt", "floor", "close " place)
	goal("BPF time a request " name ", against empty programs; a connection each", "≤", 2.5, " ×")
	ratio("kernel", "ns", "shunt", "floor", "alive " place)
	goal("… kept alive", "≤", 2.5, " ×")
	ratio("kernel", "ns", "clock", "floor", "alive " place)
	goal("… kept alive, a look at the clock alone", "", "", " ×")
	ratio("kernel", "ns", "look", "floor", "alive " place)
	goal("… kept alive, a look at the clock and at the socket alone", "", "", " ×")
	ratio("kernel", "ns", "shunt", "tcplife", "close " place)
	goal("… against `tcplife`; a connection each", "≤", 0.1, " ×")
}

# Nanoseconds a packet are too few to be told from those of the loop around the programs; it is in all.
function xdp_goals() {
	ratio("xdp", "ns", "idle", "other", "-")
	goal("XDP a packet, no verdict in force, against `xdp-filter` for TCP", "≤", 1, " ×")
	ratio("xdp", "ns", "segment", "other", "-")
	goal("… of a connection that there is, a verdict in force", "", "", " ×")
	ratio("xdp", "ns", "many", "one", "-")
	goal("XDP a SYN that no verdict is for, 4,096 addresses in the table, against 1", "≤", 1.1, " ×")
	figure("xdp", "ns", "idle", "-")
	goal("XDP a packet, no verdict in force", "", "", " ns")
	figure("xdp", "ns", "one", "-")
	goal("… a SYN, some verdict in force", "", "", " ns")
}

function workload_goals(place, name) {
	ratio("workload", "rps", "shunt", "around shunt", "close " place)
	goal("throughput " name " with shunt, against without; a connection each", "≥", 0.97, " ×")
	ratio("workload", "rps", "shunt", "around shunt", "alive " place)
	goal("… kept alive", "≥", 0.99, " ×")
	ratio("workload", "rps", "look", "around look", "alive " place)
	goal("… kept alive, a look at the clock and at the socket alone", "", "", " ×")
}

# The slowest kind of scrape, as if asked last.
function slowest(    parts, k, i, worst) {
	k = split(figures["scrape_ms"], parts, "\t")
	worst = -1
	for (i = 2; i <= k; i++)
		if (figure("scrape_ms", parts[i], 256, "-") && median > worst) {
			worst = median
			slow = parts[i]
		}
	figure("scrape_ms", slow, 256, "-")
}

# By how much the kernel's memory is off what was foretold, in per cent, as if asked last.
function foretold(services,    said) {
	if (!figure("memory", "foretold", services, "-")) return
	said = median
	figure("memory", "kernel", services, "-")
	median = low = high = 100 * (median > said ? median - said : said - median) / said
}

function kernel() {
	print "## Kernel cost\n"
	print "BPF time (`bpf_stats`) of a loopback HTTP request, both ends, in nanoseconds, and how often programs run for it."
	print "*empty* is a program that returns at once, on each tracepoint that shunt hangs on: the floor."
	print "*clock* are the same, but that the one on `tcp_probe` looks at the clock once (`bpf_ktime_get_ns`); with *look*"
	print "it looks at two words of the socket besides, at what was sent and when: the floor of whatever measures how long"
	print "an answer took. It keeps nothing, and counts nothing.\n"
	kernel_place("one", "On one core, nginx and `wrk` together:")
	if (!figure("kernel", "ns", "shunt", "close across")) return
	print "What a segment touches then lies in that core's cache. With nginx on one core and `wrk` on the other, the"
	print "socket comes from the other core, and shunt's program asks for it before the kernel does. An empty program asks"
	print "for nothing. What the program waits for, the kernel need not wait for any more, so that not all of this is added"
	print "to a request; what is: [workload cost](#workload-cost), across two cores.\n"
	kernel_place("across", "Across two cores:")
}

function kernel_place(place, title,    parts, k, i) {
	print title "\n"
	header("observer|ns, a connection each|against empty|runs|ns, kept alive|against empty|runs")
	k = observers("kernel", parts)
	for (i = 1; i <= k; i++)
		print "| " name_of(parts[i]) kernel_cells(parts[i], "close " place) \
			kernel_cells(parts[i], "alive " place) " |"
	print "\nBy tracepoint, nanoseconds a run:\n"
	header("tracepoint|runs a request|shunt|empty|runs, kept alive|shunt|empty")
	k = split(figures["hook"], parts, "\t")
	for (i = 2; i <= k; i++) hook(parts[i], place)
	print ""
}

function kernel_cells(observer, mode,    cells) {
	figure("kernel", "ns", observer, mode)
	cells = " | " cell("") " (" range() ")"
	ratio("kernel", "ns", observer, "floor", mode)
	cells = cells " | " cell(" ×")
	figure("kernel", "runs", observer, mode)
	return cells " | " cell("")
}

function hook(name, place) {
	figure("hook_runs", name, "shunt", "close " place); if (median < 0.01) return
	print "| `" name "`" hook_cells(name, "close " place) hook_cells(name, "alive " place) " |"
}

function hook_cells(name, mode,    cells) {
	figure("hook_runs", name, "shunt", mode); cells = " | " cell("")
	figure("hook", name, "shunt", mode); cells = cells " | " cell("")
	figure("hook", name, "floor", mode); return cells " | " cell("")
}

function workload() {
	print "## Workload cost\n"
	print "nginx under `wrk` with 64 connections, beside each observer in turn. CPU time is nginx's, `wrk`'s and the"
	print "observer's, by request. Each run is compared with the mean of the two without observer before and after it;"
	print "*none* with the one before it, which is the noise. Both ends of each connection are on this host, which pays for"
	print "each request twice; *empty* is what any program on these tracepoints costs, *look* what any costs that measures answers.\n"
	print "On one core, saturated:\n"
	workload_place("a connection each", "close one")
	workload_place("kept alive", "alive one")
	print "On two cores, as the scheduler likes, both saturated:\n"
	workload_place("a connection each", "close free")
	workload_place("kept alive", "alive free")
	if (!figure("workload", "rps", "shunt", "alive across")) return
	print "Across two cores, nginx on one and `wrk` on the other, so that one waits for the other:\n"
	workload_place("kept alive", "alive across")
	added("kept alive", "alive across")
}

function workload_place(name, mode,    parts, k, i) {
	header(name "|requests/s|against none|min–max|CPU µs a request|against none|min–max|runs")
	k = observers("workload", parts)
	for (i = 1; i <= k; i++) workload_row(parts[i], mode)
	print ""
}

# What the programs took beside what it took altogether.
function added(name, mode,    bpf, floor, r, a, b, numbers, size) {
	if (!figure("kernel", "ns", "shunt", mode)) return
	bpf = median
	figure("kernel", "ns", "floor", mode)
	floor = median
	a = "workload" SUBSEP "cpu" SUBSEP "shunt" SUBSEP mode
	b = "workload" SUBSEP "cpu" SUBSEP "around shunt" SUBSEP mode
	for (r = 0; r <= last_round; r++)
		if (((a, r) in round) && ((b, r) in round))
			numbers[++size] = round[a, r] - round[b, r]
	take(numbers, size + 0)
	printf "There, %s, shunt's programs run for %s ns a request (empty ones for %s ns), and what a request takes of the\n",
		name, number(bpf), number(floor)
	printf "CPUs altogether differs by %+d ns (%+d to %+d) from without shunt.\n\n", median, low, high
}

function name_of(variant) {
	return variant ~ /^(none|clock|look)$/ ? "*" variant "*" : variant == "floor" ? "*empty*" : variant
}

# Those that were measured, in the order of the tables.
function observers(section, found,    all, k, i, size) {
	k = split("none floor clock look shunt tcplife tcpstates", all, " ")
	for (i = 1; i <= k; i++)
		if ((section, "variant", all[i]) in seen) found[++size] = all[i]
	return size + 0
}

function workload_row(variant, mode,    line, of, base) {
	of = variant == "none" ? "after" : variant
	base = variant == "none" ? "before" : "around " variant
	figure("workload", "rps", variant, mode)
	line = "| " name_of(variant) " | " cell("")
	ratio("workload", "rps", of, base, mode)
	line = line " | " cell(" ×") " | " range()
	figure("workload", "cpu", variant, mode); scaled(1e-3)
	line = line " | " cell("")
	ratio("workload", "cpu", of, base, mode)
	print line " | " cell(" ×") " | " range() " | " n " |"
}

function growth(section, title, columns, modes,    parts, mode, k, m, i, j, line, first) {
	print title
	header(columns)
	k = split(variants[section], parts, "\t")
	for (i = 2; i <= k; i++) sizes[i - 1] = parts[i] + 0
	sort_numbers(sizes, k - 1)
	m = split(modes, mode, " ")
	for (i = 1; i < k; i++) {
		line = "| " sizes[i]
		for (j = 1; j <= m; j++) {
			figure(section, "ns", sizes[i], mode[j])
			line = line " | " cell("") " (" range() ")"
			ratio(section, "ns", sizes[i], sizes[1], mode[j])
			line = line " | " (i == 1 ? "1" : cell(" ×"))
		}
		print line " |"
	}
	print ""
}

function reading(    parts, k, i, line) {
	print "## Reading\n"
	print "Scrapes over one kept-alive connection; every service has samples in its histograms.\n"
	header("scrape, 256 services|ms|min–max|daemon CPU ms|bytes|bytes at 1 service|bytes at 4,096|ms at 4,096")
	k = split(figures["scrape_ms"], parts, "\t")
	for (i = 2; i <= k; i++) scrape_row(parts[i])
	print "\nThe daemon by the number of services. A tick is 100 ms; the heaviest one of a second walks over the"
	print "listeners' accept queues. Resident memory is without the kernel's maps that the daemon looks into; with them"
	print "(VmRSS) it is what `ps` shows.\n"
	header("services|tick µs CPU, idle|heaviest|tick µs, all busy|heaviest|idle, % of a core|resident MiB|VmRSS MiB|kernel maps MiB|foretold MiB")
	k = split(variants["memory"], parts, "\t")
	for (i = 2; i <= k; i++) daemon_row(parts[i])
	print ""
	figure("late", "tick", 256, "alone")
	line = "Lateness of the tick at 256 services, µs: " cell("") " (" range() ") alone"
	figure("late", "tick", 256, "scraped")
	print line ", " cell("") " (" range() ") amid scrapes one after the other.\n"
}

function scrape_row(name,    line) {
	figure("scrape_ms", name, 256, "-"); line = "| " name " | " cell("") " | " range()
	figure("scrape_cpu", name, 256, "-"); line = line " | " cell("")
	figure("scrape_bytes", name, 256, "-"); line = line " | " cell("")
	figure("scrape_bytes", name, 1, "-"); line = line " | " cell("")
	figure("scrape_bytes", name, 4096, "-"); line = line " | " cell("")
	figure("scrape_ms", name, 4096, "-"); print line " | " cell("") " |"
}

function daemon_row(services,    line) {
	figure("tick", "mean", services, "idle"); scaled(1e-3); line = "| " services " | " cell("")
	figure("tick", "heaviest", services, "idle"); scaled(1e-3); line = line " | " cell("")
	figure("tick", "mean", services, "busy"); scaled(1e-3); line = line " | " cell("")
	figure("tick", "heaviest", services, "busy"); scaled(1e-3); line = line " | " cell("")
	figure("tick", "mean", services, "idle"); scaled(1e-6); line = line " | " cell("")
	figure("memory", "resident", services, "-"); scaled(1 / 1024); line = line " | " cell("")
	figure("memory", "whole", services, "-"); scaled(1 / 1024); line = line " | " cell("")
	figure("memory", "kernel", services, "-"); scaled(1 / 1048576); line = line " | " cell("")
	figure("memory", "foretold", services, "-"); scaled(1 / 1048576); print line " | " cell("") " |"
}

function preamble() {
	print "# What shunt costs\n"
	print "Written by `sudo make bench`: do not edit. It installs what it compares with, works in a network namespace of its"
	print "own and leaves nothing behind; `QUICK=1` takes three minutes and shows only that it works. Every figure is a"
	print "median, every ratio the median of the ratios of runs that took turns; the absolute figures are this machine's.\n"
	printf "- %s, %s, in %d min %d s%s\n", about["when"], about["version"], about["took"] / 60, about["took"] % 60,
		about["quick"] != "0" ? ", **QUICK: few and short runs, no evidence**" : ""
	printf "- %s, %s, %d cores\n", about["kernel"], about["cpu"], about["cores"]
	printf "- %d rounds for kernel cost, %d for growth, %d pairs for workload cost\n", about["rounds"],
		about["growth_rounds"], about["pairs"]
	figure("background", "runs", "-", "-")
	printf "- noise: a load of %s at the start, %s program runs a second while nothing of the benchmark ran, %.1f %% of the CPUs' time stolen by the hypervisor; all ran at nice -15\n",
		about["load"], cell(""), about["steal"] * 100
	strangers("close one", "a connection each, on one core")
	strangers("alive one", "kept alive, on one core")
	strangers("close across", "a connection each, across two cores")
	strangers("alive across", "kept alive, across two cores")
	for (i = 1; i <= notes_count; i++) print "- " notes[i]
	print ""
}

# shunt and the empty programs hang on the same tracepoints: where one ran more often for a request, it
# ran for somebody else.
function strangers(mode, name) {
	if (ratio("kernel", "runs", "shunt", "floor", mode) && (low < 0.95 || high > 1.05))
		printf "- **others used TCP on this host** during the kernel cost of requests %s: runs a request, shunt against empty: %s\n",
			name, range()
}

END {
	preamble()
	goals()
	if ("kernel" in variants) kernel()
	if ("workload" in variants) workload()
	if (("services" in variants) || ("connections" in variants)) {
		print "## Growth\n"
		print "BPF time a request on one core, in nanoseconds, against the first row.\n"
	}
	if ("services" in variants)
		growth("services", "Services are configured, each on a port of its own. One has all the requests, or all have their share.\n",
			"services|one, a connection each|against 1|one, kept alive|against 1|all, a connection each|against 1",
			"close alive spread")
	if ("connections" in variants)
		growth("connections", "Connections are open and idle beside the requests, both of their ends on this host.\n",
			"connections|a connection each|against 1|kept alive|against 1", "close alive")
	if ("memory" in variants) reading()
}
