// A browser for tests: opens pages in every look, and finds what nobody should have to.
//
//   const browser = await start();            a headless Chromium
//   const look = await browser.look("dark-360");
//   await look.page.goto(url);                Playwright's page
//   await look.check("sign-in");              looks at it: accessibility, width, console; takes a picture
//   await browser.end();                      throws if anything was found
//
// CHROMIUM names the program, PICTURES the folder for pictures.

import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.env.BROWSER_MODULES ?? process.cwd(), "modules.js"));
const { chromium } = require("playwright-core");

/** Light and dark, on a telephone and on a desk. */
export const LOOKS = {
  "light-360": { colorScheme: "light", viewport: { width: 360, height: 740 } },
  "dark-360": { colorScheme: "dark", viewport: { width: 360, height: 740 } },
  "light-wide": { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  "dark-wide": { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
};

/** What a mail is held to: WCAG 2.2 A and AA. */
export const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What a page is held to: the same, and what axe calls best practice. */
export const RULES = [...WCAG, "best-practice"];

/**
 * Starts Chromium with a profile of its own; `words` are added to its command line, and `preferences` are those of the profile that
 * are not as they come.
 */
export async function start({ words = [], preferences = {} } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "profile-"));
  process.on("exit", () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  await mkdir(join(profile, "Default"));
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const first = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", ...words,
    ],
  });
  const pictures = process.env.PICTURES ?? "pictures";
  await mkdir(pictures, { recursive: true });
  const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  return new Browser(first, pictures, axe);
}

class Browser {
  problems = [];
  checked = 0;

  constructor(first, pictures, axe) {
    Object.assign(this, { first, pictures, axe });
  }

  /** A window of that look, with cookies of its own; `options` are those of Playwright's contexts. */
  async look(name, options = {}) {
    const context = await this.first.browser().newContext({ ...LOOKS[name], ...options });
    const look = new Look(this, name, await context.newPage());
    look.listen();
    return look;
  }

  /** Ends the browser. Throws if any page had a problem. */
  async end() {
    await this.first.close();
    if (this.problems.length > 0) {
      throw new Error(`${this.problems.length} problems:\n${this.problems.join("\n")}`);
    }
    console.log(`${this.checked} views checked, no problem; pictures in ${this.pictures}`);
  }
}

class Look {
  deaf = false;

  constructor(owner, name, page) {
    Object.assign(this, { owner, name, page });
  }

  /** Another tab of the same window: the same cookies. */
  async another() {
    const look = new Look(this.owner, this.name, await this.page.context().newPage());
    look.listen();
    return look;
  }

  listen() {
    const note = (text) => this.deaf || this.owner.problems.push(`${this.name} ${this.page.url()}: ${text}`);
    this.page.on("pageerror", (error) => note(error.message));
    this.page.on("console", (message) => {
      // An answer such as 400 with a form is meant; Chromium calls it an error.
      const meant = message.text().startsWith("Failed to load resource") && message.text().includes("status of 4");
      if (message.type() === "error" && !meant) note(message.text());
    });
    this.page.on("requestfailed", async (request) => {
      const { errorText: why } = request.failure();
      // An answer that a page leaves unread was loaded all the same.
      if (why !== "net::ERR_ABORTED" || !(await request.response())) note(`${request.url()} was not loaded: ${why}`);
    });
  }

  /** Looks at the page as it is now, by those rules of axe. */
  async check(name, held = RULES) {
    const problem = (text) => this.owner.problems.push(`${this.name} ${name}: ${text}`);
    const { page, owner } = this;
    owner.checked += 1;
    await page.screenshot({ path: join(owner.pictures, `${name}-${this.name}.png`), fullPage: true });
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (content > window) problem(`scrolls sideways: ${content} pixels in ${window}`);
    this.deaf = true;
    await page.evaluate(owner.axe);
    const { violations } = await page.evaluate((rules) => axe.run(document, { runOnly: rules }), held);
    this.deaf = false;
    for (const { id, help, nodes } of violations) {
      problem(`${id}: ${help}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
    }
  }

  /** Moves by keyboard alone, and says what has the focus in turn. */
  async tabs(most) {
    const seen = [];
    for (let i = 0; i < most; i += 1) {
      await this.page.keyboard.press("Tab");
      seen.push(await this.page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim() || ""));
    }
    return seen;
  }

  async close() {
    await this.page.context().close();
  }
}
