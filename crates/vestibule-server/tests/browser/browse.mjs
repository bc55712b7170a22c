// Clicks through the browsable endpoints as a developer would, in every look.
//
//   node browse.mjs BASE NAME PASSWORD      the address of a server, and an account on it

import assert from "node:assert/strict";

import { LOOKS, start } from "./driver.mjs";

const [base, name, password] = process.argv.slice(2);
const OTHER = "An0ther-pass-7q";

async function walk(browser, look, [before, after]) {
  const view = await browser.look(look);
  const { page } = view;
  const open = (path) => page.goto(`${base}/${path}`);
  const form = (method) => page.locator(`form[aria-labelledby="${method}"]`);
  const send = (method) => Promise.all([page.waitForLoadState("load"), form(method).getByRole("button").click()]);
  const answer = () => page.locator("pre").first().textContent();
  const type = async (method, values) => {
    for (const [field, value] of Object.entries(values)) await page.locator(`#${method}-${field}`).fill(value);
  };
  const signOut = async () => {
    await Promise.all([page.waitForLoadState("load"), page.getByRole("button", { name: "Sign out" }).click()]);
    assert.match(await answer(), /HTTP 200/);
    assert.match(await page.locator("header").textContent(), /Sign in/);
  };

  // A method that an address does not have: the page is there all the same, with the form for the one that it has.
  await open("registration/");
  assert.match(await answer(), /HTTP 405/);
  await view.check("browse-registration");
  await type("post", { username: "a b", email: "nobody", password1: "123", password2: "123" });
  await send("post");
  assert.match(await page.locator("#post-email-error").textContent(), /valid email/);
  assert.equal(await page.locator("#post-email").inputValue(), "nobody");
  assert.equal(await page.locator("#post-password1").inputValue(), "");
  await view.check("browse-registration-errors");
  await type("post", { username: `new-${look}`, email: `new-${look}@example.org`, password1: before, password2: before });
  await send("post");
  assert.match(await answer(), /HTTP 201/);
  await view.check("browse-registered");
  await signOut();

  await open("user/");
  assert.match(await answer(), /HTTP 401/);
  await view.check("browse-user-stranger");
  await page.getByRole("link", { name: "Sign in" }).first().click();
  await type("post", { username: name, password: before });
  await send("post");
  assert.match(await answer(), /HTTP 200/);
  await page.getByRole("link", { name: "user/", exact: true }).click();
  assert.match(await page.locator("header").textContent(), new RegExp(name));
  await view.check("browse-user");
  await type("patch", { first_name: `Ana ${look}`, last_name: "<b>Böck</b>" });
  await send("patch");
  assert.match(await answer(), /HTTP 200[^]*<b>Böck<\/b>/);
  assert.equal(await page.locator("#patch-first_name").inputValue(), `Ana ${look}`);
  await type("put", { username: "a b" });
  await send("put");
  assert.match(await page.locator("#put-username-error").textContent(), /valid username/);
  assert.equal(await page.locator("#patch-username-error").count(), 0);
  await view.check("browse-user-errors");
  await open("user/");
  await page.locator("summary").last().click();
  await page.locator("#patch-raw").fill('{"last_name": "by JSON"}');
  await view.check("browse-user-raw");
  await Promise.all([page.waitForLoadState("load"), page.getByRole("button", { name: "PATCH as JSON" }).click()]);
  assert.match(await answer(), /HTTP 200[^]*by JSON/);
  await Promise.all([page.waitForLoadState("load"), page.getByRole("button", { name: "OPTIONS" }).click()]);
  assert.match(await answer(), /HTTP 200[^]*read_only/);

  await open("password/change/");
  await type("post", { old_password: "wrong", new_password1: after, new_password2: after });
  await send("post");
  assert.match(await page.locator("#post-old_password-error").textContent(), /incorrectly/);
  await view.check("browse-password");
  await type("post", { old_password: before, new_password1: after, new_password2: after });
  await send("post");
  assert.match(await answer(), /HTTP 200/);
  await signOut();

  await page.getByRole("link", { name: "Reference" }).click();
  await view.check("browse-reference");
  await view.close();
}

const browser = await start();
let passwords = [password, OTHER];
for (const look of Object.keys(LOOKS)) {
  await walk(browser, look, passwords);
  passwords = passwords.toReversed();
}
await browser.end();
