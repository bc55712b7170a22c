// The same with axios, which repeats the `csrftoken` cookie in a header.

import axios from "./axios.js";

axios.defaults.baseURL = "https://auth.example.org/auth/";
axios.defaults.withCredentials = true;
axios.defaults.withXSRFToken = true;   // reads csrftoken, writes X-CSRFToken
axios.defaults.xsrfCookieName = "csrftoken";
axios.defaults.xsrfHeaderName = "X-CSRFToken";

axios.interceptors.response.use(undefined, async (error) => {
  const { config, response } = error;
  if (response?.status !== 401 || config.again || config.url === "token/refresh/") throw error;
  await axios.post("token/refresh/");   // refused: show the login
  return axios.request({ ...config, again: true });
});

/** The answer as `fetch` would give it. */
async function answered(sent) {
  const { status, data } = await sent.catch((error) => error.response ?? Promise.reject(error));
  return { ok: status < 300, status, json: async () => data };
}

const login = (username, password) => answered(axios.post("login/", { username, password }));
const logout = () => answered(axios.post("logout/"));
const whoAmI = () => answered(axios.get("user/"));
const rename = (first_name) => answered(axios.patch("user/", { first_name }));

export { login, logout, rename, whoAmI };
