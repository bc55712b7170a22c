// A certified OpenID Connect provider on loopback that knows one client. Prints its issuer when it listens.

import { createServer } from "node:http";

import Provider from "oidc-provider";

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "client-1",
      client_secret: "provider-secret",
      // The test kit's service, and that of scripts/browse-providers.
      redirect_uris: [8000, 18184].map((port) => `http://127.0.0.1:${port}/auth/social/foreign/callback/`),
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  cookies: { keys: ["a key for one test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, name: "Ana Lind", preferred_username: id }),
  }),
});
server.on("request", provider.callback());
console.log(issuer);
