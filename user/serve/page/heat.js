/* SPDX-License-Identifier: GPL-2.0 */
"use strict";
/*
 * How long things took, over time: a column for two seconds, a row for an octave, the slowest on top,
 * and above them how much failed. Kept for five minutes, in arrays that never grow.
 */
const HEAT = {columns: 150, seconds: 2, low: -16, rows: 20, shades: 32};
const SIGNALS = ["response", "handshake", "rtt", "connection"];

class Heat {
	constructor() {
		this.columns = {};
		this.failures = new Uint16Array(HEAT.columns);
		this.last = {};
		this.failed = null;
		this.at = null;
	}

	/* Time goes on to a column; those in between were empty. */
	advance(column) {
		if (this.at === null)
			this.at = column;
		const from = Math.max(this.at, column - HEAT.columns) + 1;
		for (let i = from; i <= column; i++) {
			const place = i % HEAT.columns;
			this.failures[place] = 0;
			for (const signal in this.columns)
				this.columns[signal].fill(0, place * HEAT.rows, (place + 1) * HEAT.rows);
		}
		this.at = column;
	}

	/* Counts are since the daemon's start; only what is new since the last time is drawn. */
	add(column, histograms, failed) {
		this.advance(column);
		for (const signal of SIGNALS)
			if (histograms[signal])
				this.addSignal(signal, histograms[signal]);
		this.bump(this.failures, column % HEAT.columns, this.failed === null ? 0 : failed - this.failed);
		this.failed = failed;
		this.begun = true;
	}

	addSignal(signal, histogram) {
		const old = this.last[signal];
		this.last[signal] = histogram;
		if (!this.begun)
			return;
		const base = (this.at % HEAT.columns) * HEAT.rows;
		const cells = this.columns[signal] ||= new Uint16Array(HEAT.columns * HEAT.rows);
		for (let i = 0; i < histogram.counts.length; i++) {
			const log2 = histogram.first_le_log2 + i;
			const before = old ? old.counts[log2 - old.first_le_log2] || 0 : 0;
			const row = Math.min(Math.max(log2 - HEAT.low, 0), HEAT.rows - 1);
			if (histogram.counts[i] !== before)
				this.bump(cells, base + row, histogram.counts[i] - before);
		}
	}

	/* A daemon that began anew counts less than before. */
	bump(cells, place, by) {
		cells[place] = Math.min(cells[place] + Math.max(by, 0), 65535);
	}

	/* What there is: answers say most, then handshakes. */
	signal(wanted) {
		return wanted || SIGNALS.find((name) => this.last[name]) || "handshake";
	}

	draw(canvas, wanted) {
		const {image, pixels} = Palette;
		const cells = this.columns[this.signal(wanted)];
		const scale = cells ? Palette.scale(cells) : 0;
		pixels.fill(0);
		for (let x = 0; x < HEAT.columns; x++) {
			const place = (this.at + 1 + x) % HEAT.columns;
			if (this.failures[place])
				pixels[x] = pixels[x + HEAT.columns] = Palette.failure;
			for (let row = 0; scale && row < HEAT.rows; row++) {
				const count = cells[place * HEAT.rows + row];
				if (count)
					pixels[x + (HEAT.rows + 1 - row) * HEAT.columns] =
						Palette.shade(count, scale);
			}
		}
		canvas.getContext("2d").putImageData(image, 0, 0);
	}

	/* For a page that is loaded again: what would be drawn, most of which is nothing. */
	pack(wanted) {
		const signal = this.signal(wanted);
		return this.at === null ? null : {at: this.at, signal, cells: packed(this.columns[signal] || []),
			failures: packed(this.failures)};
	}

	unpack(kept) {
		this.at = kept.at;
		this.columns[kept.signal] = unpacked(kept.cells, HEAT.columns * HEAT.rows);
		this.failures = unpacked(kept.failures, HEAT.columns);
	}
}

/* How many are 0, and what comes then, in turns. */
function packed(cells) {
	const pairs = [];
	let zeros = 0;
	for (const count of cells) {
		if (count)
			pairs.push(zeros, count);
		zeros = count ? 0 : zeros + 1;
	}
	return pairs;
}

function unpacked(pairs, length) {
	const cells = new Uint16Array(length);
	for (let i = 0, place = 0; i + 1 < pairs.length; i += 2, place++)
		cells[place += pairs[i]] = pairs[i + 1];
	return cells;
}

/* Colours as the canvas has them in memory; they follow the style. And one image, for none is drawn while another is. */
const Palette = {
	shades: new Uint32Array(HEAT.shades),
	failure: 0,
	image: new ImageData(HEAT.columns, HEAT.rows + 2),

	read() {
		const style = getComputedStyle(document.documentElement);
		const [cold, hot, fail] = ["--cold", "--hot", "--fail"].map((name) =>
			style.getPropertyValue(name).split(",").map(Number));
		const pack = (rgb) => (255 << 24 | rgb[2] << 16 | rgb[1] << 8 | rgb[0]) >>> 0;
		/* The coldest must differ from nothing at all. */
		for (let i = 0; i < HEAT.shades; i++) {
			const share = 0.2 + 0.8 * i / (HEAT.shades - 1);
			this.shades[i] = pack(cold.map((low, k) => Math.round(low + (hot[k] - low) * share)));
		}
		this.failure = pack(fail);
		this.pixels = new Uint32Array(this.image.data.buffer);
	},

	scale(cells) {
		let most = 0;
		for (let i = 0; i < cells.length; i++)
			if (cells[i] > most)
				most = cells[i];
		return most && (HEAT.shades - 1) / Math.log2(1 + most);
	},

	/* By the logarithm: the slow few are what one looks for. */
	shade(count, scale) {
		return this.shades[Math.round(Math.log2(1 + count) * scale)];
	},
};
