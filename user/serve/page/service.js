/* SPDX-License-Identifier: GPL-2.0 */
/* One service: a row of figures, why it is not well, what comes next, and all the rest inside. */
const TONES = {
	failing: "bad", wedged: "bad", flapping: "bad", checker_fault: "warn", at_risk: "warn",
	healthy: "good", idle: "idle", gone: "idle", busy: "idle",
};
const RANKS = ["failing", "wedged", "flapping", "checker_fault", "at_risk", "healthy", "busy", "idle", "gone"];

const words = (name) => name.replace(/_/g, " ");

function seconds(value) {
	if (value === null || value === undefined)
		return "–";
	const [unit, name] = value >= 1 ? [1, "s"] : value >= 1e-3 ? [1e-3, "ms"] : [1e-6, "µs"];
	const scaled = value / unit;
	return `${Number(scaled.toPrecision(3))} ${name}`;
}

function span(value) {
	const s = Math.max(0, Math.round(value));
	if (s < 120)
		return `${s} s`;
	if (s < 7200)
		return `${Math.round(s / 60)} min`;
	return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

const rate = (value) => (value === null || value === undefined ? "–" :
	value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1));

function sum(counts, but) {
	let all = 0;
	for (const key in counts)
		all += key === but ? 0 : counts[key];
	return all;
}

function element(name, className, parent) {
	const made = document.createElement(name);
	if (className)
		made.className = className;
	if (parent)
		parent.append(made);
	return made;
}

