"use strict";
/*
 * Draws the page from the JSON in it. What things are called, and what they mean, comes from there. Text goes into the page as text nodes only:
 * a file may have any name.
 */
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const rec = data.recording, axis = data.axis;
const SVG = "http://www.w3.org/2000/svg";
const $ = id => document.getElementById(id);

/* Elements. */
function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else
			node.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children.flat(Infinity)) {
		if (child !== null && child !== undefined && child !== false)
			node.append(child instanceof Node ? child : String(child));
	}
	return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/* Numbers, as the tool's tables have them: three digits, cut. */
function cut(value) {
	const digits = value < 10 ? 100 : value < 100 ? 10 : 1;
	return String(Math.floor(value * digits + 1e-9) / digits);
}
const count = n => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
const short = n => n < 10000 ? count(Math.floor(n)) : n < 1e6 ? cut(n / 1e3) + "k" : n < 1e9 ? cut(n / 1e6) + "M" : cut(n / 1e9) + "G";
function time(ns) {
	if (ns === undefined || ns === null)
		return "\u2013";
	if (ns < 1000)
		return ns + "\u202fns";
	for (const [factor, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"]]) {
		if (ns >= factor)
			return cut(ns / factor) + "\u202f" + unit;
	}
	return "";
}
function size(bytes) {
	let unit = 0;
	while (bytes >= 1024 && unit < 5) {
		bytes /= 1024;
		unit++;
	}
	return cut(bytes) + "\u202f" + ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit];
}
const share = part => part === 0 ? "0\u202f%" : part < 0.001 ? "<0.1\u202f%" : part < 0.1 ? (100 * part).toFixed(1) + "\u202f%" : Math.round(100 * part) + "\u202f%";
const rate = n => {
	const per = axis.span_ns > 0 ? n / (axis.span_ns / 1e9) : 0;
	return per >= 10 ? short(per) : cut(per);
};
const wall = ns => new Date(Date.parse(axis.first) + ns / 1e6).toISOString().slice(11, 23);
/* Inclusive upper bound of a bucket. */
const bound = bucket => bucket >= 41 ? Infinity : 2 ** bucket;
const range = bucket => bucket === 0 ? "up to 1\u202fns" : bucket >= 41 ? "above " + time(2 ** 40) : time(2 ** (bucket - 1)) + " to " + time(2 ** bucket);
const name = field => field.name.endsWith("_ns") ? field.name.slice(0, -3) : field.name;
const device = dev => dev === null ? "none" : data.devices[dev] || dev;
const percentile = (hist, which) => hist.percentiles ? hist.percentiles[which] : undefined;

/* Names for null: what a source could not tell, or what does not apply. */
const word = text => text === null ? el("span", { class: "hint" }, "none") : text;

/* A table whose columns can be sorted by. A column: title, text(row), and value(row) to sort by; n: a number; cls: of its cells. */
function table(caption, columns, rows, options = {}) {
	const body = el("tbody");
	let sorted = null, down = true;
	function draw() {
		const list = rows.slice();
		if (sorted !== null) {
			list.sort((a, b) => {
				const x = columns[sorted].value(a), y = columns[sorted].value(b);
				const order = x === y ? 0 : x === undefined || x === null ? -1 : y === undefined || y === null ? 1 : x < y ? -1 : 1;
				return down ? -order : order;
			});
		}
		body.replaceChildren(...list.map(row => line(row)), ...(options.last ? [line(options.last, "others")] : []));
	}
	const line = (row, cls) => el("tr", { class: cls }, columns.map(column => el("td", { class: [column.n ? "n" : "", column.cls || ""].join(" ").trim() || null },
		column.text(row))));
	const heads = columns.map((column, i) => el("th", { scope: "col", class: column.n ? "n" : null }, column.value && rows.length > 1 ?
		el("button", { type: "button", onclick: () => {
			down = sorted === i ? !down : true;
			sorted = i;
			heads.forEach((head, k) => k === i ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
			draw();
		} }, column.title) : column.title));
	draw();
	return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
		el("table", options.attributes, el("caption", null, el("span", { class: "unseen" }, caption + (options.note ? ". " : "")), options.note), el("thead", null, el("tr", null, heads)), body));
}

/* A part of a whole as a bar. */
function meter(part, bad) {
	const width = Math.max(0, Math.min(1, part || 0)) * 100;
	return el("div", { class: "meter" }, svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
		svg("rect", { x: 0, y: 0, width: width > 0 ? Math.max(width, 0.8) : 0, height: 8, class: bad ? "e" : null })), el("span", null, share(part || 0)));
}

const hist_columns = [
	{ title: "p50", n: true, value: r => percentile(r.hist, "50"), text: r => time(percentile(r.hist, "50")) },
	{ title: "p99", n: true, value: r => percentile(r.hist, "99"), text: r => time(percentile(r.hist, "99")) },
	{ title: "max", n: true, value: r => r.hist.max_ns, text: r => time(r.hist.max_ns) },
];
const errors_column = { title: "errors", n: true, value: r => r.hist.errors, text: r => r.hist.errors ? el("span", { class: "bad" }, count(r.hist.errors)) : "0" };

