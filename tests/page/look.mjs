// SPDX-License-Identifier: GPL-2.0-or-later
// The status page in a browser, while tests/page/run has traffic run through the gateway.
//
//   node look.mjs URL CHROMIUM FOLDER
//
// Pictures go to FOLDER. What it wants of its caller it says on stdout, a word a line:
// "stop" and "start" the gateway. Exit status 1: something was not as it should be.

import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

const [url, executablePath, folder] = process.argv.slice(2);
const AXE = fs.readFileSync(path.join("node_modules", "axe-core", "axe.min.js"), "utf8");
const PHONE = { width: 360, height: 740 }, DESKTOP = { width: 1280, height: 800 };
const PATIENCE = { timeout: 60000 };
let failures = 0;

function check(good, what) {
	if (!good)
		failures++;
	console.error(`${good ? "ok    " : "FAILED"} ${what}`);
}

// A page that notes what it should not do
async function open(browser, options) {
	const context = await browser.newContext(options);
	const page = await context.newPage();
	page.complaints = [];
	page.on("console", (said) => {
		if (["error", "warning"].includes(said.type()))
			page.complaints.push(said.text());
	});
	page.on("pageerror", (error) => page.complaints.push(String(error)));
	page.on("request", (request) => {
		if (!request.url().startsWith(url))
			page.complaints.push(`asked for ${request.url()}`);
	});
	page.on("response", (response) => {
		if (response.status() >= 400)
			page.complaints.push(`${response.status()} for ${response.url()}`);
	});
	await page.goto(url);
	await page.waitForSelector("#state[data-state=live]", PATIENCE);
	return page;
}

async function rates(page) {
	return page.evaluate(() => Object.fromEntries(["sessions", "replies", "connections", "paths"]
		.map((id) => [id, document.getElementById(id).textContent])));
}

async function axe(page, name) {
	await page.evaluate(AXE);
	const found = await page.evaluate(() => globalThis.axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
	for (const violation of found.violations)
		console.error(`       axe: ${violation.impact}: ${violation.id}: ` +
			violation.nodes.map((node) => node.target.join(" ")).slice(0, 5).join("; "));
	check(found.passes.length > 20, `${name}: axe has looked at it`);
	check(!found.violations.some((one) => ["serious", "critical"].includes(one.impact)),
	      `${name}: axe finds nothing serious`);
	check(found.violations.length === 0, `${name}: axe finds nothing at all`);
}

async function look(browser, name, viewport, colorScheme) {
	const page = await open(browser, { viewport, colorScheme });
	const filled = await page.waitForFunction(() => document.querySelectorAll("#drops th").length > 0 &&
		document.querySelectorAll("#refusals th").length > 0 &&
		document.querySelectorAll("#top-nat64 th").length > 0 &&
		document.querySelector("#chart-bits > svg .s2")
			.getAttribute("d").split("L").length > 8, null, PATIENCE)
		.then(() => true, () => false);
	check(filled, `${name}: charts and lists are filled`);
	const before = await rates(page);
	await page.waitForFunction((was) => Object.keys(was).every((id) =>
		document.getElementById(id).textContent !== was[id] || id === "connections"), before, PATIENCE)
		.then(() => check(true, `${name}: figures change while traffic runs`),
		      () => check(false, `${name}: figures change while traffic runs`));
	check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
	      `${name}: nothing is wider than the window`);
	const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	check((parseInt(ground.match(/\d+/)[0], 10) < 128) === (colorScheme === "dark"),
	      `${name}: its colours are ${colorScheme}`);
	await axe(page, name);
	await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
	check(page.complaints.length === 0, `${name}: no complaint ${page.complaints.join("; ")}`);
	await page.context().close();
}

async function keyboard(browser) {
	const page = await open(browser, { viewport: DESKTOP, reducedMotion: "reduce" });
	const focused = () => page.evaluate(() =>
		document.activeElement.id || document.activeElement.className);
	await page.keyboard.press("Tab");
	check(await focused() === "skip", "keyboard: the first stop leads to the figures");
	await page.keyboard.press("Enter");
	check(await focused() === "main", "keyboard: it does");
	await page.focus("#pause");
	await page.keyboard.press("Space");
	check(await page.getAttribute("#state", "data-state") === "paused", "keyboard: it pauses");
	const held = await page.evaluate(() => document.querySelector("main").textContent);
	await page.waitForTimeout(5000);
	check(await page.evaluate(() => document.querySelector("main").textContent) === held,
	      "keyboard: nothing moves meanwhile");
	await page.keyboard.press("Space");
	await page.waitForSelector("#state[data-state=live]", PATIENCE);
	check(page.complaints.length === 0, `keyboard: no complaint ${page.complaints.join("; ")}`);
	await page.context().close();
}

