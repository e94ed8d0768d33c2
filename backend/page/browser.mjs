/** A real browser for the journey: its tabs, what they ask for and say, and whether everybody can use what they show. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";

import { chromium } from "playwright-core";

const { PAGE_URL, API_URL, SUPABASE_URL, CHROMIUM, SHOTS } = process.env;
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const HOSTS = new Set([PAGE_URL, API_URL, SUPABASE_URL].map((url) => new URL(url).host));
/** Its sandbox does not work for root. */
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];

const browser = await chromium.launch({ executablePath: CHROMIUM, args });
after(() => browser.close());

/** Milliseconds that anything may take: the machine may be busy with other tests. */
const PATIENCE = 60_000;
/** What a console must not say, and hosts that must not be asked. */
export const faults = [];
/** Of each tab the requests to the API, and those that are not answered yet. */
const traffic = new Map();
/** A browser of its own, with nothing stored in it. */
export async function newBrowser() {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** `provoked`: refusals that the journey asks for; a browser reports each as an error. */
export async function newTab(context, fragment = "", { looks = true, provoked = /status of 412/ } = {}) {
  const tab = await context.newPage();
  // Requests of gestures are counted in a tab that does not look now and then for what others do.
  if (!looks) await tab.addInitScript(() => (window.setInterval = () => 0));
  tab.on("console", (said) => {
    if (said.type() === "error" && !provoked.test(said.text())) faults.push(said.text());
  });
  tab.on("pageerror", (error) => faults.push(error.message));
  const { seen, open } = traffic.set(tab, { seen: [], open: new Set() }).get(tab);
  tab.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith("http") && !HOSTS.has(host)) faults.push(`asked ${host}`);
    if (request.isNavigationRequest()) open.clear();
    if (!request.url().startsWith(API_URL) || request.method() === "OPTIONS") return;
    seen.push(request);
    open.add(request);
  });
  tab.on("requestfinished", (request) => open.delete(request));
  tab.on("requestfailed", (request) => open.delete(request));
  await tab.goto(`${PAGE_URL}/${fragment}`);
  return tab;
}

export async function signUp(tab) {
  await tab.getByRole("button", { name: "I am new here" }).click();
  await tab.getByLabel("Email").fill(`${randomUUID()}@example.com`);
  await tab.getByLabel("Password").fill(randomUUID());
  await tab.getByRole("button", { name: "Sign up" }).click();
}

/** No serious fault for those who see, hear or move differently; in the dark the contrast is looked at. */
export async function accessible(tab, state) {
  await tab.evaluate(AXE);
  const { violations } = await tab.evaluate("axe.run()");
  if (SHOTS) await tab.screenshot({ path: `${SHOTS}/${state}.png` });
  await tab.emulateMedia({ colorScheme: "dark" });
  violations.push(...(await tab.evaluate("axe.run({ runOnly: ['color-contrast'] })")).violations);
  if (SHOTS) await tab.screenshot({ path: `${SHOTS}/${state}-dark.png` });
  await tab.emulateMedia({ colorScheme: "light" });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(
    ({ id, nodes }) =>
      `${state}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join("\n")}`,
  );
  assert.deepEqual(told, []);
}

/** Waits until a tab has asked for nothing for longer than it waits before it saves: by its own clock, in which what it
 * has planned comes first, so that it may be slow. */
async function quiet(tab) {
  const { seen, open } = traffic.get(tab);
  for (let before = -1; before !== seen.length;) {
    await until(() => !open.size, "all is answered");
    before = seen.length;
    await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 450)));
  }
}

/** The requests to the API that a gesture takes. */
export async function requestsOf(tab, gesture) {
  await quiet(tab);
  const { seen } = traffic.get(tab);
  const before = seen.length;
  await gesture();
  await quiet(tab);
  return seen
    .slice(before)
    .map((request) => `${request.method()} ${new URL(request.url()).pathname.split("/").at(-1)}`);
}

/** Waits until it holds. */
export async function until(holds, what = String(holds)) {
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`not within a minute: ${what}`);
}

/** Comes back to a tab, which then looks at once for what others have changed. */
export const comeBack = (tab) => tab.evaluate(() => dispatchEvent(new Event("focus")));

/** The requests that each gesture took. */
const table = [];
after(() => console.table(table));
export async function measured(tab, name, before, gesture) {
  const requests = await requestsOf(tab, gesture);
  table.push({ gesture: name, requests: requests.length, before, which: requests.join(", ") });
  return requests;
}

/** Keeps back what the tab is told at an address, until it is let go. */
export async function heldBack(tab, address, method = "GET") {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  await tab.route(address, async (route) => {
    if (route.request().method() !== method) return route.fallback();
    const response = await route.fetch();
    await gate;
    await route.fulfill({ response });
  });
  return async () => {
    go();
    await tab.unrouteAll({ behavior: "wait" });
  };
}

/** What the API answers to the person who is signed in in this tab. */
export async function ask(tab, method, path, body) {
  const token = await tab.evaluate(
    () =>
      JSON.parse(localStorage.getItem(Object.keys(localStorage).find((name) => name.endsWith("auth-token"))))
        .access_token,
  );
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(`${API_URL}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** One step of the journey. Those after one that failed would fail for its sake, so they are not taken. */
let broken = false;
export function step(claim, run) {
  test(claim, async (t) => {
    if (broken) return t.skip("a step before it failed");
    broken = true;
    try {
      await run();
      broken = false;
    } finally {
      if (broken) console.error(faults); // they often say why
    }
  });
}
