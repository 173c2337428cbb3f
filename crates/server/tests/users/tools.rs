//! What several of these tests need: requests that differ in one thing, and looks into the store.

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::Span;
use doorward_core::token::TokenKind;
use doorward_core::user::StoredPassword;
use doorward_store::access_token::{self, AccessToken};
use doorward_store::user::{self, Wanted};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::rig::{Rig, human};

/// Puts what `change` says into `base`; `null` takes a field away.
pub fn with(mut base: Value, change: Value) -> Value {
    match (&mut base, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                let present = fields.remove(&name).unwrap_or(Value::Null);
                if !change.is_null() {
                    fields.insert(name, with(present, change));
                }
            }
            base
        }
        (_, change) => change,
    }
}

/// The text of a field.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The request that makes the same person by CreateUser as `request` does by AddHumanUser.
pub fn as_create(rig: &Rig, mut request: Value) -> Value {
    let mut create = json!({ "organizationId": rig.app.instance.default_organisation });
    for name in ["userId", "username"] {
        if let Some(value) = request.as_object_mut().unwrap().remove(name) {
            create[name] = value;
        }
    }
    create["human"] = request;
    create
}

/// The default organisation.
pub fn home(rig: &Rig) -> String {
    rig.app.instance.default_organisation.clone()
}

/// A person; gives what AddHumanUser answers.
pub async fn add(rig: &Rig, email: &str, change: Value) -> Value {
    rig.ok("user.AddHumanUser", &rig.admin, with(human(email), change)).await
}

/// A person of another organisation; gives the id.
pub async fn add_in(rig: &Rig, organisation: &str, email: &str) -> String {
    let change = json!({ "organization": { "orgId": organisation } });
    text(&add(rig, email, change).await["userId"])
}

/// A machine user of another organisation; gives the id.
pub async fn add_machine_in(rig: &Rig, organisation: &str, name: &str) -> String {
    let request = json!({ "organizationId": organisation, "username": name, "machine": { "name": name } });
    text(&rig.ok("user.CreateUser", &rig.admin, request).await["id"])
}

/// The user as GetUserByID shows it.
pub async fn shown(rig: &Rig, id: &str) -> Value {
    rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": id })).await["user"].clone()
}

/// A call over Connect JSON with the header that names an organisation.
pub async fn for_organisation(rig: &Rig, method: &str, organisation: &str, request: &Value) -> Answer {
    let bearer = format!("Bearer {}", rig.admin);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
        ("x-zitadel-orgid", organisation),
    ];
    let path = format!("/zitadel.user.v2.UserService/{method}");
    rig.http.raw("POST", &path, &headers, request.to_string().into_bytes(), false).await
}

/// The stored password.
pub async fn stored_password(rig: &Rig, id: &str) -> StoredPassword {
    let mut reading = rig.app.db.reading().await.unwrap();
    let wanted = Wanted::Id(id.to_owned());
    let user = user::find(reading.conn().unwrap(), &wanted).await.unwrap().unwrap();
    user.human().unwrap().password.clone().unwrap()
}

/// The failed attempts that are stored.
pub async fn failed(rig: &Rig, id: &str, counted: Counted) -> u32 {
    let mut reading = rig.app.db.reading().await.unwrap();
    let Attempts { failed, .. } = user::attempts(reading.conn().unwrap(), id, counted).await.unwrap();
    failed
}

/// Whether a login with this password succeeds; gives the id of the error if not.
pub async fn log_in(rig: &Rig, login_name: &str, password: &str) -> Result<(), String> {
    let checks = json!({ "user": { "loginName": login_name }, "password": { "password": password } });
    let outcome = rig.call("session.CreateSession", &rig.login, json!({ "checks": checks })).await;
    outcome.map(drop).map_err(|refusal| refusal.id())
}

/// An access token that a machine user has for a key, or for its secret if none is named.
pub async fn access_token(rig: &Rig, user: &str, source: Option<&str>) -> String {
    let (now, id) = (rig.now(), rig.app.mint_id(rig.now()));
    let minted = rig.app.mint_token(TokenKind::Access, &id);
    let token = AccessToken {
        id,
        user_id: user.to_owned(),
        source: source.map(str::to_owned),
        scope: "openid".to_owned(),
        digest: minted.digest,
        created: now,
        expires: now.plus(Span::minutes(60)),
    };
    let added =
        rig.app.db.write(move |conn| Box::pin(async move { access_token::insert(conn, &token).await }));
    added.await.unwrap();
    minted.text.expose().to_owned()
}
