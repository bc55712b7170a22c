// Signs in over providers as somebody without a front end would, in every look: with `social.dev`, which believes what one types, and
// with a provider that is not ours. Neither tells a telephone number, which accounts need.
//
//   node providers.mjs BASE      a server with `social.dev`, `social.foreign` and a required field

import assert from "node:assert/strict";

import { LOOKS, start } from "./driver.mjs";

const [base] = process.argv.slice(2);
const root = new URL(base).origin;

/** What one does on pages, in this window. */
function hands(page) {
  return {
    fill: async (values) => {
      for (const [field, value] of Object.entries(values)) await page.locator(`#${field}`).fill(value);
    },
    press: (button) => Promise.all([page.waitForNavigation(), page.getByRole("button", { name: button, exact: true }).click()]),
    follow: (link) => Promise.all([page.waitForNavigation(), page.getByRole("link", { name: link, exact: true }).click()]),
  };
}

async function withDev(browser, look) {
  const view = await browser.look(look);
  const { page } = view;
  const { fill, press, follow } = hands(page);
  const email = `dev-${look}@example.org`;
  const next = encodeURIComponent("/auth/account/password/");

  await page.goto(`${base}/sign-in/?next=${next}`);
  await view.check("sign-in-providers");
  await follow("Sign in with social.dev");
  await page.waitForURL("**/social/dev/provider/**");
  await view.check("dev-provider");
  const inTurn = await view.tabs(6);
  assert.deepEqual(inTurn, ["subject", "email", "email_verified", "name", "Sign in", "Refuse"], "by keyboard, in order");
  await fill({ subject: "", email: "nobody" });
  await page.evaluate(() => document.querySelectorAll("form").forEach((form) => { form.noValidate = true; }));
  await press("Sign in");
  await view.check("dev-provider-wrong");
  await fill({ subject: look, email });
  await press("Sign in");

  await page.waitForURL("**/sign-up/complete/**");
  const completion = page.url();
  await view.check("sign-up-complete");
  assert.deepEqual(await view.tabs(2), ["phone_number", "Continue"], "nothing else is asked for");
  await fill({ phone_number: "no number" });
  await press("Continue");
  assert.match(await page.locator("#phone_number-errors").textContent(), /phone/i);
  await view.check("sign-up-complete-wrong");
  await fill({ phone_number: `+1555010${Object.keys(LOOKS).indexOf(look)}` });
  await press("Continue");
  await page.waitForURL("**/account/password/");

  await page.goto(`${base}/account/`);
  assert.match(await page.locator("main").textContent(), new RegExp(email));
  await press("Sign out");
  await page.goto(completion);
  await view.check("sign-up-complete-gone");

  // The same person again: nothing is missing any more.
  await page.goto(`${base}/sign-in/`);
  await follow("Sign in with social.dev");
  await fill({ subject: look });
  await press("Sign in");
  await page.waitForURL("**/account/");
  assert.match(await page.locator("main").textContent(), new RegExp(email));
  await press("Sign out");

  await follow("Sign in with social.dev");
  await press("Refuse");
  await page.waitForURL("**/sign-in/?error=access_denied**");
  await view.check("sign-in-provider-failed");
  await view.close();
}

async function withForeign(browser, look) {
  const view = await browser.look(look);
  const { page } = view;
  const { fill, press, follow } = hands(page);
  await page.goto(`${base}/sign-in/`);
  // The other one's pages are not held to our rules: they would load a font from elsewhere.
  view.deaf = true;
  await page.route((url) => url.protocol === "https:", (route) => route.abort());
  await follow("Sign in with foreign");
  await page.waitForURL((url) => url.origin !== root);
  await page.locator('input[name="login"]').fill(`foreign-${look}`);
  await page.locator('input[name="password"]').fill("x");
  await Promise.all([page.waitForNavigation(), page.locator('button[type="submit"]').click()]);
  await Promise.all([page.waitForURL("**/sign-up/complete/**"), page.locator('button[type="submit"]').click()]);
  view.deaf = false;
  await fill({ phone_number: "+15550199" });
  await press("Continue");
  await page.waitForURL("**/account/");
  assert.match(await page.locator("main").textContent(), new RegExp(`foreign-${look}@example\\.org`));
  await view.close();
}

/** Without scripts it is the same: nothing of ours has any. */
async function withoutScripts(browser) {
  const view = await browser.look("light-360", { javaScriptEnabled: false });
  const { page } = view;
  const { fill, press, follow } = hands(page);
  await page.goto(`${base}/sign-in/`);
  await follow("Sign in with social.dev");
  await fill({ subject: "plain", email: "plain@example.org" });
  await press("Sign in");
  await page.waitForURL("**/sign-up/complete/**");
  await fill({ phone_number: "+15550198" });
  await press("Continue");
  await page.waitForURL("**/account/");
  await view.close();
}

/** Every language fits too. */
async function languages(browser) {
  for (const locale of ["es", "pt-BR", "fr", "de", "it", "pl", "ja", "zh-Hans"]) {
    const view = await browser.look("light-360", { locale });
    const { page } = view;
    await page.goto(`${base}/social/dev/start/?from=page`);
    await view.check(`dev-provider-${locale}`);
    await page.locator("#subject").fill(`speaks-${locale}`);
    await page.locator("#email").fill(`${locale}@example.org`);
    await Promise.all([page.waitForURL("**/sign-up/complete/**"), page.locator('button[value="agree"]').click()]);
    assert.equal(await page.locator("html").getAttribute("lang"), locale);
    await view.check(`sign-up-complete-${locale}`);
    await page.goto(`${base}/sign-up/complete/`);
    await view.check(`sign-up-complete-gone-${locale}`);
    await view.close();
  }
}

const browser = await start();
for (const look of Object.keys(LOOKS)) await withDev(browser, look);
for (const look of ["light-360", "dark-wide"]) await withForeign(browser, look);
await withoutScripts(browser);
await languages(browser);
await browser.end();