/* The colours of the scheme that is in use; figures are drawn anew when it changes. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const redraws = [];
function color(name) {
	return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}
const ramps = {
	light: [[221, 234, 247], [158, 199, 234], [79, 151, 212], [22, 101, 172], [6, 48, 104]],
	dark: [[21, 46, 70], [29, 79, 122], [43, 125, 184], [106, 183, 232], [222, 243, 255]],
};
function heat(part) {
	const ramp = dark.matches ? ramps.dark : ramps.light, at = Math.max(0, Math.min(1, part)) * (ramp.length - 1);
	const low = Math.min(Math.floor(at), ramp.length - 2), mix = at - low;
	return "rgb(" + ramp[low].map((c, i) => Math.round(c + (ramp[low + 1][i] - c) * mix)).join(" ") + ")";
}
let drawn_width = 0;
function redraw() {
	for (const draw of redraws)
		draw();
}

/* A canvas in units of the page, whatever the screen's. Returns null if nothing of it can be seen. */
function context(canvas, height) {
	const width = canvas.clientWidth, scale = Math.min(devicePixelRatio || 1, 3);
	if (!width)
		return null;
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	canvas.style.height = height + "px";
	const c = canvas.getContext("2d");
	c.scale(scale, scale);
	c.font = "11px " + (color("sans") || "sans-serif");
	return c;
}

const tip = $("tip");
function show_tip(text, x, y) {
	tip.textContent = text;
	tip.hidden = false;
	const box = tip.getBoundingClientRect();
	tip.style.left = Math.max(4, Math.min(innerWidth - box.width - 4, x + 14)) + "px";
	tip.style.top = (y + box.height + 20 > innerHeight ? y - box.height - 10 : y + 14) + "px";
}
const hide_tip = () => { tip.hidden = true; };

/* Marks of an axis of time in seconds: round numbers. */
function ticks(span, most) {
	const raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= raw) || raw;
	const list = [];
	for (let at = 0; at <= span + step / 1e6; at += step)
		list.push(at);
	return list;
}
function seconds(ns, span) {
	return span >= 2e9 ? String(Math.round(ns / 1e8) / 10) + "\u202fs" : span >= 2e6 ? cut(ns / 1e6) + "\u202fms" : time(Math.round(ns));
}

/* What was chosen of an observer's operations and devices, added up. */
function select(observer, op, dev) {
	const sum = { buckets: new Map(), slots: [], total: new Map(), events: 0, errors: 0, bytes: 0, timed: 0 };
	for (let i = 0; i < axis.slots; i++)
		sum.slots.push({ events: 0, errors: 0, bytes: 0 });
	for (const pair of observer.pairs) {
		if ((op !== null && (pair.others ? "others" : String(pair.op)) !== op) || (dev !== null && (pair.others ? "others" : String(pair.dev)) !== dev))
			continue;
		for (let i = 0; i < pair.cells.length; i += 3) {
			const key = pair.cells[i] * 64 + pair.cells[i + 1], n = pair.cells[i + 2];
			sum.buckets.set(key, (sum.buckets.get(key) || 0) + n);
			sum.total.set(pair.cells[i + 1], (sum.total.get(pair.cells[i + 1]) || 0) + n);
			sum.timed += n;
		}
		for (let i = 0; i < pair.slots.length; i += 4) {
			const slot = sum.slots[pair.slots[i]];
			slot.events += pair.slots[i + 1];
			slot.errors += pair.slots[i + 2];
			slot.bytes += pair.slots[i + 3];
		}
		sum.events += pair.hist.count;
		sum.errors += pair.hist.errors;
		sum.bytes += pair.bytes;
	}
	return sum;
}

/* Within its bucket, as the tool does it; only where the selection is not one that the tool has summed up. */
function percentile_of(sum, percent, max) {
	const rank = Math.ceil(sum.timed * percent / 100);
	let before = 0;
	for (let b = 0; b < 42; b++) {
		const n = sum.total.get(b) || 0;
		if (n && before + n >= rank) {
			const low = b ? 2 ** (b - 1) : 0, high = Math.min(bound(b), max);
			return high <= low ? high : low + Math.ceil((high - low) * (rank - before) / n);
		}
		before += n;
	}
	return undefined;
}

