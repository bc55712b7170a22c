// Clicks through the pages as a newcomer without a front end would, in every look, and looks at the mails.
//
//   node pages.mjs BASE MAILS      the address of a server with mandatory verification, and the folder of its transport `file`

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import assert from "node:assert/strict";

import { LOOKS, WCAG, start } from "./driver.mjs";

const [base, mails] = process.argv.slice(2);
const PASSWORD = "Tr1cky-pass-9x";
const OTHER = "An0ther-pass-7q";

/** The latest mail to an address: its link and its HTML. */
async function mailTo(address, not) {
  for (let tries = 0; tries < 100; tries += 1) {
    const names = (await readdir(mails)).filter((name) => name.endsWith(".eml")).sort();
    for (const name of names.reverse()) {
      const text = await readFile(join(mails, name), "utf8");
      if (name !== not && text.includes(`To: ${address}\r\n`)) return { name, ...parts(text) };
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no mail to ${address}`);
}

function parts(message) {
  const boundary = message.match(/boundary="([^"]+)"/)[1];
  const [text, html] = message.split(`--${boundary}`).slice(1, 3).map((part) => {
    const [head, ...body] = part.split("\r\n\r\n");
    const whole = body.join("\r\n\r\n");
    if (/base64/i.test(head)) return Buffer.from(whole.replace(/\s/g, ""), "base64").toString("utf8");
    if (!/quoted-printable/i.test(head)) return whole;
    const bytes = whole.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString("utf8");
  });
  return { link: text.match(/http:\/\/\S+/)[0], html };
}

/** A mail as a mail program shows it: on a page of its own that may load nothing. */
async function showMail(browser, name, html) {
  for (const look of Object.keys(LOOKS)) {
    const view = await browser.look(look);
    await view.page.setContent(html);
    await view.check(`mail-${name}`, WCAG);
    await view.close();
  }
}

async function walk(browser, look) {
  const view = await browser.look(look);
  const { page } = view;
  const name = `ana-${look}`;
  const email = `${name}@example.org`;
  const fill = async (values) => {
    for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
  };
  const press = (button) => Promise.all([page.waitForLoadState("load"), page.getByRole("button", { name: button }).click()]);

  await page.goto(`${base}/sign-in/`);
  await view.check("sign-in");
  assert.deepEqual((await view.tabs(5)).slice(0, 3), ["name", "password", "Sign in"], "the keyboard goes through the form in order");
  await page.getByRole("link", { name: "Sign up" }).click();
  await view.check("sign-up");
  await fill({ "Username": name, "E-mail address": email, "Password": "123", "Password (again)": "123" });
  await press("Sign up");
  await view.check("sign-up-wrong");
  await fill({ "Password": PASSWORD, "Password (again)": PASSWORD });
  await press("Sign up");
  await page.waitForURL("**/account-email-verification-sent/");
  await view.check("verification-sent");
  const confirmation = await mailTo(email);
  await page.goto(confirmation.link);
  await view.check("email-confirm");
  await press("Confirm");
  await view.check("email-confirmed");
  await page.goto(confirmation.link);
  await press("Confirm");
  await view.check("email-confirm-used");

  await page.goto(`${base}/sign-in/`);
  await fill({ "Username or e-mail address": name, "Password": "wrong" });
  await press("Sign in");
  await view.check("sign-in-wrong");
  await fill({ "Password": PASSWORD });
  await press("Sign in");
  await page.waitForURL("**/account/");
  await view.check("account");

  await page.getByRole("link", { name: "Change the e-mail address" }).click();
  await view.check("change-email");
  await fill({ "New e-mail address": `new-${email}`, "Your password": PASSWORD });
  await press("Send the link");
  await view.check("change-email-sent");
  const change = await mailTo(`new-${email}`);
  await page.goto(change.link);
  await view.check("email-change");
  await press("Confirm");
  await view.check("email-changed");
  const told = await mailTo(email, confirmation.name);

  await page.goto(`${base}/account/password/`);
  await view.check("change-password");
  await fill({ "Old password": "wrong", "New password": OTHER, "New password (again)": OTHER });
  await press("Save");
  await view.check("change-password-wrong");
  await fill({ "Old password": PASSWORD, "New password": OTHER, "New password (again)": OTHER });
  await press("Save");
  await view.check("change-password-done");

  await page.goto(`${base}/account/`);
  await press("Sign out");
  await page.waitForURL("**/sign-in/");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await view.check("forgot-password");
  const before = await mailTo(`new-${email}`);
  await fill({ "E-mail address": `new-${email}` });
  await press("Send the link");
  await view.check("forgot-password-sent");
  const reset = await mailTo(`new-${email}`, before.name);
  await page.goto(reset.link);
  await view.check("password-reset");
  await fill({ "New password": PASSWORD, "New password (again)": `${PASSWORD}x` });
  await press("Save");
  await view.check("password-reset-wrong");
  await fill({ "New password": PASSWORD, "New password (again)": PASSWORD });
  await press("Save");
  await view.check("password-reset-done");
  await page.goto(reset.link);
  await view.check("password-reset-used");
  await page.goto(`${base}/sign-in/`);
  await fill({ "Username or e-mail address": `new-${email}`, "Password": PASSWORD });
  await press("Sign in");
  await page.waitForURL("**/account/");
  await view.close();
  return { confirmation, change, told, reset };
}

/** Every language fits too. */
async function languages(browser) {
  for (const locale of ["es", "pt-BR", "fr", "de", "it", "pl", "ja", "zh-Hans"]) {
    const view = await browser.look("light-360", { locale });
    for (const path of ["sign-in", "sign-up", "forgot-password"]) {
      await view.page.goto(`${base}/${path}/`);
      assert.equal(await view.page.locator("html").getAttribute("lang"), locale);
      await view.check(`${path}-${locale}`);
    }
    await view.close();
  }
}

const browser = await start();
let sent;
for (const look of Object.keys(LOOKS)) sent = await walk(browser, look);
await languages(browser);
for (const [name, mail] of Object.entries(sent)) await showMail(browser, name, mail.html);
await browser.end();
