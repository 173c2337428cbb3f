// One walk through the Session API with `@zitadel/client`, printed as one line of JSON. The arguments are the transport,
// the version of the service, v2 or v2beta, and how the caller logs in: with a token, or with a key by `@zitadel/node`.

import { readFileSync } from "node:fs";

import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { NewAuthorizationBearerInterceptor, createClientFor } from "@zitadel/client";
import { createServerTransport } from "@zitadel/client/node";
import { createSessionServiceClient } from "@zitadel/client/v2";
import { createClientTransport } from "@zitadel/client/web";
import { CredentialsCheckErrorSchema } from "@zitadel/proto/zitadel/message_pb";
import { ServiceAccount } from "@zitadel/node/dist/credentials/index.js";
import { SessionService as BetaSessionService } from "@zitadel/proto/zitadel/session/v2beta/session_service_pb";

const { DOORWARD_URL, DOORWARD_PAT, DOORWARD_KEY_FILE, DOORWARD_LOGIN_NAME, DOORWARD_PASSWORD } = process.env;
const [transport, version, logIn] = process.argv.slice(2);

const logIns = {
  token: () => DOORWARD_PAT,
  key: () =>
    ServiceAccount.fromJsonString(readFileSync(DOORWARD_KEY_FILE, "utf8")).authenticate(DOORWARD_URL, { apiAccess: true }),
};
const token = await logIns[logIn]();
const interceptors = [NewAuthorizationBearerInterceptor(token)];

const transports = {
  // As a server does it: HTTP/2.
  grpc: () => createServerTransport(token, { baseUrl: DOORWARD_URL }),
  // As a browser does it: fetch, HTTP/1.1.
  "grpc-web": () => createClientTransport(token, { baseUrl: DOORWARD_URL }),
  "connect-json": () => createConnectTransport({ baseUrl: DOORWARD_URL, httpVersion: "1.1", interceptors }),
  "connect-binary": () =>
    createConnectTransport({ baseUrl: DOORWARD_URL, httpVersion: "2", useBinaryFormat: true, interceptors }),
};

const services = { v2: createSessionServiceClient, v2beta: createClientFor(BetaSessionService) };

const sessions = services[version](transports[transport]());

const checks = (password) => ({
  checks: {
    user: { search: { case: "loginName", value: DOORWARD_LOGIN_NAME } },
    password: { password },
  },
});

// The call's refusal: code, message and, where they are told, the id and the failed attempts.
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    const refused = ConnectError.from(error);
    const [told] = refused.findDetails(CredentialsCheckErrorSchema);
    const code = Code[refused.code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
    return {
      code,
      message: refused.rawMessage,
      ...(told && { id: told.id, failedAttempts: told.failedAttempts }),
    };
  }
  throw new Error("the call should have been refused");
}

const created = await sessions.createSession(checks(DOORWARD_PASSWORD));
const one = { sessionId: created.sessionId };
const read = (await sessions.getSession(one)).session;
const changed = await sessions.setSession({
  ...one,
  sessionToken: created.sessionToken,
  metadata: { colour: new TextEncoder().encode("blue") },
});
const { metadata } = (await sessions.getSession(one)).session;
const listed = await sessions.listSessions({
  queries: [{ query: { case: "idsQuery", value: { ids: [created.sessionId] } } }],
});
const refused = await refusal(() => sessions.createSession(checks("wrong")));
await sessions.deleteSession({ ...one, sessionToken: changed.sessionToken });
const gone = await refusal(() => sessions.getSession(one));

const seen = {
  created: { id: created.sessionId, token: created.sessionToken },
  read: {
    id: read.id,
    loginName: read.factors?.user?.loginName,
    passwordVerified: read.factors?.password?.verifiedAt !== undefined,
  },
  changed: { token: changed.sessionToken },
  metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, new TextDecoder().decode(value)])),
  listed: listed.sessions.map((session) => session.id),
  total: Number(listed.details?.totalResult),
  refused,
  gone,
};
// The server closes idle HTTP/2 connections after a while; the walk need not wait for it.
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
