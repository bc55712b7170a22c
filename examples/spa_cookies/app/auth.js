// How a page calls the service. The tokens are in cookies that no script can read, so there is nothing to keep or to send here.

const auth = (path, options = {}) =>
  fetch(`https://auth.example.org/auth/${path}`, { credentials: "include", ...options });

async function call(path, options) {
  const answer = await auth(path, options);
  if (answer.status !== 401) return answer;
  const refreshed = await auth("token/refresh/", { method: "POST" });
  return refreshed.ok ? auth(path, options) : answer;   // not refreshed: show the login
}

const json = (method, body) =>
  ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const login = (username, password) => auth("login/", json("POST", { username, password }));
const logout = () => auth("logout/", { method: "POST" });
const whoAmI = () => call("user/");
const rename = (first_name) => call("user/", json("PATCH", { first_name }));

export { login, logout, rename, whoAmI };
