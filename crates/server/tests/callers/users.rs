//! The denial table of the methods of users.

use serde_json::{Value, json};

use crate::table::{Entry, Fresh, Own, Rule, Target, entry};

fn user(fresh: &Fresh) -> Value {
    json!({ "userId": fresh.user })
}

fn human(fresh: &Fresh) -> Value {
    json!({
        "profile": { "givenName": "New", "familyName": "One" },
        "email": { "email": format!("new{}@mouse.com", fresh.number), "isVerified": true },
    })
}

/// The methods of users.
pub fn users() -> Vec<Entry> {
    [making(), changing(), contacts(), states(), belongings(), machines()].into_iter().flatten().collect()
}

const WRITER: Rule = Rule::Organisation("user.write");

/// Making users and reading them.
fn making() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::{Anyone, Here, Method, Organisation};
    use Target::{Human, Machine, Nothing};
    vec![
        entry(
            "CreateUser",
            Nothing,
            (WRITER, Ruled),
            |one| json!({ "organizationId": one.home, "human": human(one) }),
        ),
        entry(
            "CreateUser",
            Nothing,
            (WRITER, Ruled),
            |one| json!({ "organizationId": one.home, "machine": { "name": format!("new{}", one.number) } }),
        ),
        entry("AddHumanUser", Nothing, (Here("user.write"), Ruled), human),
        entry("AddHumanUser", Nothing, (Method("user.write"), Ruled), |one| {
            let mut request = human(one);
            request["organization"] = json!({ "orgId": one.home });
            request
        }),
        entry("GetUserByID", Human, (Organisation("user.read"), Allowed), user),
        entry("GetUserByID", Machine, (Organisation("user.read"), Allowed), user),
        entry("ListUsers", Nothing, (Anyone, Allowed), |_| json!({})),
    ]
}

/// Changing what a user is, and the password.
fn changing() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::Anyone;
    use Target::{Human, HumanWithPassword};
    vec![
        entry(
            "UpdateUser",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "human": { "profile": { "givenName": "Other" } } }),
        ),
        entry(
            "UpdateUser",
            Human,
            (WRITER, Ruled),
            |one| json!({ "userId": one.user, "human": { "email": { "email": "o@o.oo", "isVerified": true } } }),
        ),
        entry(
            "UpdateUser",
            Human,
            (WRITER, Ruled),
            |one| json!({ "userId": one.user, "human": { "password": { "password": { "password": "An0ther!pass" } } } }),
        ),
        entry(
            "UpdateHumanUser",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "profile": { "givenName": "Other", "familyName": "Name" } }),
        ),
        entry(
            "SetPassword",
            Human,
            (WRITER, Ruled),
            |one| json!({ "userId": one.user, "newPassword": { "password": "An0ther!pass" } }),
        ),
        entry("SetPassword", HumanWithPassword, (Anyone, Allowed), |one| {
            let password = json!({ "password": "An0ther!pass" });
            json!({ "userId": one.user, "newPassword": password, "currentPassword": crate::rig::PASSWORD })
        }),
        entry("SetPassword", Human, (Anyone, Allowed), |one| {
            let password = json!({ "password": "An0ther!pass" });
            json!({ "userId": one.user, "newPassword": password, "verificationCode": one.reset_code })
        }),
    ]
}

/// Mail address, phone and the code for a new password.
fn contacts() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::Anyone;
    use Target::Human;
    vec![
        entry(
            "PasswordReset",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "returnCode": {} }),
        ),
        entry(
            "SetEmail",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "email": "other@mouse.com", "returnCode": {} }),
        ),
        entry(
            "SetEmail",
            Human,
            (WRITER, Ruled),
            |one| json!({ "userId": one.user, "email": "other@mouse.com", "isVerified": true }),
        ),
        entry(
            "VerifyEmail",
            Human,
            (Anyone, Allowed),
            |one| json!({ "userId": one.user, "verificationCode": one.email_code }),
        ),
        entry(
            "SetPhone",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "phone": "+41791234568", "returnCode": {} }),
        ),
        entry(
            "SetPhone",
            Human,
            (WRITER, Ruled),
            |one| json!({ "userId": one.user, "phone": "+41791234568", "isVerified": true }),
        ),
        entry(
            "VerifyPhone",
            Human,
            (Anyone, Allowed),
            |one| json!({ "userId": one.user, "verificationCode": one.phone_code }),
        ),
        entry("RemovePhone", Human, (WRITER, Allowed), user),
    ]
}

/// The states of a user.
fn states() -> Vec<Entry> {
    use Own::{Refused, Ruled};
    use Rule::Organisation;
    use Target::{Human, InactiveHuman, LockedHuman, Machine};
    vec![
        entry("LockUser", Human, (WRITER, Ruled), user),
        entry("LockUser", Machine, (WRITER, Ruled), user),
        entry("UnlockUser", LockedHuman, (WRITER, Refused("DOORWARD-L0ck1")), user),
        entry("DeactivateUser", Human, (WRITER, Ruled), user),
        entry("ReactivateUser", InactiveHuman, (WRITER, Refused("QUERY-SFeaa")), user),
        entry("DeleteUser", Human, (Organisation("user.delete"), Ruled), user),
        entry("DeleteUser", Machine, (Organisation("user.delete"), Ruled), user),
    ]
}

/// Metadata.
fn belongings() -> Vec<Entry> {
    use Own::Allowed;
    use Rule::Method;
    use Target::Human;
    vec![
        entry(
            "SetUserMetadata",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "metadata": [{ "key": "other", "value": "eA==" }] }),
        ),
        entry("ListUserMetadata", Human, (Method("user.read"), Allowed), user),
        entry(
            "DeleteUserMetadata",
            Human,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "keys": ["key"] }),
        ),
    ]
}

/// The public key of P-256 whose private half is 1.
const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60\
                          p8D54WK84zV2sxXs7LtkBoN79R9Q==";

/// What machine users log in with: tokens, secrets and keys.
fn machines() -> Vec<Entry> {
    use Own::Allowed;
    use Rule::Anyone;
    use Target::{Human, Machine, Nothing};
    vec![
        entry(
            "AddPersonalAccessToken",
            Machine,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "expirationDate": "2099-01-01T00:00:00Z" }),
        ),
        entry("ListPersonalAccessTokens", Nothing, (Anyone, Allowed), |_| json!({})),
        entry(
            "RemovePersonalAccessToken",
            Machine,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "tokenId": one.token_id }),
        ),
        entry("AddSecret", Machine, (WRITER, Allowed), user),
        entry("AddSecret", Human, (WRITER, Allowed), user).ends("DOORWARD-M4ch1"),
        entry("RemoveSecret", Machine, (WRITER, Allowed), user).ends("DOORWARD-S3cr0"),
        entry("AddKey", Machine, (WRITER, Allowed), |one| {
            let expires = "2099-01-01T00:00:00Z";
            json!({ "userId": one.user, "expirationDate": expires, "publicKey": PUBLIC_KEY })
        }),
        // A key is made for those alone who may have it.
        entry(
            "AddKey",
            Machine,
            (WRITER, Allowed),
            |one| json!({ "userId": one.user, "expirationDate": "2099-01-01T00:00:00Z" }),
        ),
        entry("RemoveKey", Machine, (WRITER, Allowed), |one| json!({ "userId": one.user, "keyId": "1" }))
            .ends("DOORWARD-K3yn0"),
        entry("ListKeys", Nothing, (Anyone, Allowed), |_| json!({})),
    ]
}