/* Latency over time: the middle of the page. */
function heatmap(observer) {
	const ops = [...new Set(observer.pairs.map(p => p.others ? "others" : String(p.op)))], devs = [...new Set(observer.pairs.map(p => p.others ? "others" : String(p.dev)))];
	let op = null, dev = null, sum = null, low = 0, high = 0, most = 0, cursor = null;
	const canvas = el("canvas", { tabindex: "0", role: "img" }), read = el("dl", { class: "read" }), rows = el("div");
	const LEFT = 58, RIGHT = 74, TOP = 6, GAP = 22, STRIP = 46, BOTTOM = 20;
	const ruler = el("canvas", { "aria-hidden": "true" }), least = el("span"), largest = el("span");

	function choice(label, list, names, take) {
		const box = el("select", { onchange: () => take(box.value === "" ? null : box.value) }, el("option", { value: "" }, "all"),
			list.map((value, i) => el("option", { value }, names[i])));
		return list.length > 1 ? el("label", null, label, box) : null;
	}
	function change() {
		sum = select(observer, op, dev);
		const used = [...sum.total.keys()];
		low = used.length ? Math.min(...used) : 0;
		high = used.length ? Math.max(...used) : 0;
		/* Some room, so that one bucket does not fill the figure. */
		while (high - low < 7)
			low > 0 ? (high < 41 ? (low--, high++) : low--) : high++;
		most = Math.max(1, ...sum.buckets.values());
		const whole = op === null && dev === null ? observer.hist : null, max = whole ? whole.max_ns : Math.max(0, ...observer.pairs.filter(p =>
			(op === null || (p.others ? "others" : String(p.op)) === op) && (dev === null || (p.others ? "others" : String(p.dev)) === dev)).map(p => p.hist.max_ns || 0));
		const facts = [["events", count(sum.events)], ["errors", count(sum.errors)]];
		if (observer.roles.bytes !== null)
			facts.push(["bytes", size(sum.bytes)]);
		for (const p of ["50", "99", "99.9"])
			facts.push(["p" + p, time(sum.timed ? whole ? percentile(whole, p) : percentile_of(sum, Number(p), max) : undefined)]);
		facts.push(["max", time(sum.timed ? max : undefined)]);
		read.replaceChildren(...facts.map(([key, value]) => el("div", null, el("dt", null, key), el("dd", { class: key === "errors" && sum.errors ? "bad" : null }, value))));
		canvas.setAttribute("aria-label", "Latency of " + observer.command + " over time: " + count(sum.timed) + " with a latency, most between " +
			facts.filter(f => f[0].startsWith("p")).map(f => f[0] + " " + f[1]).join(", ") + ". The table below has the figures. The arrow keys read out single cells.");
		least.textContent = "1";
		largest.textContent = count(most);
		cursor = null;
		if (rows.parentNode && rows.parentNode.open)
			make_rows();
		draw();
	}
	const layout = () => ({ width: canvas.clientWidth, cell: Math.max(9, Math.min(canvas.clientWidth > 700 ? 20 : 14, Math.round(230 / (high - low + 1)))) });
	function draw() {
		const { width, cell } = layout(), buckets = high - low + 1, map_height = buckets * cell, height = TOP + map_height + GAP + STRIP + BOTTOM;
		const c = context(canvas, height), plot = width - LEFT - RIGHT;
		if (!c)
			return;
		const w = plot / axis.slots, ink = color("ink-3"), line = color("line-soft");
		c.fillStyle = line;
		c.fillRect(LEFT, TOP, plot, map_height);
		const card = color("card");
		c.fillStyle = card;
		c.globalAlpha = 0.72;
		c.fillRect(LEFT, TOP, plot, map_height);
		c.globalAlpha = 1;
		const log = Math.log(most + 1);
		for (const [key, n] of sum.buckets) {
			const slot = Math.floor(key / 64), bucket = key % 64, x = LEFT + slot * w;
			c.fillStyle = heat(0.06 + 0.94 * Math.log(n + 1) / log);
			c.fillRect(x, TOP + (high - bucket) * cell, Math.max(1, w + 0.4), cell);
		}
		/* The axis of latency: bounds of buckets. */
		c.fillStyle = ink;
		c.textAlign = "right";
		c.textBaseline = "middle";
		const every = cell >= 18 ? 1 : cell >= 12 ? 2 : 3;
		for (let b = high; b >= low - 1; b -= every) {
			const y = TOP + (high - b) * cell;
			if (b >= 0 && b < 41)
				c.fillText(time(2 ** b), LEFT - 6, Math.max(y, 6));
			c.globalAlpha = 0.5;
			c.strokeStyle = color("line");
			c.beginPath();
			c.moveTo(LEFT, Math.round(y) + 0.5);
			c.lineTo(LEFT + plot, Math.round(y) + 0.5);
			c.stroke();
			c.globalAlpha = 1;
		}
		/* All of the time together, at the right. */
		const widest = Math.max(1, ...sum.total.values());
		for (const [bucket, n] of sum.total) {
			c.fillStyle = color("bar");
			c.fillRect(LEFT + plot + 8, TOP + (high - bucket) * cell + 1, Math.max(1, (RIGHT - 12) * n / widest), cell - 2);
		}
		/* How many in each slot. */
		const top = TOP + map_height + GAP, peak = Math.max(1, ...sum.slots.map(s => s.events));
		c.fillStyle = color("track");
		c.fillRect(LEFT, top, plot, STRIP);
		sum.slots.forEach((slot, i) => {
			if (!slot.events)
				return;
			const h = Math.max(1, STRIP * slot.events / peak);
			c.fillStyle = color("bar");
			c.fillRect(LEFT + i * w, top + STRIP - h, Math.max(1, w > 3 ? w - 0.7 : w), h);
			if (slot.errors) {
				const bad = Math.max(2, STRIP * slot.errors / peak);
				c.fillStyle = color("bad");
				c.fillRect(LEFT + i * w, top + STRIP - bad, Math.max(1, w > 3 ? w - 0.7 : w), bad);
			}
		});
		c.fillStyle = ink;
		c.textAlign = "right";
		c.fillText(short(peak / (axis.slot_ns / 1e9)) + "/s", LEFT - 6, top + 6);
		c.fillText("0", LEFT - 6, top + STRIP - 4);
		c.textAlign = "left";
		c.textBaseline = "alphabetic";
		c.fillText("events per second" + (sum.errors ? ", errors in red" : ""), LEFT, top - 6);
		/* The axis of time. */
		const span = axis.slots * axis.slot_ns;
		c.textAlign = "center";
		for (const at of ticks(axis.span_ns || span, Math.max(3, Math.floor(plot / 90)))) {
			const x = LEFT + (at - axis.offset_ns) / span * plot;
			if (x < LEFT - 1 || x > LEFT + plot + 1)
				continue;
			c.fillStyle = ink;
			c.fillRect(Math.round(x), top + STRIP, 1, 4);
			c.textAlign = x < LEFT + 12 ? "left" : x > LEFT + plot - 20 ? "right" : "center";
			c.fillText(seconds(at, axis.span_ns), x, top + STRIP + 15);
		}
		if (cursor) {
			c.strokeStyle = color("ink");
			c.lineWidth = 1.5;
			c.strokeRect(LEFT + cursor.slot * w - 0.5, TOP + (high - cursor.bucket) * cell - 0.5, Math.max(2, w) + 1, cell + 1);
		}
		const r = context(ruler, 10);
		for (let i = 0; r && i < 120; i++) {
			r.fillStyle = heat(0.06 + 0.94 * i / 119);
			r.fillRect(i * ruler.clientWidth / 120, 0, ruler.clientWidth / 120 + 1, 10);
		}
	}
	function tell(x, y) {
		const slot = sum.slots[cursor.slot], at = axis.offset_ns + cursor.slot * axis.slot_ns;
		show_tip(seconds(Math.max(0, at), axis.span_ns) + " (" + wall(Math.max(0, at)) + " UTC), for " + time(axis.slot_ns) + "\n" + range(cursor.bucket) + ": " +
			count(sum.buckets.get(cursor.slot * 64 + cursor.bucket) || 0) + "\n" + count(slot.events) + " events" + (slot.errors ? ", " + count(slot.errors) + " errors" : "") +
			(slot.bytes ? ", " + size(slot.bytes) : ""), x, y);
	}
	canvas.addEventListener("mousemove", e => {
		const box = canvas.getBoundingClientRect(), { cell } = layout(), plot = box.width - LEFT - RIGHT;
		const slot = Math.floor((e.clientX - box.left - LEFT) / plot * axis.slots), row = Math.floor((e.clientY - box.top - TOP) / cell);
		if (slot < 0 || slot >= axis.slots || row < 0) {
			if (cursor) {
				cursor = null;
				hide_tip();
				draw();
			}
			return;
		}
		cursor = { slot, bucket: Math.max(low, high - row) };
		draw();
		tell(e.clientX, e.clientY);
	});
	const leave = () => { cursor = null; hide_tip(); draw(); };
	canvas.addEventListener("mouseleave", leave);
	canvas.addEventListener("blur", leave);
	canvas.addEventListener("keydown", e => {
		const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
		if (e.key === "Escape" && cursor)
			return leave();
		if (!by)
			return;
		e.preventDefault();
		cursor = cursor ? { slot: Math.max(0, Math.min(axis.slots - 1, cursor.slot + by[0])), bucket: Math.max(low, Math.min(high, cursor.bucket + by[1])) } :
			{ slot: 0, bucket: high };
		draw();
		const box = canvas.getBoundingClientRect(), { cell } = layout();
		tell(box.left + LEFT + cursor.slot * (box.width - LEFT - RIGHT) / axis.slots, box.top + TOP + (high - cursor.bucket) * cell);
	});
	function make_rows() {
		const buckets = [...sum.total].sort((a, b) => a[0] - b[0]);
		rows.replaceChildren(
			table("Latency of all of the time", [
				{ title: "latency", text: r => range(r[0]) },
				{ title: "count", n: true, value: r => r[1], text: r => count(r[1]) },
				{ title: "share", cls: "bar", text: r => meter(r[1] / sum.timed) },
			], buckets),
			table("Over time", [
				{ title: "from", n: true, text: r => seconds(Math.max(0, axis.offset_ns + r.slot * axis.slot_ns), axis.span_ns) },
				{ title: "events", n: true, value: r => r.events, text: r => count(r.events) },
				{ title: "errors", n: true, value: r => r.errors, text: r => count(r.errors) },
				{ title: "bytes", n: true, value: r => r.bytes, text: r => size(r.bytes) },
				{ title: "latency of most", text: r => r.mode === null ? "\u2013" : range(r.mode) },
			], sum.slots.map((s, slot) => {
				let mode = null, best = 0;
				for (let b = low; b <= high; b++) {
					const n = sum.buckets.get(slot * 64 + b) || 0;
					if (n > best)
						best = n, mode = b;
				}
				return { ...s, slot, mode };
			}).filter(s => s.events)));
	}
	const card = el("figure", { class: "card" },
		el("div", { class: "tools" }, el("div", null, el("h3", null, "Latency over time"), el("p", { class: "hint" }, "Each column is " + time(axis.slot_ns) +
			", each row a power of two; an event stands where it ended.")),
			choice(observer.roles.op === null ? "operation" : observer.fields[observer.roles.op].name, ops, ops.map(o => o === "null" ? "none" : o), v => { op = v; change(); }),
			choice("device", devs, devs.map(d => d === "others" ? d : d === "null" ? "none" : device(d)), v => { dev = v; change(); }), read),
		el("div", { class: "plot" }, canvas),
		el("div", { class: "legend" }, el("span", { class: "scale" }, "events in a cell:", least, ruler, largest)),
		el("details", { class: "table", ontoggle: e => e.target.open && make_rows() }, el("summary", null, "The same as a table"), rows));
	redraws.push(draw);
	change();
	return card;
}

