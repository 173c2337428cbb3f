// Sets up every factor for a new person by `@zitadel/client` and logs her in with all of them; prints what the session
// shows as one line of JSON. Recovery codes are younger than this version of the library: see recovery.mjs.

import { createHmac } from "node:crypto";

import { createServerTransport } from "@zitadel/client/node";
import { createSessionServiceClient, createUserServiceClient } from "@zitadel/client/v2";
import { UserVerificationRequirement } from "@zitadel/proto/zitadel/session/v2/challenge_pb";
import { AuthenticationMethodType } from "@zitadel/proto/zitadel/user/v2/user_service_pb";

import { Key, USER_PRESENT, USER_VERIFIED } from "./authenticator.mjs";
import { logIn } from "./browser.mjs";
import { createRecoveryClient, recoveryFactor, withRecoveryCode } from "./recovery.mjs";

const { DOORWARD_URL, DOORWARD_PAT, DOORWARD_ADMIN_PAT } = process.env;
const [ORIGIN, domain] = ["https://login.example.com", "example.com"];
const [NAME, PASSWORD] = ["every@mouse.test", "Secr3t!pass"];
// A type of method that the library has no name for.
const YOUNGER = { 8: "RECOVERY_CODE" };
const [successUrl, failureUrl] = [`${ORIGIN}/back`, `${ORIGIN}/failed`];

const transport = (token) => createServerTransport(token, { baseUrl: DOORWARD_URL });
const users = createUserServiceClient(transport(DOORWARD_ADMIN_PAT));
const recovery = createRecoveryClient(transport(DOORWARD_ADMIN_PAT));
const page = createUserServiceClient(transport(DOORWARD_PAT));
const sessions = createSessionServiceClient(transport(DOORWARD_PAT));

function base32(text) {
  const digits = [...text].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter));
  const bits = digits.map((digit) => digit.toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

// The code of an authenticator app, so many steps from now.
function totp(secret, steps = 0) {
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", base32(secret)).update(step).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

async function addPerson() {
  const added = await users.addHumanUser({
    username: NAME,
    profile: { givenName: "Every", familyName: "Mouse" },
    email: { email: NAME, verification: { case: "isVerified", value: true } },
    phone: { phone: "+41791234567", verification: { case: "isVerified", value: true } },
    passwordType: { case: "password", value: { password: PASSWORD } },
  });
  return added.userId;
}

async function setUpTotp(userId) {
  const { secret } = await users.registerTOTP({ userId });
  await users.verifyTOTPRegistration({ userId, code: totp(secret) });
  return secret;
}

async function setUpPasskey(userId) {
  const key = new Key(ORIGIN, USER_PRESENT | USER_VERIFIED);
  const { passkeyId, publicKeyCredentialCreationOptions } = await users.registerPasskey({ userId, domain });
  const publicKeyCredential = key.create(publicKeyCredentialCreationOptions);
  await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: "phone" });
  return key;
}

async function setUpU2F(userId) {
  const key = new Key(ORIGIN, USER_PRESENT);
  const { u2fId, publicKeyCredentialCreationOptions } = await users.registerU2F({ userId, domain });
  const publicKeyCredential = key.create(publicKeyCredentialCreationOptions);
  await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: "token" });
  return key;
}

// Logs in at the provider and links the account; gives the check.
async function logInElsewhere(userId) {
  const content = { case: "urls", value: { successUrl, failureUrl } };
  const started = await page.startIdentityProviderIntent({ idpId: "real", content });
  const { id, token } = await logIn(started.nextStep.value, DOORWARD_URL, successUrl);
  const check = { idpIntentId: id, idpIntentToken: token };
  const { idpInformation: told } = await page.retrieveIdentityProviderIntent(check);
  await users.addIDPLink({ userId, idpLink: { idpId: told.idpId, userId: told.userId, userName: told.userName } });
  return check;
}

const wish = (requirement) => ({
  domain,
  userVerificationRequirement: UserVerificationRequirement[requirement],
});

const presented = (key, { challenges }) => ({
  credentialAssertionData: key.get(challenges.webAuthN.publicKeyCredentialRequestOptions),
});

const userId = await addPerson();
const secret = await setUpTotp(userId);
await users.addOTPSMS({ userId });
await users.addOTPEmail({ userId });
const [passkey, token] = [await setUpPasskey(userId), await setUpU2F(userId)];
const { recoveryCodes } = await recovery.generateRecoveryCodes({ userId, count: 2 });
const idpIntent = await logInElsewhere(userId);
const { authMethodTypes } = await users.listAuthenticationMethodTypes({ userId });

const made = await sessions.createSession({
  checks: { user: { search: { case: "loginName", value: NAME } }, password: { password: PASSWORD } },
  challenges: {
    webAuthN: wish("DISCOURAGED"),
    otpSms: { returnCode: true },
    otpEmail: { deliveryType: { case: "returnCode", value: {} } },
  },
});
const { sessionId } = made;
const factors = async () => (await sessions.getSession({ sessionId })).session.factors;
await sessions.setSession({ sessionId, checks: { webAuthN: presented(token, made) } });
const withToken = (await factors()).webAuthN;
const more = await sessions.setSession({ sessionId, challenges: { webAuthN: wish("REQUIRED") } });
await sessions.setSession({
  sessionId,
  checks: withRecoveryCode(recoveryCodes[0], {
    idpIntent,
    webAuthN: presented(passkey, more),
    // That of the registration is used up.
    totp: { code: totp(secret, 1) },
    otpSms: { code: made.challenges.otpSms },
    otpEmail: { code: made.challenges.otpEmail },
  }),
});
const known = await factors();
const shown = { ...known, recoveryCode: recoveryFactor(known) };

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const seen = {
  methods: authMethodTypes.map((method) => AuthenticationMethodType[method] ?? YOUNGER[method]).sort(),
  tokenVerifiedUser: withToken.userVerified,
  passkeyVerifiedUser: shown.webAuthN.userVerified,
  factors: Object.fromEntries(
    Object.entries(shown)
      .filter(([name, factor]) => !name.startsWith("$") && factor !== undefined)
      .map(([name, factor]) => [snake(name), factor.verifiedAt !== undefined]),
  ),
};
// The server closes idle HTTP/2 connections after a while; this need not wait for it.
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
