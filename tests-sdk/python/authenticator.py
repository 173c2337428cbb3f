"""A key as browsers know it, in software: it registers at a relying party and answers its challenges."""

import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, ATTESTED = 1, 4, 64


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor(value):
    """As much of RFC 8949 as a registration needs."""
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def head(kind, number):
    if number < 24:
        return bytes([kind << 5 | number])
    length = 1 if number < 256 else 2
    return bytes([kind << 5 | 23 + length]) + number.to_bytes(length, "big")


class Key:
    """A private key with the id of its credential."""

    def __init__(self, origin, flags):
        self.origin, self.flags = origin, flags
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(16)
        self.count = 0

    def create(self, options):
        """What `navigator.credentials.create()` gives, as JSON."""
        point = self.private.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        # ES256 on the curve P-256.
        public = cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        about = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self.data(options["publicKey"]["rp"]["id"], self.flags | ATTESTED) + about
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        said = self.said("webauthn.create", options)
        return self.credential({"clientDataJSON": text(said), "attestationObject": text(attestation)})

    def get(self, options):
        """What `navigator.credentials.get()` gives, as JSON."""
        self.count += 1
        data = self.data(options["publicKey"]["rpId"], self.flags)
        said = self.said("webauthn.get", options)
        signature = self.private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self.credential(
            {"clientDataJSON": text(said), "authenticatorData": text(data), "signature": text(signature)}
        )

    def said(self, kind, options):
        challenge = options["publicKey"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def data(self, party, flags):
        return hashlib.sha256(party.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def credential(self, response):
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}