/* Phases of a kind of request, and what else of its time is known. */
function phases(observer) {
	const timed = observer.parts.filter(p => p.hist.timed);
	if (!timed.length)
		return null;
	const whole = observer.hist.total_ns, sequence = timed.filter(p => p.phase >= 0).sort((a, b) => a.phase - b.phase);
	const known = sequence.reduce((n, p) => n + p.hist.total_ns, 0), figure = [];
	if (sequence.length) {
		let x = 0;
		const rest = Math.max(0, 1 - known / whole);
		figure.push(svg("svg", { class: "split", viewBox: "0 0 1000 26", preserveAspectRatio: "none", role: "img", "aria-label": "Share of the time: " +
			sequence.map(p => name(observer.fields[p.field]) + " " + share(p.hist.total_ns / whole)).join(", ") }, sequence.map(p => {
			const w = 1000 * p.hist.total_ns / Math.max(whole, known), bar = svg("rect", { x, y: 0, width: w, height: 26, class: "k" + p.phase % 5 });
			x += w;
			return bar;
		})), el("div", { class: "legend" }, sequence.map(p => el("span", null, el("i", { class: "k" + p.phase % 5 }), name(observer.fields[p.field]) + " " +
			share(p.hist.total_ns / whole))), rest > 0.0005 ? el("span", null, "the rest, " + share(rest) + ", is in no phase that is known") : null));
	}
	return el("div", { class: "card phases" }, el("h3", null, sequence.length ? "Where the time goes" : "Parts of the time"), el("p", { class: "hint" }, sequence.length ?
		"All " + time(whole) + " of latency of this observer's events, by phase." : "As far as it is told, beside the latency."), figure,
		table("Phases", [
			{ title: "phase", cls: "word", text: p => [el("span", null, name(observer.fields[p.field])), el("span", { class: "doc" }, observer.fields[p.field].doc)] },
			{ title: "events", n: true, value: p => p.hist.count, text: p => count(p.hist.count) },
			{ title: "total", n: true, value: p => p.hist.total_ns, text: p => time(p.hist.total_ns) },
			...hist_columns,
		], timed.slice().sort((a, b) => (a.phase < 0) - (b.phase < 0) || a.phase - b.phase), { attributes: { "data-phases": sequence.length } }));
}

