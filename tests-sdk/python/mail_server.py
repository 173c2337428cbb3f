"""A mail server that a test can hold up. It speaks SMTP on a port of 127.0.0.1 and tells on standard output, one JSON
object a line, what happens: first where it listens, then each mail that it took and each that it did not.

The first part of a recipient's address says what becomes of a mail: `refused` is refused for good, `later` is refused for
now, `held` is taken only when a line comes on standard input. With --user and --password it takes nothing from somebody
who did not log in, with --cert and --key nothing that is not encrypted.
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**event):
    print(json.dumps(event), flush=True)


class Handler:
    """Takes mails or does not."""

    def __init__(self, go_on):
        self.go_on = go_on

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            tell(refused=address)
            return "550 5.1.1 there is nobody of that name"
        if address.startswith("later"):
            tell(later=address)
            return "451 4.3.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if any(address.startswith("held") for address in envelope.rcpt_tos):
            tell(held=mail["message-id"])
            await self.go_on.acquire()
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        tell(
            mail={
                "sender": envelope.mail_from,
                "recipients": envelope.rcpt_tos,
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "text": parts.get("text/plain"),
                "html": parts.get("text/html"),
                "encrypted": session.ssl is not None,
                "user": session.auth_data,
            }
        )
        return "250 2.0.0 taken"


def authenticator(user, password):
    def check(server, session, envelope, mechanism, data):
        name, given = data.login.decode(), data.password.decode()
        if (name, given) == (user, password):
            return AuthResult(success=True, auth_data=name)
        tell(login_refused=name)
        return AuthResult(success=False, handled=False)

    return check


def server(arguments, handler):
    """What makes the protocol of one connection."""
    options = {"enable_SMTPUTF8": True, "hostname": "mail.doorward.test"}
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
        options |= {"tls_context": context, "require_starttls": True}
    if arguments.user:
        options |= {
            "authenticator": authenticator(arguments.user, arguments.password),
            "auth_required": True,
            "auth_require_tls": bool(arguments.cert),
        }
    return lambda: SMTP(handler, **options)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    for name in ["--user", "--password", "--cert", "--key"]:
        parser.add_argument(name)
    arguments = parser.parse_args()
    go_on = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    made = server(arguments, Handler(go_on))
    listening = await loop.create_server(made, "127.0.0.1", arguments.port)
    tell(port=listening.sockets[0].getsockname()[1])

    # Each line lets one mail go on; the end of the input ends the server. What came is taken as it is: lines that a
    # buffer kept back would not be heard.
    def heard():
        came = os.read(sys.stdin.fileno(), 1024)
        for _ in range(came.count(b"\n")):
            go_on.release()
        if not came:
            loop.stop()

    loop.add_reader(sys.stdin, heard)
    await asyncio.Event().wait()


try:
    asyncio.run(main())
except RuntimeError:
    # The loop was stopped: whoever started this server has gone away.
    pass
