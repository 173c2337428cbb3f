//! The callers of the denial table, and fresh objects for each of its calls.

use doorward::app::session_check::{Request, UserCheck};
use doorward::app::{Call, session};
use doorward_core::base::Span;
use doorward_core::caller::{Caller, Membership, Role};
use doorward_core::session::UserAgent;
use doorward_store::user::Wanted;
use serde_json::{Value, json};

use crate::bearer::{Desk, Kind};
use crate::rig::{Rig, human};
use crate::roles::{ROLES, carries, is_for_instance};
use crate::table::{Fresh, Own, Rule, Target};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Not let in at all, with this refusal.
    Outside(&'static str),
    /// Let in, with these roles: the organisation each is held on, if it is one.
    Roles(Vec<(Option<String>, &'static str)>),
    /// The creator of the session, without any role.
    Creator,
    /// The user concerned, without any role.
    Own,
}

/// A caller: a name for messages, the token if any, who it is and where it belongs.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub name: String,
    pub token: Option<String>,
    pub who: Who,
    pub organisation: String,
}

const FOREIGNER: &str = "the owner of another organisation";

pub struct World {
    pub rig: Rig,
    pub home: String,
    pub callers: Vec<Candidate>,
    creator: String,
    count: usize,
}

impl World {
    /// Everybody, with tokens of a kind.
    pub async fn build(kind: Kind) -> Self {
        let desk = Desk::open(kind).await;
        let mut callers = Vec::new();
        let mut add = |name: &str, token: Option<&str>, who: Who| {
            let organisation = desk.home.clone();
            callers.push(Candidate {
                name: name.to_owned(),
                token: token.map(str::to_owned),
                who,
                organisation,
            });
        };
        add("no token", None, Who::Outside("auth header missing"));
        add("an empty token", Some(""), Who::Outside("AUTH-toLo1"));
        add("garbage", Some("garbage"), Who::Outside("AUTH-7fs1e"));
        add("an expired token", Some(&desk.short_lived("expired").await), Who::Outside("AUTH-7fs1e"));
        desk.rig.clock.advance(Span::seconds(2));
        add("a revoked token", Some(&desk.revoked("revoked").await), Who::Outside("AUTH-7fs1e"));
        add("no role", Some(&desk.caller("nobody", None).await.1), Who::Roles(Vec::new()));
        for (role, _) in ROLES {
            let place = (!is_for_instance(role)).then(|| desk.home.clone());
            let (_, token) = desk.caller(role, Some((place.as_deref(), role))).await;
            add(role, Some(&token), Who::Roles(vec![(place, role)]));
        }
        let (_, token) = desk.caller("foreigner", Some((Some(&desk.away), "ORG_OWNER"))).await;
        let held = vec![(Some(desk.away.clone()), "ORG_OWNER")];
        add(FOREIGNER, Some(&token), Who::Roles(held));
        let (creator, token) = desk.caller("creator", None).await;
        add("the creator", Some(&token), Who::Creator);
        add("the user concerned", None, Who::Own);
        if kind == Kind::Foreign {
            // Callers of an issuer belong where it gives them their roles.
            let one = callers.iter_mut().find(|caller| caller.name == FOREIGNER).unwrap();
            one.organisation.clone_from(&desk.away);
        }
        Self { callers, ..Self::of(desk, creator) }
    }

    /// Without callers of its own.
    pub fn of(desk: Desk, creator: String) -> Self {
        Self { home: desk.home, rig: desk.rig, callers: Vec::new(), creator, count: 0 }
    }

    /// What the documentation says of a call: allowed, or the id of the refusal.
    pub fn expected(
        &self,
        caller: &Candidate,
        (rule, own): (Rule, Own),
        creator: bool,
    ) -> Result<(), &'static str> {
        let nobody = Vec::new();
        let roles = match (&caller.who, own) {
            (Who::Outside(refusal), _) => return Err(*refusal),
            (Who::Own, Own::Refused(refusal)) => return Err(refusal),
            (Who::Own, Own::Allowed) => return Ok(()),
            (Who::Creator, _) if creator => return Ok(()),
            (Who::Roles(roles), _) => roles,
            (Who::Creator | Who::Own, _) => &nobody,
        };
        let (permission, place, refusal) = match rule {
            Rule::Anyone => return Ok(()),
            Rule::Instance(permission) => (permission, None, "AUTH-AWfge"),
            Rule::Organisation(permission) => (permission, Some(&self.home), "AUTH-AWfge"),
            Rule::Here(permission) => (permission, Some(&caller.organisation), "AUTH-5mWD2"),
            Rule::Method(permission) => (permission, Some(&self.home), "AUTH-5mWD2"),
        };
        let held: Vec<_> = roles.iter().filter(|(on, _)| on.is_none() || on.as_ref() == place).collect();
        match held.iter().any(|(_, role)| carries(role, permission)) {
            true => Ok(()),
            false if held.is_empty() => Err("AUTHZ-cdgFk"),
            false => Err(refusal),
        }
    }

    /// Fresh objects; with a token for the user concerned if that one calls.
    pub async fn fresh(&mut self, target: Target, own: bool) -> Fresh {
        self.count += 1;
        let number = self.count;
        let mut fresh = Fresh { number, home: self.home.clone(), ..Fresh::default() };
        if target == Target::Machine {
            let (id, token) = self.rig.add_machine(&format!("robot{number}"), &[]).await;
            let filter = json!({ "filters": [{ "userIdFilter": { "id": id } }] });
            let found = self.rig.ok("user.ListPersonalAccessTokens", &self.rig.admin, filter).await;
            let token_id = text(&found["result"][0]["id"]);
            return Fresh { user: id, own: token, token_id, ..fresh };
        }
        let name = format!("user{number}@mouse.com");
        let with_password = own || target == Target::HumanWithPassword;
        if with_password || !matches!(target, Target::Nothing | Target::SessionWithoutUser) {
            let mut request = human(&name);
            if !with_password {
                // Hashing is dear, and most calls need none.
                request["password"] = Value::Null;
            }
            fresh.user = text(&self.rig.ok("user.AddHumanUser", &self.rig.admin, request).await["userId"]);
        }
        if own {
            fresh.own = self.rig.log_in(&name).await.1;
        }
        match target {
            Target::Session => self.add_session(&mut fresh, true).await,
            Target::SessionWithoutUser => self.add_session(&mut fresh, false).await,
            Target::Human => self.furnish(&mut fresh).await,
            Target::Reached => self.reach(&fresh).await,
            Target::After(method) => {
                self.reach(&fresh).await;
                // What a method does not know it ignores.
                let request = json!({ "domain": "mouse.com", "returnCode": {} });
                fresh.answer = self.ask(&format!("user.{method}"), &fresh, request).await;
            }
            Target::HasKey => self.add_key(&mut fresh).await,
            Target::LockedHuman => self.on_user("user.LockUser", &fresh, json!({})).await,
            Target::InactiveHuman => self.on_user("user.DeactivateUser", &fresh, json!({})).await,
            Target::Nothing | Target::Machine | Target::HumanWithPassword => {}
        }
        fresh
    }

    async fn on_user(&self, method: &str, fresh: &Fresh, request: Value) {
        drop(self.ask(method, fresh, request).await);
    }

    async fn ask(&self, method: &str, fresh: &Fresh, mut request: Value) -> Value {
        request["userId"] = json!(fresh.user);
        self.rig.ok(method, &self.rig.admin, request).await
    }

    /// A phone that is verified, as the mail address is from the start.
    async fn reach(&self, fresh: &Fresh) {
        self.on_user("user.SetPhone", fresh, json!({ "phone": "+41791234567", "isVerified": true })).await;
    }

    /// A passkey, of which nothing but the row is there: making a real one takes a browser.
    async fn add_key(&self, fresh: &mut Fresh) {
        let (id, user) = (format!("key{}", fresh.number), fresh.user.clone());
        fresh.answer = json!({ "passkeyId": id });
        let sql = "INSERT INTO passkeys (id, user_id, second_factor, ready, rp_id, name, credential_id, credential, \
                   sign_count, created, changed) VALUES ($1, $2, FALSE, TRUE, 'mouse.com', 'key', $3, '', 0, 0, 0)";
        let added = self.rig.app.db.write(move |conn| {
            Box::pin(
                async move { conn.run(sql, &[(&id).into(), (&user).into(), id.as_bytes().into()]).await },
            )
        });
        added.await.unwrap();
    }

    /// A phone, metadata, and a code for everything that takes one.
    async fn furnish(&self, fresh: &mut Fresh) {
        let code = json!({ "returnCode": {} });
        let email = json!({ "email": format!("mail{}@mouse.com", fresh.number), "returnCode": {} });
        let phone = json!({ "phone": "+41791234567", "returnCode": {} });
        fresh.email_code = text(&self.ask("user.SetEmail", fresh, email).await["verificationCode"]);
        fresh.phone_code = text(&self.ask("user.SetPhone", fresh, phone).await["verificationCode"]);
        fresh.reset_code = text(&self.ask("user.PasswordReset", fresh, code).await["verificationCode"]);
        let metadata = json!({ "metadata": [{ "key": "key", "value": "eA==" }] });
        self.on_user("user.SetUserMetadata", fresh, metadata).await;
    }

    /// A session whose creator has no role any more, as if the role had been taken away.
    async fn add_session(&self, fresh: &mut Fresh, with_user: bool) {
        let app = self.rig.app.clone();
        let caller = Caller {
            user_id: self.creator.clone(),
            organisation: self.home.clone(),
            memberships: vec![Membership { organisation: None, role: Role::IamOwner }],
            agent: None,
        };
        let user = with_user.then(|| UserCheck::Wanted(Wanted::Id(fresh.user.clone())));
        let now = app.env.clock.now();
        let request = Request { user, ..Request::default() };
        let made = session::create(&Call { app, caller, now, host: None }, request, UserAgent::default())
            .await
            .unwrap();
        fresh.session = made.session.id;
        fresh.session_token = made.token.unwrap().expose().to_owned();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
