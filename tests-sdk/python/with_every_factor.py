"""Sets up every factor for a new person and logs her in with all of them, with the SDK `zitadel-client`; prints what
the session shows as one line of JSON.
"""

import base64
import hmac
import json
import os
import time

import zitadel_client as zc

from authenticator import USER_PRESENT, USER_VERIFIED, Key
from browser import log_in
from shared import PAT, URL

ORIGIN, DOMAIN = "https://login.example.com", "example.com"
NAME, PASSWORD = "every@mouse.test", "Secr3t!pass"
SUCCESS, FAILURE = f"{ORIGIN}/back", f"{ORIGIN}/failed"

admin = zc.Zitadel.with_access_token(URL, os.environ["DOORWARD_ADMIN_PAT"])
login = zc.Zitadel.with_access_token(URL, PAT)


def user(name, **fields):
    return getattr(zc, f"UserService{name}")(**fields)


def session(name, **fields):
    return getattr(zc, f"SessionService{name}")(**fields)


def totp(secret, steps=0):
    """The code of an authenticator app, so many steps from now."""
    step = int(time.time()) // 30 + steps
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def add_person():
    return admin.users.add_human_user(
        user(
            "AddHumanUserRequest",
            username=NAME,
            profile=user("SetHumanProfile", given_name="Every", family_name="Mouse"),
            email=user("SetHumanEmail", email=NAME, is_verified=True),
            phone=user("SetHumanPhone", phone="+41791234567", is_verified=True),
            password=user("Password", password=PASSWORD),
        )
    ).user_id


def set_up_totp(person):
    secret = admin.users.register_totp(user("RegisterTOTPRequest", user_id=person)).secret
    admin.users.verify_totp_registration(
        user("VerifyTOTPRegistrationRequest", user_id=person, code=totp(secret))
    )
    return secret


def set_up_passkey(person):
    key = Key(ORIGIN, USER_PRESENT | USER_VERIFIED)
    begun = admin.users.register_passkey(user("RegisterPasskeyRequest", user_id=person, domain=DOMAIN))
    admin.users.verify_passkey_registration(
        user(
            "VerifyPasskeyRegistrationRequest",
            user_id=person,
            passkey_id=begun.passkey_id,
            passkey_name="phone",
            public_key_credential=key.create(begun.public_key_credential_creation_options),
        )
    )
    return key


def set_up_u2f(person):
    key = Key(ORIGIN, USER_PRESENT)
    begun = admin.users.register_u2_f(user("RegisterU2FRequest", user_id=person, domain=DOMAIN))
    admin.users.verify_u2_f_registration(
        user(
            "VerifyU2FRegistrationRequest",
            user_id=person,
            u2f_id=begun.u2f_id,
            token_name="token",
            public_key_credential=key.create(begun.public_key_credential_creation_options),
        )
    )
    return key


def log_in_elsewhere(person):
    """Logs in at the provider and links the account; gives the check."""
    urls = user("RedirectURLs", success_url=SUCCESS, failure_url=FAILURE)
    started = login.users.start_identity_provider_intent(
        user("StartIdentityProviderIntentRequest", idp_id="real", urls=urls)
    )
    end = log_in(started.auth_url, URL, SUCCESS)
    told = login.users.retrieve_identity_provider_intent(
        user("RetrieveIdentityProviderIntentRequest", idp_intent_id=end["id"], idp_intent_token=end["token"])
    ).idp_information
    link = user("IDPLink", idp_id=told.idp_id, user_id=told.user_id, user_name=told.user_name)
    admin.users.add_idp_link(user("AddIDPLinkRequest", user_id=person, idp_link=link))
    return session("CheckIDPIntent", idp_intent_id=end["id"], idp_intent_token=end["token"])


def raw(method, request):
    """The answer to a call as it came. The model of this SDK leaves the options for keys out of challenges."""
    sessions = login.sessions
    prepare = getattr(sessions, f"_{method}_serialize")
    prepared = prepare(request, _request_auth=None, _content_type=None, _headers=None, _host_index=0)
    answer = sessions.api_client.call_api(*prepared)
    answer.read()
    if answer.status != 200:
        raise AssertionError(f"{answer.status}: {answer.data}")
    return json.loads(answer.data)


def wish(requirement):
    return session(
        "WebAuthN",
        domain=DOMAIN,
        user_verification_requirement=f"USER_VERIFICATION_REQUIREMENT_{requirement}",
    )


def options(answer):
    return answer["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"]


def presented(key, answer):
    return session("CheckWebAuthN", credential_assertion_data=key.get(options(answer)))


def begin():
    """A session with name and password that asks for codes and for a U2F key."""
    return raw(
        "create_session",
        session(
            "CreateSessionRequest",
            checks=session(
                "Checks",
                user=session("CheckUser", login_name=NAME),
                password=session("CheckPassword", password=PASSWORD),
            ),
            challenges=session(
                "RequestChallenges",
                web_auth_n=wish("DISCOURAGED"),
                otp_sms=session("OTPSMS", return_code=True),
                otp_email=session("OTPEmail", return_code={}),
            ),
        ),
    )


def factors(one):
    return login.sessions.get_session(session("GetSessionRequest", session_id=one)).session.factors


def change(one, **checks):
    request = session("SetSessionRequest", session_id=one, checks=session("Checks", **checks))
    login.sessions.set_session(request)


def main():
    person = add_person()
    secret = set_up_totp(person)
    admin.users.add_otpsms(user("AddOTPSMSRequest", user_id=person))
    admin.users.add_otp_email(user("AddOTPEmailRequest", user_id=person))
    codes = admin.users.generate_recovery_codes(
        user("GenerateRecoveryCodesRequest", user_id=person, count=3)
    ).recovery_codes
    passkey, token = set_up_passkey(person), set_up_u2f(person)
    intent = log_in_elsewhere(person)
    methods = admin.users.list_authentication_method_types(
        user("ListAuthenticationMethodTypesRequest", user_id=person)
    ).auth_method_types

    made = begin()
    one, asked = made["sessionId"], made["challenges"]
    change(one, web_auth_n=presented(token, made))
    with_token = factors(one).web_auth_n
    asks = session("RequestChallenges", web_auth_n=wish("REQUIRED"))
    more = raw("set_session", session("SetSessionRequest", session_id=one, challenges=asks))
    change(
        one,
        idp_intent=intent,
        web_auth_n=presented(passkey, more),
        # That of the registration is used up.
        totp=session("CheckTOTP", code=totp(secret, 1)),
        otp_sms=session("CheckOTP", code=asked["otpSms"]),
        otp_email=session("CheckOTP", code=asked["otpEmail"]),
        recovery_code=session("CheckRecoveryCode", code=codes[1]),
    )
    shown = factors(one)
    seen = {
        "methods": sorted(method.removeprefix("AUTHENTICATION_METHOD_TYPE_") for method in methods),
        "tokenVerifiedUser": bool(with_token.user_verified),
        "passkeyVerifiedUser": shown.web_auth_n.user_verified,
        "factors": {
            name: getattr(factor, "verified_at", None) is not None
            for name, factor in ((name, getattr(shown, name)) for name in type(shown).model_fields)
            if factor is not None
        },
    }
    print(json.dumps(seen))


main()
