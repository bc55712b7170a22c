// What stands before a service in production, as far as a browser sees it: https for every name. It leads one name to the service and
// shows the page under the others, and it keeps in mind what went through.

import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

const KINDS = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

/** A certificate that nobody trusts, for those names. */
async function certificate(names) {
  const folder = await mkdtemp(join(tmpdir(), "front-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  try {
    execFileSync("openssl", ["req", ...kind, "-subj", "/CN=front", "-addext", subject, "-keyout", key, "-out", cert], { stdio: "pipe" });
    return { key: await readFile(key), cert: await readFile(cert) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export class Front {
  /** What was asked of the service, in the order of its answers: `{ method, path, origin, cookies, status, headers }`. */
  seen = [];
  #gathering = undefined;

  /** `service` is the name that leads to the service, `port` where it listens; `page` are the files of the page, by path. */
  static async start({ service, port, names, page }) {
    const front = new Front();
    Object.assign(front, { service, port, page });
    front.server = createServer(await certificate([service, ...names]), (asked, answer) => front.#answer(asked, answer));
    await new Promise((done) => front.server.listen(0, "127.0.0.1", done));
    return front;
  }

  /** What Chromium needs to be told so that every name leads here. */
  get rules() {
    return `--host-resolver-rules=MAP *.example.* 127.0.0.1:${this.server.address().port}`;
  }

  /** Lets that many of the next requests for a path wait for each other, and then go on together. */
  gather(path, count) {
    this.#gathering = { path, count, waiting: [] };
  }

  /** Asks the service as a program would that holds these cookies. */
  async replay(method, path, origin, cookies) {
    const headers = { host: this.service, origin, cookie: Object.entries(cookies).map((pair) => pair.join("=")).join("; ") };
    const answer = await new Promise((done, failed) => {
      ask({ host: "127.0.0.1", port: this.port, method, path, headers }, done).on("error", failed).end();
    });
    answer.resume();
    return answer.statusCode;
  }

  async end() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  async #answer(asked, answer) {
    const path = new URL(asked.url, "https://front").pathname;
    if (asked.headers.host === this.service) {
      await this.#gathered(asked.method, path);
      this.#lead(asked, path, answer);
    } else {
      this.#show(path === "/" ? "/index.html" : path, answer);
    }
  }

  /** Two requests that are under way at once carry the same cookies: neither has seen the other's answer. */
  async #gathered(method, path) {
    const group = this.#gathering;
    if (!group || method !== "POST" || path !== group.path) return;
    await new Promise((go) => {
      group.waiting.push(go);
      if (group.waiting.length < group.count) return;
      this.#gathering = undefined;
      group.waiting.forEach((other) => other());
    });
  }

  #lead(asked, path, answer) {
    const { method, url, headers, socket } = asked;
    const onward = { ...headers, "x-forwarded-for": socket.remoteAddress, "x-forwarded-proto": "https" };
    const passed = ask({ host: "127.0.0.1", port: this.port, method, path: url, headers: onward }, (from) => {
      const cookies = Object.fromEntries((headers.cookie ?? "").split("; ").filter(Boolean).map((pair) => pair.split(/=(.*)/s, 2)));
      this.seen.push({ method, path, origin: headers.origin, cookies, status: from.statusCode, headers: from.headers });
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    passed.on("error", () => answer.writeHead(502).end());
    asked.pipe(passed);
  }

  #show(path, answer) {
    const file = this.page[path];
    if (!file) return answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": KINDS[extname(file)] });
    createReadStream(file).pipe(answer);
  }
}
