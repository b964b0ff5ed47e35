// SPDX-License-Identifier: GPL-2.0-or-later
// The status page: it asks the gateway how it is, compares with what it was before, and shows
// both. What comes from others (names, reasons) gets into the page as text only.
"use strict";

const STATUS_MS = 2000, ACTIVITY_MS = 4000, TIMEOUT_MS = 4000;
const MINUTE_MS = 60000;	// what the latency table looks back, and the least of a chart's scale
const KEPT_MS = 5 * MINUTE_MS;	// what a chart looks back
const GAP_MS = 3 * STATUS_MS;	// so long without a look: nobody knows what was between

// Lists of the documents, and what is read of each of their rows, in this order
const ROWS = {
	"rooms.nat64.pool4": ["address", "ports"],
	"rooms.dns64.upstreams": ["zone", "questions", "failed", "answered_ago_ms", "workers_deaf"],
	"refusals": ["at", "room", "reason", "who", "what", "alike"],
	"clients.nat64": ["client", "sessions", "half_open"],
	"clients.dns64": ["client", "queries"],
	"clients.snid": ["client", "connections", "opening"],
};

// Counters of what did not go on: room, and a family of reasons
const DROPS = [
	["nat64", "rooms.nat64.counters.drops"],
	["dns64", "rooms.dns64.counters.drops"],
	["dns64", "rooms.dns64.counters.refused"],
	["snid", "rooms.snid.counters.refused"],
	["snid", "rooms.snid.counters.guard_drops"],
];
const DROPS_SHOWN = 12, REFUSALS_SHOWN = 20;

let now = null, before = null, seconds = 0;	// status documents, and the time between them
let asked = 0;					// when `now` was, by performance.now()
let older = [];					// the last minute's: [when, status document]
let paused = false, silentSince = null;

// ---- reading ---------------------------------------------------------------

function at(of, path) {
	for (const key of path.split("."))
		of = of?.[key];
	return of ?? null;
}

function get(path) {
	return at(now, path);
}

// How much a counter rose in a second; null: there is nothing to compare with, or it fell, since
// the packet filter's and the fast path's begin anew with these
function rate(path) {
	const value = get(path), was = at(before, path) ?? 0;
	return before && value !== null && value >= was ? (value - was) / seconds : null;
}

function bits(path) {
	const value = rate(path);
	return value === null ? null : value * 8;
}

function sum(...values) {
	return values.some((value) => value === null) ? null : values.reduce((a, b) => a + b, 0);
}

// A family of labelled counters: [label, rate]
function family(path) {
	return Object.keys(get(path) ?? {}).map((label) => [label, rate(`${path}.${label}`)]);
}

function rows(document, path) {
	return (at(document, path) ?? []).map((row) => ROWS[path].map((key) => row[key]));
}

// ---- writing ---------------------------------------------------------------

const UNITS = ["", "k", "M", "G", "T"];

function short(value) {
	if (value === null)
		return "–";
	let unit = 0;
	while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
		value /= 1000;
		unit++;
	}
	const digits = value >= 99.95 || (unit === 0 && Number.isInteger(value)) ? 0 : 1;
	return value.toFixed(digits) + (unit ? ` ${UNITS[unit]}` : "");
}

const perSecond = (value) => value === null ? "–" : `${short(value)}/s`;
const bitRate = (value) => value === null ? "–" :
	short(value) + (value >= 999.5 ? "bit/s" : " bit/s");