/* What events were, by the words of a field. */
function words(observer, of) {
	const field = observer.fields[of.field], rows = of.rows.slice().sort((a, b) => b.hist.count - a.hist.count);
	if (!rows.length || (rows.length === 1 && (rows[0].word === null || of.field === observer.roles.op && observer.pairs.length === 1)))
		return null;
	return el("div", { class: "card" }, el("h3", null, field.name), el("p", { class: "hint" }, field.doc),
		table("By " + field.name, [
			{ title: field.name, cls: "word", text: r => [el("span", null, word(r.word)), r.doc ? el("span", { class: "doc" }, r.doc) : null] },
			{ title: "events", n: true, value: r => r.hist.count, text: r => count(r.hist.count) },
			{ title: "share", cls: "bar", text: r => meter(r.hist.count / observer.hist.count) },
			...hist_columns.slice(0, 2), errors_column,
		], rows, { attributes: { "data-words": field.name } }));
}

function flags(observer, of) {
	const field = observer.fields[of.field], rows = of.rows.slice().sort((a, b) => b.count - a.count);
	return rows.length ? el("div", { class: "card" }, el("h3", null, field.name), el("p", { class: "hint" }, field.doc),
		table("By " + field.name, [
			{ title: "flag", cls: "word", text: r => [el("span", null, r.word), r.doc ? el("span", { class: "doc" }, r.doc) : null] },
			{ title: "events", n: true, value: r => r.count, text: r => count(r.count) },
			{ title: "share", cls: "bar", text: r => meter(r.count / observer.hist.count) },
		], rows)) : null;
}

function errors(observer) {
	if (!observer.errors.length)
		return null;
	return el("div", { class: "card" }, el("h3", null, "Errors"), el("p", { class: "hint" }, count(observer.hist.errors) + " of " + count(observer.hist.count) + " failed" +
		(observer.more_errors ? "; " + count(observer.more_errors) + " with further combinations are not in the table" : "") + "."),
		table("Errors", [
			{ title: "error", cls: "word", text: r => [el("span", { class: "bad" }, r.ret === null ? "not told" : r.name || String(r.ret)), r.doc ? el("span", { class: "doc" }, r.doc) : null] },
			{ title: "errno", n: true, text: r => r.ret === null ? "\u2013" : String(-r.ret) },
			{ title: "operation", cls: "word", text: r => word(r.op) },
			{ title: "events", n: true, value: r => r.count, text: r => count(r.count) },
			{ title: "share", cls: "bar", text: r => meter(r.count / observer.hist.errors, true) },
		], observer.errors.slice().sort((a, b) => b.count - a.count), { attributes: { "data-errors": observer.hist.errors } }));
}

