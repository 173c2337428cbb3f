//! The denial table of the methods by which users get to their factors and lose them.

use serde_json::{Value, json};

use crate::table::{Entry, Fresh, Own, Rule, Target, entry};

const READER: Rule = Rule::Organisation("user.read");
const WRITER: Rule = Rule::Organisation("user.write");
const CREDENTIALS: Rule = Rule::Organisation("user.credential.write");

fn user(fresh: &Fresh) -> Value {
    json!({ "userId": fresh.user })
}

fn returned(fresh: &Fresh) -> Value {
    json!({ "userId": fresh.user, "returnCode": {} })
}

/// The methods of factors.
pub fn factors() -> Vec<Entry> {
    [one_time_codes(), keys(), providers(), letters(), overview()].into_iter().flatten().collect()
}

/// Time-based codes, codes by SMS and mail, recovery codes.
fn one_time_codes() -> Vec<Entry> {
    use Own::Allowed;
    use Target::{After, Reached};
    vec![
        entry("RegisterTOTP", Reached, (CREDENTIALS, Allowed), user),
        entry(
            "VerifyTOTPRegistration",
            After("RegisterTOTP"),
            (CREDENTIALS, Allowed),
            |one| json!({ "userId": one.user, "code": "no code" }),
        )
        .ends("EVENT-8isk2"),
        entry("RemoveTOTP", After("RegisterTOTP"), (WRITER, Allowed), user),
        entry("AddOTPSMS", Reached, (CREDENTIALS, Allowed), user),
        entry("RemoveOTPSMS", After("AddOTPSMS"), (WRITER, Allowed), user),
        entry("AddOTPEmail", Reached, (CREDENTIALS, Allowed), user),
        entry("RemoveOTPEmail", After("AddOTPEmail"), (WRITER, Allowed), user),
        entry("GenerateRecoveryCodes", Reached, (CREDENTIALS, Allowed), user),
        entry("RemoveRecoveryCodes", After("GenerateRecoveryCodes"), (WRITER, Allowed), user),
    ]
}

/// Passkeys and security keys.
fn keys() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::{Anyone, Method};
    use Target::{After, HasKey, Reached};
    let on_domain = |one: &Fresh| json!({ "userId": one.user, "domain": "mouse.com" });
    vec![
        entry("RegisterPasskey", Reached, (CREDENTIALS, Allowed), on_domain),
        entry("RegisterPasskey", Reached, (Anyone, Allowed), |one| {
            let code = json!({ "id": "unknown", "code": "wrong" });
            json!({ "userId": one.user, "domain": "mouse.com", "code": code })
        })
        .ends("COMMAND-Eeb2a"),
        entry("VerifyPasskeyRegistration", After("RegisterPasskey"), (CREDENTIALS, Allowed), |one| {
            let id = &one.answer["passkeyId"];
            json!({ "userId": one.user, "passkeyId": id, "publicKeyCredential": {}, "passkeyName": "key" })
        })
        .ends("WEBAU-sEr8c"),
        entry("CreatePasskeyRegistrationLink", Reached, (Method("user.passkey.write"), Ruled), returned),
        entry("ListPasskeys", HasKey, (READER, Allowed), user),
        // That there is none, anybody may learn.
        entry("ListPasskeys", Reached, (Anyone, Allowed), user),
        entry(
            "RemovePasskey",
            After("RegisterPasskey"),
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "passkeyId": one.answer["passkeyId"] }),
        ),
        entry(
            "RemovePasskey",
            HasKey,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "passkeyId": one.answer["passkeyId"] }),
        ),
        entry("RegisterU2F", Reached, (CREDENTIALS, Allowed), on_domain),
        entry("VerifyU2FRegistration", After("RegisterU2F"), (CREDENTIALS, Allowed), |one| {
            let id = &one.answer["u2fId"];
            json!({ "userId": one.user, "u2fId": id, "publicKeyCredential": {}, "tokenName": "key" })
        })
        .ends("WEBAU-sEr8c"),
        entry(
            "RemoveU2F",
            After("RegisterU2F"),
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "u2fId": one.answer["u2fId"] }),
        ),
    ]
}

/// Logins at identity providers, of which none is configured.
fn providers() -> Vec<Entry> {
    use Own::Allowed;
    use Rule::Anyone;
    use Target::{Nothing, Reached};
    vec![
        entry("StartIdentityProviderIntent", Nothing, (Anyone, Allowed), |_| json!({ "idpId": "idp" }))
            .ends("USERv2-S2g21"),
        entry(
            "RetrieveIdentityProviderIntent",
            Nothing,
            (Anyone, Allowed),
            |_| json!({ "idpIntentId": "intent", "idpIntentToken": "no token" }),
        )
        .ends("CRYPTO-Swg31"),
        entry("AddIDPLink", Reached, (WRITER, Allowed), |one| {
            let link = json!({ "idpId": "idp", "userId": "account", "userName": "mini" });
            json!({ "userId": one.user, "idpLink": link })
        })
        .ends("COMMAND-39nf2"),
        entry("ListIDPLinks", Reached, (READER, Allowed), user),
        entry(
            "RemoveIDPLink",
            Reached,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "idpId": "idp", "linkedUserId": "account" }),
        )
        .ends("COMMAND-1M9xR"),
    ]
}

/// Codes that are issued anew, and invitations.
fn letters() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::Anyone;
    use Target::Human;
    vec![
        entry("ResendEmailCode", Human, (WRITER, Allowed), returned),
        entry("SendEmailCode", Human, (WRITER, Allowed), returned),
        entry("ResendPhoneCode", Human, (WRITER, Allowed), returned),
        entry("CreateInviteCode", Human, (WRITER, Ruled), returned),
        entry("ResendInviteCode", Human, (WRITER, Ruled), user).ends("DOORWARD-1nv1n"),
        entry(
            "VerifyInviteCode",
            Human,
            (Anyone, Allowed),
            |one| json!({ "userId": one.user, "verificationCode": "WRONG1" }),
        )
        .ends("DOORWARD-1nv1c"),
    ]
}

/// What is set up, and what was skipped.
fn overview() -> Vec<Entry> {
    use Own::Allowed;
    use Target::Reached;
    vec![
        entry("ListAuthenticationMethodTypes", Reached, (READER, Allowed), user),
        entry("ListAuthenticationFactors", Reached, (READER, Allowed), user),
        entry("HumanMFAInitSkipped", Reached, (WRITER, Allowed), user),
    ]
}
