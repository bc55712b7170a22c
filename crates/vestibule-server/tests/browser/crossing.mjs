// Connects an account over a provider that sends the browser back by a form, as Apple does, by scripts/single-page-app:
//
//   node crossing.mjs SAMESITE PORT PROVIDER      that of the tokens' cookies, and where service and provider listen

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";

import { start } from "./driver.mjs";
import { Front } from "./front.mjs";

const SERVICE = "https://auth.example.org";
const PAGE = "https://app.example.org/";
const CALLBACK = "/auth/social/acme/callback/";
const [sameSite, port, providerPort] = process.argv.slice(2);

const page = join(import.meta.dirname, "provider.html");
const names = ["*.example.org", "*.example.net"];
const front = await Front.start({ service: "auth.example.org", port, names, page: { "/index.html": page, "/authorize": page } });
// What the service asks the provider itself.
const told = { "/token": { access_token: "x", token_type: "Bearer" }, "/userinfo": { id: "person-1", email: "bea@example.org" } };
const provider = createServer((asked, answer) => {
  answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told[asked.url]));
});
await new Promise((done) => provider.listen(providerPort, "127.0.0.1", done));
const browser = await start({ words: [front.rules] });
const { page: tab } = await browser.look("light-wide", { ignoreHTTPSErrors: true });

/** Asks the service as the page's script does. */
const ask = (method, path, body) =>
  tab.evaluate(async ([url, method, body]) => {
    const sent = { method, credentials: "include", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
    const answer = await fetch(url, sent);
    return { status: answer.status, body: await answer.json() };
  }, [`${SERVICE}/auth/${path}`, method, body]);

await tab.goto(PAGE);
assert.equal((await ask("POST", "login/", { username: "bea", password: "Tr1cky-pass-9x" })).status, 200);
assert.deepEqual((await ask("GET", "socialaccounts/")).body, []);
const begun = await ask("POST", "social/acme/start/", { connect: true });
assert.equal(begun.status, 200, JSON.stringify(begun.body));
await tab.goto(begun.body.url, { waitUntil: "commit" });
await tab.waitForURL(PAGE);

const [posted, again] = front.seen.filter(({ path }) => path === CALLBACK);
assert.deepEqual([posted.method, posted.status, posted.origin], ["POST", 303, "https://accounts.example.net"]);
const came = ["__Host-access", "__Host-social"].map((name) => name in posted.cookies);
assert.deepEqual(came, Array(2).fill(sameSite === "None"), "another site's form brings what is None, and nothing else");
assert.deepEqual([again.method, "__Host-social" in again.cookies], ["GET", true], "going on by GET brings what is Lax");
const connected = (await ask("GET", "socialaccounts/")).body;
assert.deepEqual(connected.map(({ provider, uid }) => [provider, uid]), [["acme", "person-1"]]);
assert.equal((await ask("POST", `socialaccounts/${connected[0].id}/disconnect/`)).status, 200);
await browser.end();
await front.end();
provider.close();
// The service keeps its connection.
provider.closeAllConnections();