/* Files or processes, those that took most of the time first. */
function holders(observer, title, of, first, attribute) {
	if (!of)
		return null;
	const whole = observer.hist.total_ns, others = of.others.hist.count ? { ...of.others, others: of.kept - of.rows.length + of.given_up } : null;
	const note = "Shown: " + count(of.rows.length) + " of " + (of.given_up ? "more than " + count(of.kept) : count(of.kept)) + ", those that took most of the time" +
		(of.given_up ? ". Above " + count(of.limit) + " the lesser half is told as one from then on" : "");
	return el("div", { class: "card" }, el("h3", null, title), table(title, [
		...first(of),
		{ title: "events", n: true, value: r => r.hist.count, text: r => count(r.hist.count) },
		...(observer.roles.bytes !== null ? [{ title: "bytes", n: true, value: r => r.bytes, text: r => size(r.bytes) }] : []),
		...hist_columns, errors_column,
		{ title: "total", n: true, value: r => r.hist.total_ns, text: r => time(r.hist.total_ns) },
		{ title: "share of time", cls: "bar", text: r => meter(whole ? r.hist.total_ns / whole : 0) },
	], of.rows, { last: others, note, attributes: { [attribute]: of.rows.length } }));
}
const files = observer => holders(observer, "Files", observer.files, () => [
	{ title: "path", cls: "path", value: r => r.name || "", text: r => r.others !== undefined ? count(r.others) + " others" : r.name === null ? el("span", { class: "hint" }, "not known, inode " + r.ino) : el("span", { title: r.name }, r.name) },
	{ title: "device", value: r => r.dev, text: r => r.others !== undefined ? "" : r.dev },
	{ title: "inode", n: true, value: r => Number(r.ino), text: r => r.others !== undefined ? "" : r.ino },
], "data-files");
const processes = observer => holders(observer, "Processes", observer.processes, () => [
	{ title: "process", cls: "path", value: r => r.name || "", text: r => r.others !== undefined ? count(r.others) + " others" : r.name },
	{ title: "pid", n: true, value: r => r.pid, text: r => r.others !== undefined ? "" : String(r.pid) },
], "data-processes");

/* The slowest: on the axis of time in lanes, and one by one with their phases. */
function slowest(observer) {
	const slow = observer.slow, fields = observer.fields, roles = observer.roles, longest = slow[0].latency;
	const field = (one, role) => roles[role] === null ? null : one.fields[roles[role]];
	const title = one => field(one, "op") || observer.event;
	const where = one => field(one, "path") || (field(one, "ino") !== null ? "inode " + field(one, "ino") + (field(one, "dev") ? " on " + field(one, "dev") : "") : field(one, "dev") || "");

	const sequence = observer.parts.some(p => p.phase >= 0 && p.hist.timed);

	/* Lanes of requests that are in flight at the same time. */
	const order = slow.map((one, i) => i).sort((a, b) => slow[a].begin - slow[b].begin), ends = [], lane = [];
	const canvas = el("canvas", { role: "img", "aria-label": "The slowest " + slow.length + " on the axis of time; the list below has them one by one" });
	let boxes = [];
	function draw() {
		const width = canvas.clientWidth, LEFT = 8, plot = width - 2 * LEFT, span = Math.max(1, axis.span_ns), gap = span / Math.max(1, plot) * 3;
		ends.length = 0;
		for (const i of order) {
			const one = slow[i];
			let n = ends.findIndex(end => end <= one.begin);
			if (n < 0)
				n = ends.length;
			ends[n] = one.begin + Math.max(one.latency, gap);
			lane[i] = n;
		}
		const row = ends.length > 24 ? 6 : 11, height = ends.length * row + 26, c = context(canvas, height);
		if (!c)
			return;
		boxes = [];
		c.fillStyle = color("track");
		for (let n = 0; n < ends.length; n++)
			c.fillRect(LEFT, n * row, plot, row - 1);
		for (const i of order) {
			const one = slow[i], x = LEFT + one.begin / span * plot, w = Math.max(2, one.latency / span * plot), y = lane[i] * row;
			c.fillStyle = color(sequence ? "p4" : "p1");
			c.fillRect(x, y, w, row - 1);
			for (const [, from, ns] of one.phases.length ? one.phases : []) {
				const at = one.phases.findIndex(p => p[1] === from), place = observer.parts.find(p => p.field === one.phases[at][0]);
				c.fillStyle = color("p" + (place ? place.phase : 4) % 5);
				c.fillRect(x + from / span * plot, y, Math.max(0.5, ns / span * plot), row - 1);
			}
			boxes.push({ x, y, w: Math.max(w, 4), h: row, i });
		}
		c.fillStyle = color("ink-3");
		for (const at of ticks(span, Math.max(3, Math.floor(plot / 90)))) {
			const x = LEFT + at / span * plot;
			c.fillRect(Math.round(x), ends.length * row, 1, 4);
			c.textAlign = x < LEFT + 12 ? "left" : x > LEFT + plot - 20 ? "right" : "center";
			c.fillText(seconds(at, span), x, ends.length * row + 16);
		}
	}
	const hit = e => {
		const box = canvas.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
		return boxes.find(b => x >= b.x - 1 && x <= b.x + b.w + 1 && y >= b.y && y < b.y + b.h);
	};
	canvas.addEventListener("mousemove", e => {
		const b = hit(e), one = b && slow[b.i];
		canvas.style.cursor = b ? "pointer" : "";
		one ? show_tip(title(one) + ", " + time(one.latency) + "\n" + where(one) + "\nbegan at " + seconds(one.begin, axis.span_ns) +
			one.phases.map(p => "\n" + name(fields[p[0]]) + " " + time(p[2])).join(""), e.clientX, e.clientY) : hide_tip();
	});
	canvas.addEventListener("mouseleave", hide_tip);
	canvas.addEventListener("click", e => {
		const b = hit(e);
		if (!b)
			return;
		show(slow.length);
		const item = list.children[b.i].firstChild;
		item.open = true;
		item.scrollIntoView({ block: "center" });
		item.firstChild.focus();
	});

	function bar(one) {
		return svg("svg", { viewBox: "0 0 1000 14", preserveAspectRatio: "none", role: "img", "aria-label": one.phases.map(p => name(fields[p[0]]) + " " + time(p[2])).join(", ") ||
			"phases not known" },
			svg("rect", { class: "rest", x: 0, y: 0, width: 1000, height: 14 }),
			svg("rect", { class: sequence ? "unknown" : "whole", x: 0, y: 2, width: Math.max(2, 1000 * one.latency / longest), height: 10 }),
			one.phases.map(([index, from, ns]) => {
				const part = observer.parts.find(p => p.field === index);
				return svg("rect", { class: "k" + (part ? part.phase : 4) % 5, x: 1000 * from / longest, y: 0, width: Math.max(0.6, 1000 * ns / longest), height: 14 });
			}));
	}
	function details(one) {
		const steps = one.steps ? el("div", { class: "steps" }, table("Steps", [
			{ title: "after", n: true, text: s => time(s[0]) },
			{ title: "step", cls: "word", text: s => "\u00a0".repeat(2 * Math.min(s[1], 8)) + s[2] },
			{ title: "", text: s => el("code", null, s[3]) },
		], one.steps, { note: Number(one.fields[fields.findIndex(f => f.name === "steps")]) > one.steps.length ? "Shown: the first " + one.steps.length : undefined })) : null;
		return [el("dl", { class: "fields" }, one.fields.map((value, i) => value === null ? null : el("div", { title: fields[i].doc }, el("dt", null, fields[i].name), el("dd", null, value)))), steps];
	}
	const list = el("ol", { class: "slow" });
	function show(n) {
		for (let i = list.children.length; i < n && i < slow.length; i++) {
			const one = slow[i];
			list.append(el("li", null, el("details", { ontoggle: e => {
				if (e.target.open && e.target.children.length === 1)
					e.target.append(...details(one).filter(Boolean));
			} }, el("summary", null, el("span", { class: "took" }, time(one.latency)), el("span", { class: "what" }, title(one), " ", el("span", { class: "hint" },
				[field(one, "comm"), field(one, "tid")].filter(v => v !== null).join(" "), ", at ", seconds(one.begin, axis.span_ns)), el("span", { class: "where" }, where(one))), bar(one)))));
		}
		more.hidden = list.children.length >= slow.length;
	}
	const more = el("button", { type: "button", onclick: () => show(slow.length) }, "Show all " + slow.length);
	const used = observer.parts.filter(p => p.phase >= 0 && p.hist.timed).sort((a, b) => a.phase - b.phase);
	const card = el("div", { class: "card", "data-slow": slow.length }, el("h3", null, "Slowest"), el("p", { class: "hint" }, "Shown: " + count(slow.length) + " slowest of " +
		count(observer.hist.timed) + " whose latency is known, in lanes where they were in flight at the same time; below, the bars are to one scale."),
		el("div", { class: "plot" }, canvas),
		el("div", { class: "legend" }, used.map(p => el("span", null, el("i", { class: "k" + p.phase % 5 }), name(fields[p.field])))), list, more);
	show(8);
	redraws.push(draw);
	return card;
}