// Of a chart's line: how many pieces and points it has, and where the first one lies (0: at the left)
async function strokes(page) {
	return page.evaluate(() => {
		const d = document.querySelector("#chart-sessions > svg .s1").getAttribute("d");
		return { lines: d.split("M").length - 1, first: Number(d.match(/M([\d.]+)/)[1]),
			 points: d.split(/[ML]/).length - 1 };
	});
}

// Two minutes in which nobody looks: by the button, or since another tab is in front
async function unseen(page, how, leave, comeBack) {
	await page.waitForFunction(() => document.querySelector("#chart-sessions > svg .s1")
		.getAttribute("d")?.split("L").length > 3 && older.length > 3, null, PATIENCE);
	const before = await strokes(page);
	await leave();
	await page.clock.fastForward("02:00");
	await comeBack();
	await page.waitForFunction((n) => document.querySelector("#chart-sessions > svg .s1")
		.getAttribute("d").split(/[ML]/).length - 1 > n, before.points, PATIENCE);
	const after = await strokes(page);
	check(after.lines === before.lines + 1, `${how}: the line has a gap`);
	check(/^the last [2-5] min$/.test(await page.textContent("#chart-sessions .foot")),
	      `${how}: the chart says how long it is`);
	check(after.first < 10, `${how}: its oldest point lies where its time is`);
	check(await page.evaluate(() => older.length <= 2 && older.every(([when]) =>
		performance.now() - when < 60000)), `${how}: the last minute is no older`);
	await page.waitForFunction(() => /\d/.test(document.getElementById("replies").textContent),
				   null, PATIENCE);
}

async function time(browser) {
	const page = await (await browser.newContext({ viewport: DESKTOP })).newPage();
	await page.clock.install();
	await page.goto(url);
	await unseen(page, "pause", () => page.click("#pause"), () => page.click("#pause"));
	const hide = (hidden) => page.evaluate((value) => Object.defineProperty(document, "hidden",
		{ configurable: true, get: () => value }), hidden);
	await unseen(page, "other tab", () => hide(true), () => hide(false));
	await page.context().close();
}

// What a gateway that begins anew, or a counter that does, is taken for
async function anew(browser) {
	const page = await open(browser, { viewport: DESKTOP });
	const same = (a, b) => page.evaluate(([left, right]) => isSame(left, right), [a, b]);
	const first = { pid: 1, since: "2026-01-02T03:04:05Z", uptime_s: 10 };
	check(await same(first, { ...first, uptime_s: 12 }), "it is the same gateway");
	check(!await same(first, { ...first, since: "2026-01-02T03:04:20Z", uptime_s: 11 }),
	      "one that was started later is another, though its number and age would do");
	const seen = await page.evaluate(() => {
		const kept = [now, before, seconds];
		[now, before, seconds] = [{ fell: 3, rose: 9 }, { fell: 5, rose: 5 }, 2];
		const rates = [rate("fell"), rate("rose")];
		[now, before, seconds] = kept;
		return rates;
	});
	check(seen[0] === null && seen[1] === 2, "of a counter that fell no rate is told");
	await page.context().close();
}

// Complaints are to be expected here: the browser says what it cannot reach.
async function outage(browser) {
	const page = await open(browser, { viewport: PHONE });
	console.log("stop");
	await page.waitForSelector("#state[data-state=silent]", PATIENCE);
	check(/No answer since/.test(await page.textContent("#state")),
	      "a stopped gateway is shown as such");
	await axe(page, "outage");
	await page.screenshot({ path: path.join(folder, "outage.png") });
	console.log("start");
	await page.waitForSelector("#state[data-state=live]", PATIENCE);
	check(true, "it goes on when the gateway is back");
	await page.context().close();
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
await look(browser, "phone-light", PHONE, "light");
await look(browser, "phone-dark", PHONE, "dark");
await look(browser, "desktop-light", DESKTOP, "light");
await look(browser, "desktop-dark", DESKTOP, "dark");
await keyboard(browser);
await time(browser);
await anew(browser);
await outage(browser);
await browser.close();
process.exit(failures ? 1 : 0);
