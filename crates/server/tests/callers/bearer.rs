//! Callers, and the tokens by which each kind of them shows who they are.

use doorward_core::base::Span;
use doorward_core::user::AccessTokenType;
use doorward_store::organisation::{self, Organisation};
use serde_json::json;

use crate::oauth::{Bot, add_secret, post_as, set_access_token, token};
use crate::rig::Rig;
use crate::stub::Stub;
use crate::trusted::{sign_with, token_with, trusting};

/// What kind of token a caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A personal access token.
    Personal,
    /// An access token that was given for a secret.
    Opaque,
    /// The same as a JWT.
    Signed,
    /// A JWT of a trusted issuer.
    Foreign,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Personal, Self::Opaque, Self::Signed, Self::Foreign];
}

/// The organisation of callers of the second issuer.
const ELSEWHERE: &str = "elsewhere";

/// A server, and whoever gives tokens for it.
pub struct Desk {
    pub rig: Rig,
    pub kind: Kind,
    pub home: String,
    /// Another organisation than that.
    pub away: String,
    /// The trusted issuer, and one whose callers belong to the other organisation.
    pub issuers: [Stub; 2],
}

impl Desk {
    pub async fn open(kind: Kind) -> Self {
        let issuers = [Stub::start().await, Stub::start().await];
        let [near, far] = &issuers;
        let more = format!("organisation = \"{ELSEWHERE}\"");
        let far = trusting(&far.issuer, &more).replace("\"company\"", "\"far\"");
        let rig = Rig::start_from(&[], &format!("{}{far}", trusting(&near.issuer, ""))).await;
        let home = rig.app.instance.default_organisation.clone();
        add_organisation(&rig, ELSEWHERE).await;
        let away = ELSEWHERE.to_owned();
        Self { rig, kind, home, away, issuers }
    }

    /// Somebody with that role, held where it is said: the id by which they are known here, and a token.
    pub async fn caller(&self, name: &str, role: Option<(Option<&str>, &str)>) -> (String, String) {
        if self.kind == Kind::Foreign {
            let away = role.is_some_and(|(place, _)| place == Some(ELSEWHERE));
            let issuer = &self.issuers[usize::from(away)];
            return (format!("company:{name}"), self.signed(issuer, name, role.map(|(_, role)| role)));
        }
        let roles: Vec<_> = role.into_iter().collect();
        let (id, personal) = self.rig.add_machine(name, &roles).await;
        let token = if self.kind == Kind::Personal { personal } else { self.access(&id, name).await };
        (id, token)
    }

    /// A token of somebody with the highest role, that is over in two seconds.
    pub async fn short_lived(&self, name: &str) -> String {
        match self.kind {
            Kind::Personal => {
                let (id, _) = self.rig.add_machine(name, &[(None, "IAM_OWNER")]).await;
                let now = self.rig.now().seconds_and_nanos().0;
                let request = json!({ "userId": id, "expirationDate": rfc3339(now + 2) });
                let made = self.rig.ok("user.AddPersonalAccessToken", &self.rig.admin, request).await;
                made["token"].as_str().unwrap().to_owned()
            }
            Kind::Opaque | Kind::Signed => {
                let (_, token) = self.caller(name, Some((None, "IAM_OWNER"))).await;
                // Access tokens live an hour.
                self.rig.clock.advance(Span::seconds(3598));
                token
            }
            Kind::Foreign => token_with(&self.rig, &self.issuers[0], |claims| {
                // The clocks may be a minute apart.
                let now = self.rig.now().seconds_and_nanos().0;
                claims.insert("exp".to_owned(), json!(now - 58));
                claims.insert("groups".to_owned(), json!(["group IAM_OWNER"]));
            }),
        }
    }

    /// A token of somebody with the highest role, that was taken back; or that nobody trusted has signed, where there is
    /// no such thing.
    pub async fn revoked(&self, name: &str) -> String {
        if self.kind == Kind::Foreign {
            let claims = crate::trusted::claims(&self.issuers[0], self.rig.now());
            return sign_with(&self.issuers[1].key, &claims, |_| {});
        }
        let (id, token) = self.caller(name, Some((None, "IAM_OWNER"))).await;
        let bot =
            Bot { secret: add_secret(&self.rig, &id).await, id, name: name.to_owned(), token: token.clone() };
        let token = if self.kind == Kind::Personal { token } else { self::token(&self.rig, &bot).await };
        let answer = post_as(&self.rig, &bot, crate::oauth::REVOKE, &[("token", token.as_str())]).await;
        assert_eq!(answer.status, 200);
        token
    }

    async fn access(&self, id: &str, name: &str) -> String {
        if self.kind == Kind::Signed {
            set_access_token(&self.rig, id, AccessTokenType::Jwt).await;
        }
        let secret = add_secret(&self.rig, id).await;
        let bot = Bot { id: id.to_owned(), name: name.to_owned(), secret, token: String::new() };
        token(&self.rig, &bot).await
    }

    fn signed(&self, issuer: &Stub, name: &str, role: Option<&str>) -> String {
        token_with(&self.rig, issuer, |claims| {
            let groups: Vec<_> = role.iter().map(|role| format!("group {role}")).collect();
            claims.insert("sub".to_owned(), json!(name));
            claims.insert("groups".to_owned(), json!(groups));
        })
    }
}

/// An organisation with an id that the configuration of an issuer can name before it is there.
async fn add_organisation(rig: &Rig, id: &str) {
    let (id, created) = (id.to_owned(), rig.now());
    let made = Organisation { name: id.clone(), id, created };
    let added =
        rig.app.db.write(move |conn| Box::pin(async move { organisation::insert(conn, &made).await }));
    assert!(added.await.unwrap());
}

/// A time of the day on which the clock of these tests begins.
fn rfc3339(seconds: i64) -> String {
    let of_day = seconds - 1_763_596_800;
    format!("2025-11-20T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}
