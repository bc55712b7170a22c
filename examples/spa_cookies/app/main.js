// A page that signs people in and out, shows who they are, and lets them change their name.

import { login, logout, rename, whoAmI } from "./auth.js";

const element = (id) => document.getElementById(id);

/** Does something, and shows what comes of it; until then the page says that it asks. */
async function show(work) {
  const before = document.body.dataset.state;
  document.body.dataset.state = "asking";
  element("error").textContent = "";
  const answer = await work();
  const body = await answer.json();
  const user = body.user ?? body;
  if (answer.status === 400) {
    element("error").textContent = Object.values(body).flat().join(" ");
    document.body.dataset.state = before;
    return;
  }
  if (user.username) element("who").textContent = user.first_name || user.username;
  document.body.dataset.state = user.username ? "inside" : "outside";
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  show(() => login(form.get("username"), form.get("password")));
});
element("rename").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  show(() => rename(form.get("first_name")));
});
element("ask").addEventListener("click", () => show(whoAmI));
element("logout").addEventListener("click", () => show(logout));
show(whoAmI);
