// A key as browsers know it, in software: it registers at a relying party and answers its challenges.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export const USER_PRESENT = 1;
export const USER_VERIFIED = 4;
const ATTESTED = 64;

const text = (bytes) => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

function head(kind, number) {
  if (number < 24) return Buffer.from([(kind << 5) | number]);
  if (number < 256) return Buffer.from([(kind << 5) | 24, number]);
  return Buffer.from([(kind << 5) | 25, number >> 8, number & 255]);
}

// As much of RFC 8949 as a registration needs.
function cbor(value) {
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  const members = [...value].flat().map(cbor);
  return Buffer.concat([head(5, value.size), ...members]);
}

// A private key with the id of its credential.
export class Key {
  constructor(origin, flags) {
    Object.assign(this, { origin, flags, count: 0, id: randomBytes(16) });
    Object.assign(this, generateKeyPairSync("ec", { namedCurve: "P-256" }));
  }

  // What `navigator.credentials.create()` gives, as JSON.
  create({ publicKey }) {
    const { x, y } = this.publicKey.export({ format: "jwk" });
    const point = [x, y].map((part) => Buffer.from(part, "base64url"));
    // ES256 on the curve P-256.
    const cose = cbor(new Map([[1, 2], [3, -7], [-1, 1], [-2, point[0]], [-3, point[1]]]));
    const about = [Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, cose];
    const authData = Buffer.concat([this.data(publicKey.rp.id, this.flags | ATTESTED), ...about]);
    const attestation = cbor(new Map([["fmt", "none"], ["attStmt", new Map()], ["authData", authData]]));
    const said = this.said("webauthn.create", publicKey);
    return this.credential({ clientDataJSON: text(said), attestationObject: text(attestation) });
  }

  // What `navigator.credentials.get()` gives, as JSON.
  get({ publicKey }) {
    this.count += 1;
    const data = this.data(publicKey.rpId, this.flags);
    const said = this.said("webauthn.get", publicKey);
    const signature = sign("sha256", Buffer.concat([data, sha256(said)]), this.privateKey);
    return this.credential({
      clientDataJSON: text(said),
      authenticatorData: text(data),
      signature: text(signature),
    });
  }

  said(type, { challenge }) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin }));
  }

  data(party, flags) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.count);
    return Buffer.concat([sha256(party), Buffer.from([flags]), count]);
  }

  credential(response) {
    return { id: text(this.id), rawId: text(this.id), type: "public-key", response };
  }
}
