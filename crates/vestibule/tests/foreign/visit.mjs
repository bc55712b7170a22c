// What a person does at the provider: logs in as `ana`, agrees, and is sent back. Prints the address to which they are sent.
// Keeps cookies, follows redirects within the provider, fills the forms in that it is shown.

const cookies = new Map();

async function ask(url, form) {
  const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  const body = form && new URLSearchParams(form);
  const answer = await fetch(url, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
  for (const line of answer.headers.getSetCookie()) {
    const [name, ...value] = line.split(";")[0].split("=");
    cookies.set(name, value.join("="));
  }
  return answer;
}

let url = new URL(process.argv[2]);
const provider = url.origin;
let answer = await ask(url);
for (let step = 0; step < 20; step += 1) {
  const location = answer.headers.get("location");
  if (location) {
    url = new URL(location, url);
    if (url.origin !== provider) {
      console.log(url.href);
      process.exit(0);
    }
    answer = await ask(url);
    continue;
  }
  const page = await answer.text();
  const prompt = page.match(/name="prompt"\s+value="(\w+)"/)?.[1];
  const action = page.match(/action="([^"]+)"/)?.[1];
  if (!prompt || !action) {
    console.error(`${answer.status} ${url.href}\n${page}`);
    process.exit(1);
  }
  url = new URL(action, url);
  answer = await ask(url, prompt === "login" ? { prompt, login: "ana", password: "x" } : { prompt });
}
console.error("the provider goes round in circles");
process.exit(1);