/* The document is touched only where something is new: that is what costs. */
function say(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

function show(node, visible) {
	if (node.hidden === visible)
		node.hidden = !visible;
}

/* In one word, as `shunt status` has it. */
function stateOf(service) {
	if (service.state && service.state !== "healthy")
		return service.state;
	return service.state && service.activity === "busy" ? service.state : service.activity;
}

const isOpen = (service) => service.breaker && service.breaker.state && service.breaker.state !== "closed";

/* It would be open, but for a guard; what was decided last may be long over. */
const isHeld = (service) => service.breaker && service.breaker.state === "closed" && service.breaker.blocked_by &&
	service.state && service.state !== "healthy";

/* What does not work comes first; then what passes nothing on. */
const rankOf = (service) => RANKS.indexOf(stateOf(service)) - (isOpen(service) ? 0.5 : 0);

/* Nobody's connections are of interest once there are some. */
const isSilent = (service) => /^_(unknown|other)$/.test(service.name) && !service.connections_active &&
	!sum(service.handshakes);

const STATES = {up: "in service", going_down: "going down", down: "out of service", going_up: "coming back"};

function balancerWords(prober) {
	const left = prober.checks_until_down;
	const who = `${prober.model} at ${prober.address}, every ${seconds(prober.interval_seconds)}`;
	const state = STATES[prober.state] || words(prober.state);
	if (!left)
		return `${who}: ${state}`;
	const when = prober.seconds_until_down === null ? "" : `, in ${seconds(prober.seconds_until_down)}`;
	return `${who}: ${state}; out after ${left} more failed check${left > 1 ? "s" : ""}${when}`;
}

const isCountingDown = (prober) => prober.state !== "up" && prober.state !== "unknown";

/* Where it stands beside the name and the state, "NAME: open, was closed: " says them twice. */
function bare(reason, name) {
	if (!reason || !reason.startsWith(`${name}: `))
		return reason || "";
	return reason.slice(name.length + 2).replace(/^[a-z_ -]+, was [a-z_ -]+: /, "");
}

/* "Breaker open; 20 of 40 connections failed …; half-open in 12 s" */
function breakerWords(breaker, name) {
	const parts = [words(breaker.state)];
	if (breaker.mode !== "enforce")
		parts[0] += breaker.mode === "shadow" ? " (shadow: nothing is touched)" : ` (${breaker.mode})`;
	if (breaker.reason)
		parts.push(bare(breaker.reason, name));
	if (breaker.until_seconds !== null)
		parts.push(breaker.state === "open" ? `half-open in ${span(breaker.until_seconds)}` :
			`at most ${span(breaker.until_seconds)} more`);
	if (breaker.blocked_by && !/refused by/.test(breaker.reason))
		parts.push(`held by ${breaker.blocked_by}`);
	if (breaker.not_carried_out)
		parts.push(`not carried out: ${breaker.not_carried_out}`);
	return `Breaker ${parts.join("; ")}`;
}

const DRAWN = {response: "responses", handshake: "handshakes", rtt: "round trips", connection: "connections"};

class Row {
	constructor(name) {
		this.heat = new Heat();
		this.node = element("li", "service");
		this.details = element("details", "", this.node);
		this.summary = element("summary", "", this.details);
		const who = element("span", "who", this.summary);
		this.name = element("span", "name", who);
		say(this.name, name);
		const mood = element("span", "mood", who);
		this.state = element("span", "state", mood);
		this.since = element("span", "", mood);
		this.figures = [["Connects/s", "connects a second"], ["Failures/s", "failures a second"],
			["Open", "open connections"], ["p50", "median handshake"], ["p95", "p95 of handshakes"],
			["p99", "p99 of handshakes"]].map(([head, label]) => this.figure(head, label));
		const wide = element("span", "wide", this.summary);
		this.canvas = element("canvas", "", wide);
		this.canvas.width = HEAT.columns;
		this.canvas.height = HEAT.rows + 2;
		this.canvas.setAttribute("role", "img");
		this.why = element("p", "why", this.summary);
		this.next = element("p", "next", this.summary);
		this.why.hidden = this.next.hidden = true;
		this.details.addEventListener("toggle", () => this.open());
	}

	figure(head, label) {
		const cell = element("span", "num", this.summary);
		cell.dataset.head = head;
		say(element("span", "unseen", cell), `${label}: `);
		return element("span", "", cell);
	}

	/* Takes a status in, seen or not; whether its place is another now. */
	take(service, column) {
		const rank = rankOf(service);
		const moved = rank !== this.rank;
		this.service = service;
		this.rank = rank;
		this.heat.add(column, service.histograms, sum(service.handshakes, "ok") +
			service.closes.reset_by_peer + service.closes.timed_out + service.closes.no_response);
		return moved;
	}

	/* What is in sight has a picture, too. */
	render(signal, inSight) {
		const service = this.service;
		const recent = service.recent;
		const state = stateOf(service);
		const values = [rate(recent.handshakes_per_second), rate(recent.failures_per_second),
			service.connections_active.toLocaleString("en"), seconds(recent.handshake_p50_seconds),
			seconds(recent.handshake_p95_seconds), seconds(recent.handshake_p99_seconds)];
		const tone = isOpen(service) && TONES[state] === "good" ? "warn" : TONES[state];
		if (this.tone !== tone) {
			this.node.className = `service ${tone}`;
			this.tone = tone;
		}
		say(this.state, words(state));
		say(this.since, `${service.state && state !== "idle" && state !== "gone" && service.since ?
			` for ${span(service.since_seconds)}` : ""} · ${service.role}`);
		values.forEach((value, i) => say(this.figures[i], value));
		this.figures[1].classList.toggle("hot", recent.failures_per_second > 0);
		show(this.why, Boolean(service.reason));
		say(this.why, service.reason || "");
		this.renderNext();
		this.renderLabel(signal);
		if (!inSight)
			return;
		this.heat.draw(this.canvas, signal);
		if (this.details.open)
			this.renderDeep();
	}

	renderNext() {
		const lines = this.service.probers.filter(isCountingDown).map(balancerWords);
		if (isOpen(this.service) || isHeld(this.service))
			lines.unshift(breakerWords(this.service.breaker, this.service.name));
		show(this.next, lines.length > 0);
		say(this.next, lines.join("\n"));
	}

	renderLabel(signal) {
		const drawn = this.heat.signal(signal);
		const label = `Heat map of ${DRAWN[drawn]} of ${this.service.name} over the last five minutes`;
		this.signal = signal;
		if (this.label !== label)
			this.canvas.setAttribute("aria-label", label);
		this.label = label;
	}

	/* What is inside is made when it is looked at, and goes when it is not. */
	open() {
		if (this.inside)
			this.inside.remove();
		this.inside = this.deepText = null;
		if (!this.details.open)
			return;
		this.inside = element("div", "deep", this.details);
		this.makeBig();
		this.deep = element("div", "deep", this.inside);
		this.renderDeep();
	}

	makeBig() {
		const box = element("div", "big", this.inside);
		this.bigHead = element("h3", "", box);
		const axis = element("div", "axis", box);
		axis.setAttribute("aria-hidden", "true");
		/* Two rows of failures lie above those of durations. */
		for (let log2 = HEAT.low; log2 < HEAT.low + HEAT.rows; log2 += 4) {
			const mark = element("span", "", axis);
			mark.style.bottom = `${100 * (log2 - HEAT.low + 1) / (HEAT.rows + 2)}%`;
			mark.style.transform = "translateY(50%)";
			say(mark, seconds(2 ** log2));
		}
		this.big = element("canvas", "", box);
		this.big.width = HEAT.columns;
		this.big.height = HEAT.rows + 2;
		this.big.setAttribute("role", "img");
		const times = element("p", "times", box);
		times.setAttribute("aria-hidden", "true");
		for (const text of ["5 min ago", "now"])
			say(element("span", "", times), text);
		say(element("p", "mood", box), "The darker or brighter, the more; on top, in red, when something failed.");
	}

	renderBig() {
		say(this.bigHead, `Durations of ${DRAWN[this.heat.signal(this.signal)]}, the last five minutes`);
		if (this.bigLabel !== this.label || !this.big.hasAttribute("aria-label"))
			this.big.setAttribute("aria-label", `${this.label}, larger`);
		this.bigLabel = this.label;
		this.heat.draw(this.big, this.signal);
	}

	renderDeep() {
		if (!this.inside)
			return;
		this.renderBig();
		const groups = deepOf(this.service);
		const text = JSON.stringify(groups);
		if (this.deepText === text && this.deep.firstChild)
			return;
		this.deepText = text;
		this.deep.replaceChildren(...groups.map(([title, pairs]) => {
			const group = element("div");
			say(element("h3", "", group), title);
			const list = element("dl", "", group);
			for (const [term, value] of pairs) {
				say(element("dt", "", list), term);
				say(element("dd", "", list), value);
			}
			return group;
		}));
	}
}

/* [[title, [[term, value], …]], …] */
function deepOf(service) {
	const counts = (object) => Object.entries(object).filter(([key, n]) => n || key === "ok" || key === "orderly")
		.map(([key, n]) => [words(key), n.toLocaleString("en")]);
	const queue = service.accept_queue_limit ? `${service.accept_queue_length} of ${service.accept_queue_limit}` : "–";
	const groups = [
		["Handshakes since the start", counts(service.handshakes)],
		["Connections closed", counts(service.closes)],
		["On the wire", [["retransmits", service.retransmits], ["resets sent", service.resets_sent],
			["resets received", service.resets_received], ["zero windows", service.zero_windows],
			["accept queue", queue]].map(([term, value]) => [term, value.toLocaleString("en")])],
	];
	if (service.flap_score)
		groups.push(["Flapping", [["score, 0 to 1", service.flap_score.toFixed(2)]]]);
	for (const prober of service.probers)
		groups.push([balancerWords(prober), [["sure that it is one", `${Math.round(prober.confidence * 100)} %`],
			...counts(prober.checks).map(([key, n]) => [`checks: ${key}`, n])]]);
	if (service.breaker)
		groups.push(["Breaker", [["state", words(service.breaker.state)], ["mode", service.breaker.mode],
			["since", service.breaker.since], ["decided last", bare(service.breaker.reason, service.name)],
			["by the key", service.breaker.path], ["guards asked", service.breaker.guards_asked],
			["guards against", service.breaker.guards_refused],
			["not carried out", service.breaker.not_carried_out]].filter(([, value]) => value)]);
	return groups;
}
