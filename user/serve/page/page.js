/* SPDX-License-Identifier: GPL-2.0 */
/* The page: takes each status as it comes, keeps the rows in order, and draws what is in sight. */
(() => {
	const at = (id) => document.getElementById(id);
	const rows = new Map();
	const visible = new Set();
	const due = new Set(); /* what is to be drawn */
	let order = []; /* of the rows */
	let turn = 0; /* of those out of sight */
	let kept = {}; /* of the page before this one */
	let begun = 0; /* s: when the daemon started, on the browser's clock */
	let uptime = Infinity; /* s: its own */
	let column = 0; /* of heat maps, now */
	let filtered = "";
	let status = null;
	let arrived = 0;
	let source = null;
	let retry = null;
	let newest = null;
	let dirty = false;
	const OTHERS = 16;

	const seen = new IntersectionObserver((entries) => {
		for (const entry of entries) {
			const row = entry.target.row;
			if (entry.isIntersecting) {
				visible.add(row);
				due.add(row);
			} else {
				visible.delete(row);
				due.delete(row);
			}
		}
		draw();
	}, {rootMargin: "200px"});

	/* ---- services ---- */

	const keyOf = (service) => `${service.role} ${service.name}`;

	function rowOf(service) {
		const key = keyOf(service);
		let row = rows.get(key);
		if (!row) {
			row = new Row(service.name);
			row.node.row = row;
			if (kept[key])
				row.heat.unpack(kept[key]);
			rows.set(key, row);
			due.add(row);
			seen.observe(row.node);
		}
		return row;
	}

	function forget(key, row) {
		seen.unobserve(row.node);
		visible.delete(row);
		due.delete(row);
		row.node.remove();
		rows.delete(key);
	}

	/* One clock for heat maps, that goes on when the daemon is started anew. */
	function tick() {
		if (status.uptime_seconds < uptime)
			begun = Math.max(Date.now() / 1000, column * HEAT.seconds) - status.uptime_seconds;
		uptime = status.uptime_seconds;
		column = Math.floor((begun + uptime) / HEAT.seconds);
	}

	/* Whether the order may have changed. */
	function takeServices() {
		const there = new Set();
		let changed = false;
		for (const service of status.services) {
			if (isSilent(service))
				continue;
			const row = rowOf(service);
			there.add(row);
			if (row.take(service, column)) {
				due.add(row);
				changed = true;
			}
		}
		for (const [key, row] of rows)
			if (!there.has(row)) {
				forget(key, row);
				changed = true;
			}
		return changed;
	}

	/* By urgency, then by name: a list that changed with each rate could not be read. */
	const names = new Intl.Collator("en", {numeric: true});

	function compare(a, b) {
		return a.rank - b.rank || names.compare(a.service.name, b.service.name) ||
			names.compare(a.service.role, b.service.role);
	}

	/* Moves only what is out of place; who is focused stays so. */
	function arrange() {
		const list = at("services");
		const focus = document.activeElement;
		let place = list.firstChild;
		order = [...rows.values()].sort(compare);
		for (const row of order) {
			if (row.node === place)
				place = place.nextSibling;
			else
				list.insertBefore(row.node, place);
		}
		if (focus && focus !== document.activeElement && list.contains(focus))
			focus.focus({preventScroll: true});
	}

	function matches(row, wanted) {
		return !wanted || row.service.name.toLowerCase().includes(wanted) ||
			words(stateOf(row.service)).includes(wanted);
	}

	function filter() {
		const wanted = at("filter").value.trim().toLowerCase();
		let count = wanted || filtered ? 0 : rows.size;
		for (const row of wanted || filtered ? rows.values() : []) {
			const match = matches(row, wanted);
			show(row.node, match);
			count += match;
		}
		filtered = wanted;
		show(at("none"), !count && status !== null);
		say(at("none"), wanted ? "No service matches." : "No service is seen yet.");
	}

	function tally() {
		const counts = new Map();
		for (const row of rows.values()) {
			const state = stateOf(row.service);
			counts.set(state, (counts.get(state) || 0) + 1);
		}
		const items = RANKS.filter((state) => counts.has(state));
		const text = items.map((state) => `${counts.get(state)} ${words(state)}`);
		const sick = RANKS.slice(0, 5).reduce((all, state) => all + (counts.get(state) || 0), 0);
		if (at("tally").textContent !== text.join(""))
			at("tally").replaceChildren(...items.map((state, i) => {
				const item = element("li", TONES[state]);
				say(element("span", "state", item), text[i]);
				return item;
			}));
		say(document.querySelector("title"), sick ? `(${sick}) shunt` : "shunt");
	}

	/* ---- around them ---- */

	const MOVES = {open: "bad", half_open: "warn", closed: "good"};

	function about() {
		say(at("about"), `${status.version} on Linux ${status.kernel}, up ${span(status.uptime_seconds)}`);
		const problems = Object.entries(status.signals).filter(([, there]) => !there)
			.map(([name]) => `signal ${name} is not available`);
		if (status.events_lost)
			problems.push(`${status.events_lost} events lost`);
		if (status.bpf_errors.length)
			problems.push("BPF helpers failed, see shunt_bpf_errors_total");
		if (status.tick_late_seconds > 0.1)
			problems.push(`the daemon is ${seconds(status.tick_late_seconds)} late`);
		show(at("problems"), problems.length > 0);
		say(at("problems"), problems.join("; "));
	}

	/* The time, and the day where it is another one. */
	function moment(date) {
		const time = date.toLocaleTimeString("en-GB");
		return date.toDateString() === new Date().toDateString() ? time :
			`${date.toLocaleDateString("en-GB", {day: "numeric", month: "short"})}, ${time}`;
	}

	function changeItem(change, border) {
		const item = element("li", TONES[change.is] || MOVES[change.is] || "idle");
		if (border)
			say(element("p", "border", item), "Before shunt was started anew");
		const time = element("time", "", item);
		time.dateTime = change.time;
		time.title = change.time;
		say(time, moment(new Date(change.time)));
		const head = element("div", "", item);
		say(element("strong", "", head), change.service);
		const from = change.was === change.is ? "stays" : `${words(change.was)} →`;
		head.append(` ${change.kind === "breaker" ? "breaker " : ""}${from} `);
		say(element("span", "state", head), words(change.is || ""));
		if (change.reason)
			say(element("div", "", item), bare(change.reason, change.service));
		return item;
	}

	/* The newest come on top of those there are, which stay. */
	function renewChanges(changes) {
		const earliest = changes.findIndex((change) => change.earlier_run);
		const list = at("changes");
		const known = new Set([...list.children].map((node) => node.key));
		const wanted = changes.map((change, i) => `${change.id} ${change.time} ${change.earlier_run} ${i === earliest}`);
		const there = new Set(wanted);
		const fresh = wanted.findIndex((key) => known.has(key));
		for (const node of [...list.children])
			if (!there.has(node.key))
				node.remove();
		list.prepend(...changes.slice(0, fresh < 0 ? changes.length : fresh).map((change, i) => {
			const item = changeItem(change, i === earliest);
			item.key = wanted[i];
			return item;
		}));
		show(at("quiet"), !changes.length || earliest === 0);
	}

	function timeline() {
		const changes = status.changes;
		const id = changes.length ? `${changes[0].id} ${changes[0].time} ${changes[0].earlier_run}` : "";
		if (id === newest)
			return;
		const first = newest === null;
		newest = id;
		renewChanges(changes);
		if (!first && changes.length && !changes[0].earlier_run)
			say(at("news"), `${changes[0].service}${changes[0].kind === "breaker" ? "'s breaker" : ""} is ${words(changes[0].is)}: ${bare(changes[0].reason, changes[0].service)}`);
	}

	/* ---- drawing ---- */

	function drawNow() {
		dirty = false;
		if (!status || document.hidden)
			return;
		const signal = at("signal").value;
		for (const row of due)
			row.render(signal, visible.has(row));
		due.clear();
	}

	function draw() {
		if (dirty)
			return;
		dirty = true;
		requestAnimationFrame(drawNow);
	}

	function drawAll() {
		for (const row of visible)
			due.add(row);
		draw();
	}

	/* What is out of sight must be in its place; its words are renewed by turns, for who listens to them. */
	function drawOthers() {
		for (let i = Math.min(OTHERS, order.length); i > 0; i--)
			due.add(order[turn++ % order.length]);
	}

	function take(text) {
		status = JSON.parse(text);
		arrived = Date.now();
		tick();
		if (takeServices())
			arrange();
		kept = {};
		filter();
		tally();
		about();
		timeline();
		link();
		drawOthers();
		drawAll();
	}

	/* ---- loaded again ---- */

	/* Of this tab alone, and only while it is open. */
	function keep() {
		const signal = at("signal").value;
		const heats = {};
		for (const [key, row] of rows)
			heats[key] = row.heat.pack(signal);
		try {
			sessionStorage.setItem("heat", JSON.stringify(heats));
		} catch {
			/* No room, or not allowed: then it begins anew. */
		}
	}

	function recall() {
		try {
			kept = JSON.parse(sessionStorage.getItem("heat")) || {};
			sessionStorage.removeItem("heat");
		} catch {
			kept = {};
		}
	}

	/* ---- the stream ---- */

	function link() {
		const age = (Date.now() - arrived) / 1000;
		const live = status && age < 3.5;
		document.documentElement.classList.toggle("stale", Boolean(status) && !live);
		at("link").className = live ? "live" : status ? "lost" : "";
		say(at("link-text"), live ? "live" : status ? `no news for ${span(age)}, asking again` : "connecting");
	}

	function connect() {
		source = new EventSource("/api/v1/events");
		source.onmessage = (event) => take(event.data);
		/* A browser asks again by itself, but not where it was refused. */
		source.onerror = () => {
			if (source.readyState === EventSource.CLOSED && !retry)
				retry = setTimeout(() => {
					retry = null;
					connect();
				}, 3000);
		};
	}

	/* ---- keys ---- */

	function step(by) {
		const items = [...document.querySelectorAll(".service:not([hidden]) summary")];
		const place = items.indexOf(document.activeElement);
		const next = items[place < 0 ? (by > 0 ? 0 : items.length - 1) : place + by];
		if (next)
			next.focus();
	}

	function onKey(event) {
		const typing = event.target.matches("input, select");
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (event.key === "/" && !typing) {
			at("filter").focus();
		} else if (event.key === "Escape" && event.target === at("filter")) {
			at("filter").value = "";
			filter();
		} else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches("summary, #filter")) {
			step(event.key === "ArrowDown" ? 1 : -1);
		} else {
			return;
		}
		event.preventDefault();
	}

	Palette.read();
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
		Palette.read();
		drawAll();
	});
	at("filter").addEventListener("input", filter);
	at("signal").addEventListener("change", drawAll);
	document.addEventListener("keydown", onKey);
	document.addEventListener("visibilitychange", drawAll);
	addEventListener("pagehide", keep);
	recall();
	setInterval(link, 1000);
	connect();
})();
