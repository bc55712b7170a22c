// The life of a page whose tokens are in cookies, in a real browser: node browser.mjs WAY PORT AXIOS, by scripts/single-page-app.
//
// WAY is how page and service lie to each other, PORT where the service listens, AXIOS the file of that library.

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { start } from "../../crates/vestibule-server/tests/browser/driver.mjs";
import { Front } from "../../crates/vestibule-server/tests/browser/front.mjs";

const SERVICE = "https://auth.example.org";
const NAME = "bea";
const PASSWORD = "Tr1cky-pass-9x";

/** `page` is where the page is, `names` are those of the two cookies, and `axios` says whether the page calls by that library. */
const WAYS = {
  "same-site": { page: "https://app.example.org", names: ["__Host-access", "__Secure-refresh"], sameSite: "Lax" },
  "cross-site": { page: "https://app.example.com", names: ["__Host-access", "__Secure-refresh"], sameSite: "None" },
  "double-submit": { page: "https://app.example.org", names: ["__Secure-access", "__Secure-refresh"], sameSite: "Lax", axios: true },
};
const [wanted, port, axios] = process.argv.slice(2);
const way = WAYS[wanted];
const [ACCESS, REFRESH] = way.names;

const file = (name) => join(import.meta.dirname, "app", name);
const front = await Front.start({
  service: new URL(SERVICE).hostname,
  port,
  names: ["*.example.org", "*.example.com", "*.example.net"],
  page: {
    "/index.html": file("index.html"),
    "/main.js": file("main.js"),
    "/auth.js": file(way.axios ? "auth-with-axios.js" : "auth.js"),
    "/axios.js": axios,
    "/elsewhere.html": join(import.meta.dirname, "../../crates/vestibule-server/tests/browser/elsewhere.html"),
  },
});
// Chromium as Debian has it blocks third-party cookies (1), and the page on another site has no others. 0: none is blocked.
const chromium = (cookie_controls_mode) => start({ words: [front.rules], preferences: { profile: { cookie_controls_mode } } });
const browser = await chromium(0);
const look = await browser.look("light-wide", { ignoreHTTPSErrors: true });
const { page: first } = look;
const context = first.context();

/** The browser's cookies of the service, by name. */
const jar = async () => Object.fromEntries((await context.cookies(`${SERVICE}/auth/`)).map((cookie) => [cookie.name, cookie]));
const values = async () => Object.fromEntries(Object.values(await jar()).map(({ name, value }) => [name, value]));
const comesTo = (page, wanted) =>
  page.waitForFunction((state) => document.body?.dataset.state === state, wanted, { polling: 20, timeout: 10_000 });
/** Presses a button also in a tab that is behind another, where a click would wait for what is never drawn. */
const press = async (page, button, state) => {
  await page.dispatchEvent(button, "click");
  await comesTo(page, state);
};

async function signIn(page) {
  await page.fill("#username", NAME);
  await page.fill("#password", PASSWORD);
  await press(page, "#login button", "inside");
}

/** Waits until the browser has dropped the access token, which is over. */
async function isOver() {
  for (let tries = 0; (await jar())[ACCESS]; tries += 1) {
    assert.ok(tries < 100, "the access token goes on");
    await wait(100);
  }
}

/** Gets a fresh access token, so that it lasts for what comes next. */
async function isFresh() {
  await context.clearCookies({ name: ACCESS });
  await press(first, "#ask", "inside");
}

/** What the service was asked while `work` was done. */
async function during(work) {
  const before = front.seen.length;
  await work();
  return front.seen.slice(before);
}

async function signsInAndReloads() {
  await first.goto(way.page);
  await comesTo(first, "outside");
  await look.check(`spa-cookies-${wanted}-outside`);
  await first.fill("#username", NAME);
  await first.fill("#password", "wrong");
  await press(first, "#login button", "outside");
  assert.match(await first.textContent("#error"), /Unable to log in/);
  await signIn(first);
  const cookies = await jar();
  for (const [name, path] of [[ACCESS, "/"], [REFRESH, "/auth/"]]) {
    const { httpOnly, secure, sameSite, domain } = cookies[name];
    assert.deepEqual({ path: cookies[name].path, httpOnly, secure, sameSite }, { path, httpOnly: true, secure: true, sameSite: way.sameSite });
    assert.equal(domain, way.axios ? ".example.org" : "auth.example.org");
  }
  assert.match(await first.evaluate(() => document.cookie), way.axios ? /^csrftoken=\w+$/ : /^$/);
  await first.reload();
  await comesTo(first, "inside");
  await first.fill("#first_name", `Bea ${wanted}`);
  await press(first, "#rename button", "inside");
  assert.equal(await first.textContent("#who"), `Bea ${wanted}`);
  await look.check(`spa-cookies-${wanted}-inside`);
}