const milliseconds = (value) => value === null ? "–" :
	value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(0)} ms`;
const percent = (part, whole) =>
	whole > 0 ? `${(part * 100 / whole).toFixed(part ? 1 : 0)} %` : "–";
const words = (name) => name === null ? "–" : name.replaceAll("_", " ");
const clock = (date) => date.toLocaleTimeString([], { hour12: false });

function duration(s) {
	const days = Math.floor(s / 86400);
	const rest = [s / 3600 % 24, s / 60 % 60, s % 60]
		.map((n) => String(Math.floor(n)).padStart(2, "0")).join(":");
	return days ? `${days} d ${rest}` : rest;
}

// About how long
function roughly(s) {
	return s < 100 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : duration(s);
}

// A text is set where it is another: who reads the page aloud is not told of what stays.
function text(node, value) {
	if (typeof node === "string")
		node = document.getElementById(node);
	if (node.textContent !== String(value))
		node.textContent = value;
}

function fill(row, cells) {
	cells.forEach((cell, i) => {
		const td = row.cells[i] ?? row.appendChild(document.createElement(i ? "td" : "th"));
		if (!i)
			td.scope = "row";
		if (cell instanceof Node)
			td.replaceChildren(cell);
		else
			text(td, cell);
	});
}

// Rows of cells into a table's body; the first cell of each is its heading.
function table(id, list, nothing) {
	const body = document.getElementById(id);
	const empty = list.length === 0;
	if (empty !== (body.dataset.empty === "yes"))
		body.replaceChildren();
	body.dataset.empty = empty ? "yes" : "no";
	while (body.rows.length > Math.max(list.length, 1))
		body.lastElementChild.remove();
	list.forEach((cells, i) => fill(body.rows[i] ?? body.insertRow(), cells));
	if (!empty)
		return;
	const cell = (body.rows[0] ?? body.insertRow()).cells[0] ?? body.rows[0].insertCell();
	cell.colSpan = body.parentElement.tHead.rows[0].cells.length;
	text(cell, nothing);
}

function meter(label, part, whole) {
	const cell = document.createElement("span"), node = document.createElement("meter");
	node.max = whole || 1;
	node.value = part;
	node.setAttribute("aria-label", label);
	cell.append(node, ` ${percent(part, whole)}`);
	return cell;
}

// ---- charts ----------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg", WIDTH = 300, HEIGHT = 80;

function svg(name, attributes) {
	const node = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes))
		node.setAttribute(key, value);
	return node;
}

// What a chart's top stands for: 1, 2 or 5 times a power of ten
function ceiling(most) {
	const power = 10 ** Math.floor(Math.log10(most));
	return [1, 2, 5, 10].find((step) => step * power >= most) * power;
}

// How much time a chart shows
function span(points) {
	return Math.max(points.at(-1).when - points[0].when, MINUTE_MS);
}

// Points of a line; where nothing is known, or nobody has looked, it has a gap.
function path(points, top) {
	const last = points.at(-1).when;
	let d = "", pen = "M";
	points.forEach(({ when, value }, i) => {
		if (value === null) {
			pen = "M";
			return;
		}
		if (i && when - points[i - 1].when > GAP_MS)
			pen = "M";
		const x = WIDTH - (last - when) * WIDTH / span(points);
		d += `${pen}${x.toFixed(1)} ${(HEIGHT - 2 - value / top * (HEIGHT - 4)).toFixed(1)}`;
		pen = "L";
	});
	return d;
}

class Chart {
	// series: [label, function that gives the value now]; least: the least that the top is
	constructor(id, title, format, least, series) {
		Object.assign(this, { title, format, least });
		const root = document.getElementById(id);
		this.svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
					role: "img" });
		this.top = document.createElement("p");
		this.top.className = "top";
		const legend = document.createElement("ul");
		for (const y of [2, HEIGHT / 2, HEIGHT - 2])
			this.svg.append(svg("line", { x1: 0, x2: WIDTH, y1: y, y2: y, class: "grid" }));
		this.series = series.map(([label, read], i) => {
			const line = svg("path", { class: `line s${i + 1}` });
			const item = document.createElement("li"), value = document.createElement("b");
			const sample = svg("svg", { viewBox: "0 0 24 8", class: "sample", "aria-hidden": "true" });
			sample.append(svg("path", { class: `line s${i + 1}`, d: "M0 4L24 4" }));
			item.append(sample, `${label} `, value);
			this.svg.append(line);
			legend.append(item);
			return { label, read, line, value, points: [] };
		});
		this.foot = document.createElement("p");
		this.foot.className = "foot";
		root.append(legend, this.top, this.svg, this.foot);
	}

	// One point more; known: false: a gap
	add(when, known) {
		for (const one of this.series) {
			const value = known ? one.read() : null;
			one.points.push({ when, value });
			one.points = one.points.filter((point) => when - point.when <= KEPT_MS);
			if (known)
				text(one.value, this.format(value));
		}
		this.draw();
	}

	draw() {
		const most = Math.max(this.least, ...this.series.flatMap((one) =>
			one.points.map((point) => point.value)));
		const top = ceiling(most);
		text(this.top, this.format(top));
		text(this.foot, `the last ${roughly(span(this.series[0].points) / 1000)}`);
		for (const one of this.series)
			one.line.setAttribute("d", path(one.points, top));
		this.svg.setAttribute("aria-label", `${this.title}, the last minutes: ` +
			this.series.map((one) => `${one.label} ${one.value.textContent}`).join(", "));
	}
}

const FAST = "rooms.nat64.fast_path", SLOW = "rooms.nat64.counters";

function rcode(name) {
	return () => rate(`rooms.dns64.counters.replies.${name}`);
}

function otherReplies() {
	return before && family("rooms.dns64.counters.replies")
		.filter(([label]) => !["noerror", "nxdomain", "servfail"].includes(label))
		.reduce((all, [, n]) => all + n, 0);
}

// Mean time of the replies since the last look
function meanOf(kind) {
	return () => {
		const n = rate(`rooms.dns64.counters.reply_seconds_count.${kind}`);
		return n > 0 ? rate(`rooms.dns64.counters.reply_seconds_sum.${kind}`) * 1000 / n : null;
	};
}

const charts = [
	new Chart("chart-sessions", "NAT64 sessions", short, 10, [
		["all", () => get("rooms.nat64.sessions")],
		["fast path", () => get("rooms.nat64.fast_path.sessions") ?? 0],
	]),
	new Chart("chart-bits", "NAT64 throughput, both directions", bitRate, 1000, [
		["fast path", () => before && (get(`${FAST}.bytes_out`) === null ? 0 :
			sum(bits(`${FAST}.bytes_out`), bits(`${FAST}.bytes_in`)))],
		["slow path", () => sum(bits(`${SLOW}.bytes.out`), bits(`${SLOW}.bytes.in`))],
	]),
	new Chart("chart-replies", "DNS replies", perSecond, 10, [
		["noerror", rcode("noerror")],
		["nxdomain", rcode("nxdomain")],
		["servfail", rcode("servfail")],
		["other", otherReplies],
	]),
	new Chart("chart-latency", "Mean time of DNS replies", milliseconds, 1, [
		["known", meanOf("hit")],
		["asked for", meanOf("miss")],
	]),
	new Chart("chart-connections", "SNI connections", short, 10, [
		["open", () => get("rooms.snid.connections")],
		["opening", () => get("rooms.snid.opening")],
	]),
	new Chart("chart-relayed", "SNI throughput", bitRate, 1000, [
		["from clients", () => bits("rooms.snid.counters.bytes.in")],
		["to clients", () => bits("rooms.snid.counters.bytes.out")],
	]),
];

// ---- the rooms -------------------------------------------------------------

function showHead() {
	const reload = get("reload");
	text("version", get("version"));
	text("uptime", duration(get("uptime_s")));
	text("uplink", [get("network.uplink") ?? "none yet", get("network.ipv4")]
		.filter(Boolean).join(", "));
	text("rules", get("network.rules"));
	text("reload", !reload ? "none since the start" :
		`${get("reload.ok") ? "done" : "REFUSED"}, ${new Date(get("reload.at")).toLocaleString()}`);
	const problem = get("network.problem");
	document.getElementById("problem").hidden = !problem;
	text("problem", problem ? `Problem: ${problem}` : "");
	for (const section of document.querySelectorAll("section[data-room]")) {
		const on = get(`rooms.${section.dataset.room}.enabled`);
		section.querySelector(".off").hidden = on;
		section.querySelector(".cards").hidden = !on;
	}
}

function pathRow(name, packets, bytes) {
	return [name, perSecond(rate(packets)), bitRate(bits(bytes))];
}

function showNat64() {
	text("sessions", short(get("rooms.nat64.sessions")));
	text("sessions-max", short(get("rooms.nat64.sessions_max")));
	text("sessions-new", perSecond(rate(`${SLOW}.sessions_created`)));
	text("sessions-ended", perSecond(rate(`${SLOW}.sessions_ended`)));
	text("sessions-fast", short(get("rooms.nat64.fast_path.sessions")));
	text("clients", short(get("rooms.nat64.clients")));
	text("bindings", short(get("rooms.nat64.bindings")));
	text("ports", short(get("rooms.nat64.ports_fullest.used")));
	text("ports-size", short(get("rooms.nat64.ports_fullest.size")));
	text("ports-of", ["proto", "address"].map((key) => get(`rooms.nat64.ports_fullest.${key}`))
		.filter(Boolean).join(" of "));
	const fast = get("rooms.nat64.fast_path.enabled");
	const because = document.getElementById("slow-because");
	because.hidden = fast !== false;
	text(because, fast ? "" : `No fast path: ${get("rooms.nat64.fast_path.because")}`);
	table("paths", [
		...fast ? [pathRow("Fast, out", `${FAST}.packets_out`, `${FAST}.bytes_out`),
			   pathRow("Fast, in", `${FAST}.packets_in`, `${FAST}.bytes_in`)] : [],
		pathRow("Slow, out", `${SLOW}.packets.out`, `${SLOW}.bytes.out`),
		pathRow("Slow, in", `${SLOW}.packets.in`, `${SLOW}.bytes.in`),
	]);
	table("pools", rows(now, "rooms.nat64.pool4").map(([address, ports]) => [address,
		...["tcp", "udp", "icmp"].map((proto) => meter(`Share of ${proto} of ${address}`,
			ports[proto].used, ports[proto].size))]), "No address yet");
}

function edge(le) {
	return le === "+Inf" ? Infinity : Number(le);
}

// The least bound that so many of a hundred of the last minute's replies are within
function bound(kind, share) {
	const path = `rooms.dns64.counters.reply_seconds_bucket.${kind}`;
	// Sorted: an object has keys like "1" before all others.
	const buckets = Object.entries(get(path) ?? {})
		.sort(([a], [b]) => edge(a) - edge(b))
		.map(([le, n]) => [le, n - (at(older[0][1], path)?.[le] ?? 0)]);
	const count = buckets.at(-1)?.[1] ?? 0;
	const found = buckets.find(([, n]) => n * 100 >= count * share);
	return !count ? "–" : found[0] === "+Inf" ? "over 5 s" : `${edge(found[0]) * 1000} ms`;
}

function latencyRow(name, kind) {
	const count = `rooms.dns64.counters.reply_seconds_count.${kind}`;
	const time = `rooms.dns64.counters.reply_seconds_sum.${kind}`;
	const n = get(count) - at(older[0][1], count);
	return [name, n > 0 ? milliseconds((get(time) - at(older[0][1], time)) * 1000 / n) : "–",
		bound(kind, 50), bound(kind, 99)];
}

function ago(ms) {
	return ms === null ? "never" : ms < 1000 ? "just now" : `${roughly(ms / 1000)} ago`;
}

function showDns64() {
	const hit = rate("rooms.dns64.counters.cache.hit"), miss = rate("rooms.dns64.counters.cache.miss");
	const replies = family("rooms.dns64.counters.replies");
	text("replies", short(before && replies.reduce((all, [, n]) => all + n, 0)));
	text("pending", short(get("rooms.dns64.queries_pending")));
	text("synthesised", perSecond(rate("rooms.dns64.counters.synthesised")));
	text("hit-share", percent(hit, hit + miss));
	text("cache", short(get("rooms.dns64.cache_entries")));
	table("latency", [latencyRow("Known", "hit"), latencyRow("Asked for", "miss")]);
	table("upstreams", rows(now, "rooms.dns64.upstreams").map(([zone, questions, failed, ms, deaf]) =>
		[zone, short(questions), short(failed), deaf ? "SILENT" : ago(ms)]), "None: it asks by itself");
}

function showSnid() {
	const refused = family("rooms.snid.counters.refused");
	text("connections", short(get("rooms.snid.connections")));
	text("connections-max", short(get("rooms.snid.connections_max")));
	text("opening", short(get("rooms.snid.opening")));
	text("accepted", perSecond(rate("rooms.snid.counters.accepted")));
	text("relayed", perSecond(rate("rooms.snid.counters.relayed")));
	text("refused", perSecond(before && refused.reduce((all, [, n]) => all + n, 0)));
	text("relay-in", bitRate(bits("rooms.snid.counters.bytes.in")));
	text("relay-out", bitRate(bits("rooms.snid.counters.bytes.out")));
}

function showDrops() {
	const all = DROPS.flatMap(([room, path]) => family(path)
		.map(([reason, n]) => ({ room, reason, n: n ?? 0, total: at(get(path), reason) })));
	const list = all.filter((drop) => drop.total > 0)
		.sort((a, b) => b.n - a.n || b.total - a.total).slice(0, DROPS_SHOWN);
	table("drops", list.map((drop) => [drop.room, words(drop.reason),
		before ? short(drop.n) : "–", short(drop.total)]), "None since the start");
}

function showActivity(activity) {
	const over = at(activity, "over_s");
	text("over", over ? `, the last ${over} s` : "");
	text("some-nat64", at(activity, "complete") === false ? ", of some only" : "");
	table("top-nat64", rows(activity, "clients.nat64").map(([client, sessions, halfOpen]) =>
		[client, sessions + (halfOpen ? ` (${halfOpen} half open)` : "")]), "Nobody");
	table("top-dns64", rows(activity, "clients.dns64"), "Nobody");
	table("top-snid", rows(activity, "clients.snid").map(([client, connections, opening]) =>
		[client, connections + (opening ? ` (${opening} opening)` : "")]), "Nobody");
	table("refusals", rows(activity, "refusals").slice(0, REFUSALS_SHOWN)
		.map(([time, room, reason, who, what, alike]) =>
			[clock(new Date(time)), room, words(reason), who, what ?? "", alike || ""]),
	      "None since the start");
}

// ---- asking ----------------------------------------------------------------

function state(name, words) {
	const node = document.getElementById("state");
	node.dataset.state = name;
	document.body.dataset.state = name;
	text(node, words);
}

async function ask(file) {
	const reply = await fetch(file, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
	if (!reply.ok)
		throw new Error(`status ${reply.status}`);
	return reply.json();
}

// A gateway that was started anew counts from 0. In a container its number is always the same, and
// a host without a clock may give it the same time again.
function isSame(a, b) {
	return a && a.pid === b.pid && a.since === b.since && a.uptime_s <= b.uptime_s;
}

// Return: false: it is one from before, kept by somebody on the way.
function take(document, when) {
	const same = isSame(now, document);
	if (same && when - asked > 1500 && document.uptime_s === now.uptime_s)
		return false;
	// Across a pause, what is told of a second would be a mean of all that time.
	before = same && when - asked <= GAP_MS ? now : null;
	seconds = (when - asked) / 1000;
	now = document;
	asked = when;
	older = [...same ? older : [], [when, document]].filter(([then]) => when - then <= MINUTE_MS);
	return true;
}

function show() {
	showHead();
	showNat64();
	showDns64();
	showSnid();
	showDrops();
	state("live", "Live");
}

function showSilence() {
	silentSince ??= new Date();
	state("silent", now ? `No answer since ${clock(silentSince)}: these figures are old` :
	      "No answer from the gateway");
}

async function look() {
	if (paused || document.hidden)
		return;
	const status = await ask("status.json").catch(() => null);
	if (paused)
		return;
	const when = performance.now();
	if (status && take(status, when)) {
		silentSince = null;
		show();
	} else {
		showSilence();
	}
	for (const chart of charts)
		chart.add(when, !silentSince);
}

async function lookAtActivity() {
	if (paused || document.hidden)
		return;
	const activity = await ask("activity.json").catch(() => null);	// look() says so
	if (activity && !paused)
		showActivity(activity);
}

// One after the other, so that a slow gateway is not asked again before it has answered
async function every(ms, what) {
	for (;;) {
		const began = performance.now();
		await what().catch(reportError);
		await new Promise((done) => setTimeout(done, Math.max(250, ms - (performance.now() - began))));
	}
}

document.getElementById("pause").addEventListener("click", (click) => {
	paused = !paused;
	click.currentTarget.setAttribute("aria-pressed", paused);
	if (paused)
		state("paused", `Paused at ${clock(new Date())}`);
	else
		look();
});

every(STATUS_MS, look);
every(ACTIVITY_MS, lookAtActivity);
