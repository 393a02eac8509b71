// SPDX-License-Identifier: GPL-2.0
// In place of the daemon's stream, for the page to be given more than a host would: feed.make() makes
// statuses of many services out of a real one, feed.run() gives the page one in each frame.
"use strict";
globalThis.EventSource = class {
	constructor() {
		this.readyState = 1;
		globalThis.feed.source = this;
	}

	close() {}
};

globalThis.feed = {
	async make(services, variants) {
		const base = await (await fetch("/api/v1/status")).json();
		const model = base.services.find((service) => service.histograms.response);
		this.time = base.uptime_seconds;
		delete base.uptime_seconds;
		delete base.changes;
		// As text, so that making them is no part of what is measured.
		this.texts = Array.from({length: variants}, (_, i) => JSON.stringify({
			...base,
			services: Array.from({length: services}, (_, k) => this.service(model, i, k)),
		}).slice(1));
		this.given = 0;
	},

	// A twentieth of them is not well, and now and then another one; all are busy.
	service(model, i, k) {
		const sick = k % 20 === 0 || (i % 10 === 0 && k === i);
		const histograms = {};
		for (const [signal, {first_le_log2, counts}] of Object.entries(model.histograms))
			histograms[signal] = {first_le_log2, counts: counts.map((n, at) => n + i * ((k + at) % 7))};
		return {
			...model, name: `service-${k}`, activity: "busy", state: sick ? "failing" : "healthy",
			reason: sick ? `${i} of ${k + i} connections failed in the last 2 s` : null,
			since_seconds: i, histograms, connections_active: (k * 7 + i) % 100,
			handshakes: {...model.handshakes, ok: 1000 * i + k, refused: sick ? i : 0},
			recent: {...model.recent, handshakes_per_second: k + i / 10, failures_per_second: sick ? i : 0},
		};
	},

	changes(n) {
		return JSON.stringify(Array.from({length: 256}, (_, i) => ({
			id: n - i, time: new Date(1.7e12 + 1000 * (n - i)).toISOString(), service: `service-${i}`,
			role: "server", kind: "health", was: "healthy", is: "failing",
			reason: `${n - i} of ${2 * (n - i)} connections failed in the last 2 s`, earlier_run: false,
		})));
	},

	// A second of the daemon's; something changes in every tenth. Or the last one once more.
	give(again = false) {
		this.given += again ? 0 : 1;
		if (!this.list || (!again && this.given % 10 === 0))
			this.list = this.changes(256 + this.given);
		const text = this.texts[this.given % this.texts.length];
		this.source.onmessage({
			data: `{"uptime_seconds":${this.time + this.given},"changes":${this.list},${text}`,
		});
	},

	// A second in each frame.
	async run(seconds) {
		for (let i = 0; i < seconds; i++) {
			this.give();
			await new Promise(requestAnimationFrame);
		}
	},

	// Down the page, a second in each tenth frame: six times as often as the daemon gives one.
	async scroll(frames) {
		const height = document.body.scrollHeight - innerHeight;
		for (let i = 0; i < frames; i++) {
			if (i % 10 === 0)
				this.give();
			scrollTo(0, (i * 60) % height);
			await new Promise(requestAnimationFrame);
		}
	},

	// What a frame's work is told by, on whatever host: reading so many statuses does nothing else.
	async parse(times) {
		let services = 0;
		for (let i = 0; i < times; i++)
			services += JSON.parse(`{${this.texts[i % this.texts.length]}`).services.length;
		return services;
	},

	// As many rows as there are in sight, or are about to be.
	inSight() {
		return [...document.querySelectorAll(".service")].map((node) => node.getBoundingClientRect())
			.filter((box) => box.bottom > -210 && box.top < innerHeight + 210).length;
	},

	// What a call touches: pictures that are drawn, rows in which anything is new, rows that are moved or made.
	async touched(call) {
		const list = document.getElementById("services");
		const put = CanvasRenderingContext2D.prototype.putImageData;
		const rows = new Set();
		let pictures = 0, moved = 0;
		CanvasRenderingContext2D.prototype.putImageData = function putAndCount(...image) {
			pictures++;
			put.apply(this, image);
		};
		const observer = new MutationObserver((records) => {
			for (const record of records) {
				if (record.target === list)
					moved += record.addedNodes.length;
				else
					rows.add(record.target.parentElement.closest(".service") ?? record.target);
			}
		});
		observer.observe(list, {subtree: true, childList: true, characterData: true, attributes: true});
		await call();
		for (let i = 0; i < 3; i++)
			await new Promise(requestAnimationFrame);
		observer.disconnect();
		CanvasRenderingContext2D.prototype.putImageData = put;
		return {pictures, rows: rows.size, moved};
	},
};