/** In a browser that blocks third-party cookies a login on another site leaves nothing. */
async function signsInInVain() {
  const browser = await chromium(1);
  const { page } = await browser.look("light-wide", { ignoreHTTPSErrors: true });
  await page.goto(way.page);
  await comesTo(page, "outside");
  await signIn(page);
  await press(page, "#ask", "outside");
  assert.deepEqual(await page.context().cookies(SERVICE), []);
  await browser.end();
}

async function refreshesInTwoTabsAtOnce(second) {
  await isOver();
  front.gather("/auth/token/refresh/", 2);
  const both = await during(() => Promise.all([first, second].map((page) => press(page, "#ask", "inside"))));
  const refreshes = both.filter(({ method, path }) => method === "POST" && path === "/auth/token/refresh/");
  assert.deepEqual(refreshes.map(({ status }) => status), [200, 200]);
  assert.ok(refreshes[0].cookies[REFRESH] && refreshes[0].cookies[REFRESH] === refreshes[1].cookies[REFRESH], "one token, used at once");
  assert.notEqual((await values())[REFRESH], refreshes[0].cookies[REFRESH]);
  await isOver();
  for (const page of [first, second]) await press(page, "#ask", "inside");
}

/** Ends the session by `button`, and looks whether what the browser had counts anywhere still. */
async function signsOut(before) {
  await press(first, "#logout", "outside");
  const left = await jar();
  assert.deepEqual([left[ACCESS], left[REFRESH]], [undefined, undefined]);
  assert.equal(await front.replay("GET", "/auth/user/", way.page, before), 401);
  assert.equal(await front.replay("POST", "/auth/token/refresh/", way.page, before), 401);
}

async function signsOutInOneTab(second) {
  await isFresh();
  const before = await values();
  assert.equal(await front.replay("GET", "/auth/user/", way.page, before), 200);
  await signsOut(before);
  await press(second, "#ask", "outside");
  // Half of the cookies are gone: what is left is ended all the same.
  await signIn(first);
  await context.clearCookies({ name: ACCESS });
  await signsOut(await values());
}

/** What a page that is not in `server.cors_origins` comes to: it may neither read nor change. */
async function keepsOut(stranger, sendsCookies) {
  const other = await look.another();
  // That its requests fail is what is looked for.
  other.deaf = true;
  await other.page.goto(`${stranger}/elsewhere.html`);
  await isFresh();
  const before = await values();
  let tries;
  const all = await during(async () => {
    tries = await other.page.evaluate((service) => attack(service), SERVICE);
    await other.page.evaluate((service) => attackByForm(service), SERVICE);
    await other.page.waitForURL(`${SERVICE}/**`);
  });
  // Where the form led to, the browser asks for an icon too.
  const seen = all.filter(({ origin }) => origin === stranger);
  for (const [name, came] of Object.entries(tries)) assert.equal(came, name.startsWith("blind") ? "opaque" : "TypeError", name);
  assert.deepEqual(seen.filter(({ method }) => method === "PATCH" || method === "PUT"), [], "nothing is sent that must be asked for before");
  const posted = seen.filter(({ method }) => method === "POST");
  assert.deepEqual(posted.map(({ path }) => path.split("/").at(-2)), ["refresh", "logout", "login", "change", "logout"]);
  for (const { path, status } of posted) assert.deepEqual([path, status], [path, 403]);
  for (const { path, headers } of seen) {
    const given = Object.keys(headers).filter((name) => name.startsWith("access-control-") || name === "set-cookie");
    assert.deepEqual([path, given], [path, []]);
  }
  const brought = seen.filter(({ cookies }) => ACCESS in cookies).length;
  assert.equal(brought > 0, sendsCookies, "cookies come along exactly where a browser calls it the same site, or None");
  assert.equal((await values())[REFRESH], before[REFRESH]);
  await other.page.close();
  await press(first, "#ask", "inside");
}

/** With `jwt.csrf`, a request without the header is refused even from the page itself. */
async function wantsTheHeader() {
  await isFresh();
  const change = (headers) =>
    first.evaluate(async ([service, headers]) => {
      const send = { method: "PATCH", credentials: "include", body: "{}", headers: { "Content-Type": "application/json", ...headers } };
      return (await fetch(`${service}/auth/user/`, send)).status;
    }, [SERVICE, headers]);
  assert.equal(await change({}), 403);
  assert.equal(await change({ "X-CSRFToken": "A".repeat(32) }), 403);
  assert.equal(await change({ "X-CSRFToken": (await values()).csrftoken }), 200);
}

if (way.sameSite === "None") await signsInInVain();
await signsInAndReloads();
const second = await look.another();
await second.page.goto(way.page);
await comesTo(second.page, "inside");
await refreshesInTwoTabsAtOnce(second.page);
// Another host of the service's site is another origin too, but browsers send it every cookie that is not `Strict`.
await keepsOut("https://www.example.org", true);
await keepsOut("https://www.example.net", way.sameSite === "None");
if (way.axios) await wantsTheHeader();
await signsOutInOneTab(second.page);
await front.end();
await browser.end();
