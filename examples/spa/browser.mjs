// Clicks through the page in a real browser: node browser.mjs BASE, by scripts/client.

import { strict as assert } from "node:assert";
import { start } from "../../crates/vestibule-server/tests/browser/driver.mjs";

const [base] = process.argv.slice(2);
const browser = await start();
for (const name of ["light-360", "dark-wide"]) {
  const look = await browser.look(name);
  const { page } = look;
  const email = `${name}@example.org`;
  await page.goto(base);
  await look.check("spa-outside");
  await page.fill("#r-email", "nobody");
  await page.fill("#r-password1", "a-long-passphrase-1");
  await page.click("#register button");
  await page.waitForSelector("#r-phone + .error");
  assert.match(await page.textContent("#r-email + .error"), /valid email/);
  await look.check("spa-errors");
  await page.fill("#r-email", email);
  await page.fill("#r-phone", "+1 555 0100");
  await page.click("#register button");
  await page.waitForSelector("#inside:not([hidden])");
  assert.equal(await page.textContent("#who"), email);
  assert.equal(await page.textContent("#phone"), "+15550100");
  await page.selectOption("#e-gender", "other");
  await page.click("#edit button");
  await page.waitForSelector("#saved:not(:empty)");
  await look.check("spa-inside");
  await page.click("#logout");
  await page.waitForSelector("#outside:not([hidden])");
  await page.fill("#l-email", email);
  await page.fill("#l-password", "wrong");
  await page.click("#login button");
  await page.waitForSelector("#login .error");
  await page.fill("#l-password", "a-long-passphrase-1");
  await page.click("#login button");
  await page.waitForSelector("#inside:not([hidden])");
  assert.equal(await page.inputValue("#e-gender"), "other");
  await look.close();
}
await browser.end();
