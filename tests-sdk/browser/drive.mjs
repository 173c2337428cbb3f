// Registers a passkey in Chromium and logs in with it, on a page of another origin that calls the REST API; prints what
// came of it as one line of JSON. Chromium's virtual authenticator stands for the finger on the sensor.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";

import { Chromium } from "./chromium.mjs";

// Far longer than it takes, and shorter than whoever started this waits.
const PATIENCE = 60_000;

const { DOORWARD_URL, DOORWARD_PAT, DOORWARD_LOGIN_NAME, DOORWARD_PASSWORD, DOORWARD_FOLDER } = process.env;

const AUTHENTICATOR = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
};

// The page on a port of its own; browsers give passkeys to pages on localhost without TLS.
async function serve() {
  const page = readFileSync(new URL("index.html", import.meta.url));
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page));
  await once(server.listen(0, "localhost"), "listening");
  return server;
}

// A session of the person by password, as her back end makes it.
async function byPassword() {
  const checks = { user: { loginName: DOORWARD_LOGIN_NAME }, password: { password: DOORWARD_PASSWORD } };
  const headers = { authorization: `Bearer ${DOORWARD_PAT}` };
  const answer = await fetch(`${DOORWARD_URL}/v2/sessions`, {
    method: "POST",
    headers,
    body: JSON.stringify({ checks }),
  });
  const { sessionId, sessionToken } = await answer.json();
  const read = await fetch(`${DOORWARD_URL}/v2/sessions/${sessionId}`, { headers });
  return { token: sessionToken, userId: (await read.json()).session.factors.user.id };
}

// Calls a function of the page; gives what it gives.
async function call(tell, name, ...given) {
  const expression = `${name}(...${JSON.stringify(given)})`;
  const asked = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
  const { result, exceptionDetails: thrown } = await tell("Runtime.evaluate", asked);
  if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
  return result.value;
}

async function drive(chromium, server) {
  const tell = await chromium.open(`http://localhost:${server.address().port}/`);
  await tell("WebAuthn.enable");
  const { authenticatorId } = await tell("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
  const { token, userId } = await byPassword();
  await call(tell, "register", DOORWARD_URL, token, userId);
  const session = await call(tell, "logIn", DOORWARD_URL, DOORWARD_PAT, DOORWARD_LOGIN_NAME);
  const { credentials } = await tell("WebAuthn.getCredentials", { authenticatorId });
  const { product } = await chromium.tell("Browser.getVersion");
  return { product, factors: session.factors, domains: credentials.map(({ rpId }) => rpId) };
}

const chromium = await Chromium.start(DOORWARD_FOLDER ?? tmpdir());
const late = setTimeout(() => {
  console.error("it takes too long");
  chromium.kill();
}, PATIENCE);
const server = await serve();
try {
  console.log(JSON.stringify(await drive(chromium, server)));
  await chromium.close();
} finally {
  clearTimeout(late);
  chromium.kill();
  server.closeAllConnections();
  server.close();
}
