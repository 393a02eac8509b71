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

	// A second of the daemon's; something changes in every tenth.
	give() {
		this.given++;
		if (!this.list || this.given % 10 === 0)
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

	// Down the page, a second in each thirtieth frame: twice as often as the daemon gives one.
	async scroll(frames) {
		const height = document.body.scrollHeight - innerHeight;
		for (let i = 0; i < frames; i++) {
			if (i % 30 === 0)
				this.give();
			scrollTo(0, (i * 30) % height);
			await new Promise(requestAnimationFrame);
		}
	},
};
