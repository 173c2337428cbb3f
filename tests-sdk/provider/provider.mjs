// An OpenID Provider on a free port. It knows one client, which is sent back to the address in the first argument, and
// lets in whoever gives a name: the name is the account. The first line that it prints is its issuer.

import { createServer } from "node:http";

import Provider from "oidc-provider";

const [callback] = process.argv.slice(2);

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "doorward",
        client_secret: "a secret: with odd characters %",
        redirect_uris: [callback],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["preferred_username", "given_name", "family_name", "name", "locale"],
    },
    // PKCE is asked of everybody, so that a login without it would fail here.
    pkce: { required: () => true },
    cookies: { keys: ["only for tests"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@provider.example`,
        email_verified: true,
        preferred_username: id,
        given_name: "Mini",
        family_name: "Mouse",
        name: "Mini Mouse",
        locale: "de",
      }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
