"""One walk through the Session API with the SDK `zitadel-client`, printed as one line of JSON.

The arguments are the version of the service, v2 or v2beta, and how the caller logs in: with a token, a secret or a key.
"""

import base64
import json
import os
import sys

import zitadel_client as zc

from shared import LOGIN_NAME, PASSWORD, PAT, URL

LOG_INS = {
    "token": lambda: zc.Zitadel.with_access_token(URL, PAT),
    "secret": lambda: zc.Zitadel.with_client_credentials(
        URL, os.environ["DOORWARD_CLIENT_ID"], os.environ["DOORWARD_CLIENT_SECRET"]
    ),
    "key": lambda: zc.Zitadel.with_private_key(URL, os.environ["DOORWARD_KEY_FILE"]),
}

BETA = sys.argv[1] == "v2beta"


def model(name):
    """A model class: both versions have the same ones under names of their own."""
    return getattr(zc, f"{'Beta' if BETA else ''}SessionService{name}")


def refusal(call):
    """The call's refusal: code, message and, where they are told, the id and the failed attempts."""
    try:
        call()
    except zc.ApiError as error:
        body = error.response_body
        shown = {"code": body["code"], "message": body["message"], "status": error.code}
        for detail in body.get("details", []):
            if detail["type"] == "zitadel.v1.CredentialsCheckError":
                shown["id"] = detail["debug"]["id"]
                shown["failedAttempts"] = detail["debug"]["failedAttempts"]
        return shown
    raise AssertionError("the call should have been refused")


def checks(password):
    return model("CreateSessionRequest")(
        checks=model("Checks")(
            user=model("CheckUser")(login_name=LOGIN_NAME),
            password=model("CheckPassword")(password=password),
        )
    )


def main():
    sdk = LOG_INS[sys.argv[2]]()
    sessions = sdk.beta_sessions if BETA else sdk.sessions
    created = sessions.create_session(checks(PASSWORD))
    one = model("GetSessionRequest")(session_id=created.session_id)
    read = sessions.get_session(one).session
    changed = sessions.set_session(
        model("SetSessionRequest")(
            session_id=created.session_id,
            session_token=created.session_token,
            metadata={"colour": base64.b64encode(b"blue").decode()},
        )
    )
    metadata = sessions.get_session(one).session.metadata
    listed = sessions.list_sessions(
        model("ListSessionsRequest")(
            queries=[model("SearchQuery")(ids_query=model("IDsQuery")(ids=[created.session_id]))],
        )
    )
    refused = refusal(lambda: sessions.create_session(checks("wrong")))
    sessions.delete_session(
        model("DeleteSessionRequest")(
            session_id=created.session_id, session_token=changed.session_token
        )
    )
    gone = refusal(lambda: sessions.get_session(one))
    seen = {
        "created": {"id": created.session_id, "token": created.session_token},
        "read": {
            "id": read.id,
            "loginName": read.factors.user.login_name,
            "passwordVerified": read.factors.password.verified_at is not None,
        },
        "changed": {"token": changed.session_token},
        "metadata": {key: base64.b64decode(value).decode() for key, value in metadata.items()},
        "listed": [session.id for session in listed.sessions],
        "total": int(listed.details.total_result),
        "refused": refused,
        "gone": gone,
    }
    print(json.dumps(seen))


main()