/* What was recorded, by what, and what of it is missing. */
function recording() {
	const file = rec.file || "";
	const facts = [
		["Recorded", rec.start.slice(0, 19).replace("T", " ") + " UTC"], ["For", time(rec.duration_ns)], ["Machine", [rec.node, rec.machine].filter(Boolean).join(", ")],
		["Kernel", rec.kernel], ["Recorded by", rec.tool ? "iomapscope " + rec.tool : null], ["File", file.slice(file.lastIndexOf("/") + 1) + (rec.files > 1 ? " and " + (rec.files - 1) + " more" : "")],
	].filter(f => f[1]);
	const streams = rec.streams, notices = [];
	if (rec.damage)
		notices.push(["bad", "The recording is damaged or was cut: " + rec.damage + ". All that came before it is in this page."]);
	if (rec.next_part)
		notices.push(["", "The recording goes on in " + rec.next_part + ", which was not read."]);
	if (rec.left_out)
		notices.push(["", count(rec.left_out) + " records are of observers that this version does not know, and are not in the page."]);
	if (rec.filters)
		notices.push(["", "Only a part of the recording is in this page: " + rec.filters + "."]);
	const lost = streams.reduce((n, s) => n + (s.account ? s.account.lost + s.account.unseen : 0), 0), told = streams.every(s => s.account);
	if (lost)
		notices.push(["bad", "Not everything is here: " + streams.filter(s => s.account && (s.account.lost || s.account.unseen)).map(s => s.command + " lost " + count(s.account.lost) + " of " +
			count(s.account.seen) + " (" + s.account.reasons.filter(r => r.count).map(r => r.word + " " + count(r.count)).join(", ") + ")" +
			(s.account.unseen ? ", and up to " + count(s.account.unseen) + " more were not seen" : "")).join("; ") + "."]);
	return el("section", { id: "recording" }, el("h2", null, "Recording"), el("div", { class: "stack" },
		notices.map(([kind, text]) => el("p", { class: ("notice " + kind).trim() }, text)),
		el("div", { class: "card" }, el("dl", { class: "facts" }, facts.map(([key, value]) => el("div", null, el("dt", null, key), el("dd", null, value))),
			rec.command_line ? el("div", { class: "wide" }, el("dt", null, "Command"), el("dd", null, rec.command_line)) : null)),
		el("div", { class: "card" }, el("h3", null, "Sources and completeness"), el("p", { class: "hint" }, told && !lost ?
			el("span", { class: "good" }, "Everything that was seen is accounted for, and nothing was lost.") :
			told ? "What was seen was emitted, left out by filters, or lost." : "The recording does not tell what became of everything: it has no end."),
			table("Observers", [
				{ title: "observer", cls: "word", text: s => s.command },
				{ title: "source", cls: "word", text: s => s.source || "\u2013" },
				{ title: "in this page", n: true, text: s => s.known ? count(s.records) : "not known here" },
				...(rec.filters ? [{ title: "left out here", n: true, text: s => count(s.filtered) }] : []),
				{ title: "seen", n: true, text: s => s.account ? count(s.account.seen) : "\u2013" },
				{ title: "filtered", n: true, text: s => s.account ? count(s.account.filtered) : "\u2013" },
				{ title: "lost", n: true, text: s => s.account ? s.account.lost ? el("span", { class: "bad" }, count(s.account.lost)) : "0" : "not told" },
				{ title: "cannot be told", text: s => [s.limits || (s.known ? "nothing is missing" : "\u2013"), s.unfinished ? "; " + count(s.unfinished) + " requests without an end are left out" : ""] },
			], streams))));
}

