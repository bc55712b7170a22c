// A page that signs people up and in, shows who they are, and lets them change it. `api.d.ts` is made of the service's own
// description, so a field that is not there, or a value that cannot be, does not compile.

import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type User = components["schemas"]["User"];

/** What a refusal says: sentences by field, or one about the whole. */
type Refusal = Record<string, unknown>;

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:18191/auth" });

// Kept in memory alone: a script that somebody smuggles in finds nothing to carry away, and closing the page signs out.
let key: string | undefined;
api.use({
  onRequest({ request }) {
    if (key) request.headers.set("Authorization", `Token ${key}`);
    return request;
  },
});

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const text = (form: FormData, name: string) => String(form.get(name) ?? "");

element<HTMLFormElement>("register").addEventListener("submit", (event) => {
  send(event, async (form) => {
    const password = text(form, "password1");
    const body = { email: text(form, "email"), password1: password, password2: password, phone_number: text(form, "phone_number") };
    const { data, error } = await api.POST("/registration/", { body });
    return data ? enter(data.key) : error;
  });
});

element<HTMLFormElement>("login").addEventListener("submit", (event) => {
  send(event, async (form) => {
    const { data, error } = await api.POST("/login/", { body: { email: text(form, "email"), password: text(form, "password") } });
    return data ? enter(data.key) : error;
  });
});

element<HTMLFormElement>("edit").addEventListener("submit", (event) => {
  send(event, async (form) => {
    const gender = text(form, "gender") as User["gender"];
    const { data, error } = await api.PATCH("/user/", { body: { gender } });
    if (!data) return error;
    show(data);
    element("saved").textContent = "Saved.";
    return undefined;
  });
});

element("logout").addEventListener("click", async () => {
  await api.POST("/logout/");
  key = undefined;
  show(undefined);
});

async function enter(granted: string): Promise<Refusal | undefined> {
  key = granted;
  const { data, error } = await api.GET("/user/");
  show(data);
  return error;
}

function show(user: User | undefined) {
  element("outside").hidden = user !== undefined;
  element("inside").hidden = user === undefined;
  element("saved").textContent = "";
  if (!user) return;
  element("who").textContent = user.email;
  element("phone").textContent = user.phone_number;
  element<HTMLSelectElement>("e-gender").value = user.gender;
}

/** Sends a form, and shows what is wrong beside its fields. */
async function send(event: SubmitEvent, work: (form: FormData) => Promise<Refusal | undefined>) {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  form.querySelectorAll(".error").forEach((old) => old.remove());
  const refusal = await work(new FormData(form));
  for (const [name, messages] of Object.entries(refusal ?? {})) {
    const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
    const error = document.createElement("p");
    error.className = "error";
    error.textContent = [messages].flat().join(" ");
    (field ?? form.querySelector("h2") ?? form).after(error);
  }
}