function spark(observer) {
	const sum = select(observer, null, null), peak = Math.max(1, ...sum.slots.map(s => s.events)), w = 200 / axis.slots;
	return svg("svg", { viewBox: "0 0 200 34", preserveAspectRatio: "none", "aria-hidden": "true" }, sum.slots.map((s, i) => s.events ? [
		svg("rect", { class: "spark", x: i * w, y: 34 - 34 * s.events / peak, width: w, height: 34 * s.events / peak }),
		s.errors ? svg("rect", { class: "spark-bad", x: i * w, y: 34 - Math.max(2, 34 * s.errors / peak), width: w, height: Math.max(2, 34 * s.errors / peak) }) : null] : null));
}

function overview() {
	return el("section", { id: "overview" }, el("h2", null, "Overview"), data.observers.length ? el("div", { class: "tiles" }, data.observers.map(o => {
		const facts = [["p50", time(percentile(o.hist, "50"))], ["p99", time(percentile(o.hist, "99"))], ["max", time(o.hist.max_ns)]];
		return el("a", { class: "card tile", href: "#" + o.command, "data-command": o.command, "data-count": o.hist.count, "data-errors": o.hist.errors, "data-bytes": o.bytes },
			el("div", { class: "head" }, el("span", { class: "name" }, o.command), o.hist.errors ? el("span", { class: "bad" }, count(o.hist.errors) + " errors") : el("span", { class: "hint" }, "no errors")),
			el("div", { class: "count" }, count(o.hist.count)), el("div", { class: "rate" }, rate(o.hist.count) + " per second" + (o.bytes ? ", " + size(o.bytes) : "")), spark(o),
			el("dl", null, facts.map(([key, value]) => el("div", null, el("dt", null, key), el("dd", null, value)))));
	})) : el("p", { class: "notice" }, "The recording has no events."));
}

function section(observer) {
	const kinds = observer.words.map(of => words(observer, of)), sets = observer.flags.map(of => flags(observer, of)), small = [errors(observer), ...kinds, ...sets].filter(Boolean);
	return el("section", { id: observer.command }, el("h2", null, observer.command), el("p", { class: "lead" }, observer.summary), el("div", { class: "stack" },
		heatmap(observer), phases(observer), observer.slow.length ? slowest(observer) : null, files(observer), processes(observer),
		small.length ? el("div", { class: "columns" }, small) : null));
}

$("subtitle").textContent = [rec.node, rec.kernel, rec.start.slice(0, 16).replace("T", " ") + " UTC", time(rec.duration_ns)].filter(Boolean).join(" \u00b7 ");
document.title = "iomapscope report" + (rec.node ? ": " + rec.node : "");
$("nav").append(...["recording", "overview", ...data.observers.map(o => o.command)].map(id => el("a", { href: "#" + id }, id)));
$("main").replaceChildren(overview(), ...data.observers.map(section));
$("main").prepend(recording());
$("footer").append("Made by iomapscope " + data.version + " from a recording. This page is one file and asks for nothing from a network. A latency of exactly 2\u207f\u202fns is in the bucket that ends there; " +
	"percentiles lie in the right bucket and are interpolated in it.");
dark.addEventListener("change", redraw);
let pending = false;
new ResizeObserver(() => {
	if (pending || $("main").clientWidth === drawn_width)
		return;
	pending = true;
	requestAnimationFrame(() => {
		pending = false;
		drawn_width = $("main").clientWidth;
		redraw();
	});
}).observe($("main"));
redraw();
/* What the address names is there only now. */
if (location.hash.length > 1 && $(location.hash.slice(1)))
	$(location.hash.slice(1)).scrollIntoView({ behavior: "instant" });
document.documentElement.dataset.ready = "yes";
})();
