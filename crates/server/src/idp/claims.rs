//! What a provider tells about a person, in our words.

use doorward_core::intent::Account;
use serde_json::Value;

use super::outbound::Object;
use crate::config::{Idp, IdpKind};

/// The longest id of an account: that of a link.
const MOST_ID: usize = 200;

/// Which claim means what.
#[derive(Debug, Clone)]
pub struct Mapping {
    id: String,
    username: String,
    email: String,
    email_verified: String,
    given_name: String,
    family_name: String,
    display_name: String,
    language: String,
}

/// A person, as far as a provider tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The mail address.
    pub email: Option<String>,
    /// Whether the provider has verified it.
    pub email_verified: bool,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// A language tag.
    pub language: Option<String>,
}

impl Mapping {
    /// The mapping of the configuration.
    #[must_use]
    pub fn of(idp: &Idp) -> Self {
        let id = match idp.kind {
            IdpKind::Oidc => "sub",
            IdpKind::Oauth2 => "id",
        };
        Self {
            id: idp.id_claim.clone().unwrap_or_else(|| id.to_owned()),
            username: idp.username_claim.clone(),
            email: idp.email_claim.clone(),
            email_verified: idp.email_verified_claim.clone(),
            given_name: idp.given_name_claim.clone(),
            family_name: idp.family_name_claim.clone(),
            display_name: idp.display_name_claim.clone(),
            language: idp.language_claim.clone(),
        }
    }

    /// The account that claims are about. Nothing if they have no id that could be one.
    #[must_use]
    pub fn account(&self, claims: &Object) -> Option<Account> {
        let id = text(claims, &self.id).filter(|id| id.chars().count() <= MOST_ID && !id.contains('\0'))?;
        let name = text(claims, &self.username).or_else(|| text(claims, &self.email));
        let name = name.filter(|name| !name.contains('\0')).unwrap_or_else(|| id.clone());
        Some(Account { id, name: name.chars().take(MOST_ID).collect() })
    }

    /// The person that claims are about.
    #[must_use]
    pub fn person(&self, claims: &Object) -> Person {
        Person {
            email: text(claims, &self.email),
            email_verified: match find(claims, &self.email_verified) {
                Some(Value::Bool(verified)) => *verified,
                // Some providers write it as a text.
                Some(Value::String(text)) => text == "true",
                _ => false,
            },
            given_name: text(claims, &self.given_name),
            family_name: text(claims, &self.family_name),
            display_name: text(claims, &self.display_name),
            language: text(claims, &self.language),
        }
    }
}

/// The claim of that name, or at the end of that path.
pub(crate) fn find<'a>(claims: &'a Object, name: &str) -> Option<&'a Value> {
    let Some(path) = name.strip_prefix('/') else { return claims.get(name) };
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let first = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    if rest.is_empty() { Some(first) } else { first.pointer(&format!("/{rest}")) }
}

/// A claim as text; whole numbers, as some providers have for ids, count as text.
pub(crate) fn text(claims: &Object, name: &str) -> Option<String> {
    match find(claims, name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(change: impl FnOnce(&mut Idp)) -> Mapping {
        let mut idp = Idp::default();
        change(&mut idp);
        Mapping::of(&idp)
    }

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("no object") };
        object
    }

    #[test]
    fn an_account_has_an_id_and_a_name_for_people() {
        let oidc = mapping(|_| {});
        for (claims, expected) in [
            (
                json!({ "sub": "1", "preferred_username": "mini", "email": "m@x.example" }),
                Some(("1", "mini")),
            ),
            (json!({ "sub": "1", "email": "m@x.example" }), Some(("1", "m@x.example"))),
            (json!({ "sub": "1" }), Some(("1", "1"))),
            (json!({ "sub": 7 }), Some(("7", "7"))),
            (json!({ "sub": "  " }), None),
            (json!({ "sub": 1.5 }), None),
            (json!({ "sub": "x".repeat(201) }), None),
            (json!({ "sub": { "a": 1 }, "id": 3 }), None),
            (json!({}), None),
        ] {
            let account = oidc.account(&object(claims.clone()));
            let got = account.as_ref().map(|account| (account.id.as_str(), account.name.as_str()));
            assert_eq!(got, expected, "{claims}");
        }
        let hub = mapping(|idp| {
            idp.kind = IdpKind::Oauth2;
            idp.username_claim = "login".to_owned();
        });
        let account = hub.account(&object(json!({ "id": 583_231, "login": "octocat" }))).unwrap();
        assert_eq!((account.id.as_str(), account.name.as_str()), ("583231", "octocat"));
    }

    #[test]
    fn a_path_leads_into_nested_claims() {
        let nested = mapping(|idp| {
            idp.id_claim = Some("/data/0/id".to_owned());
            idp.email_claim = "/https:~1~1x.example~1mail".to_owned();
            idp.email_verified_claim = "/data/0/ok".to_owned();
        });
        let claims =
            object(json!({ "data": [{ "id": "9", "ok": "true" }], "https://x.example/mail": "m@x.example" }));
        assert_eq!(nested.account(&claims).unwrap().id, "9");
        let person = nested.person(&claims);
        assert_eq!((person.email.as_deref(), person.email_verified), (Some("m@x.example"), true));
    }

    #[test]
    fn an_address_is_verified_only_if_the_provider_says_so() {
        let oidc = mapping(|_| {});
        for (value, verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!(1), false),
            (json!("yes"), false),
            (Value::Null, false),
        ] {
            let person = oidc.person(&object(json!({ "email": "m@x.example", "email_verified": value })));
            assert_eq!(person.email_verified, verified, "{value}");
        }
        assert_eq!(oidc.person(&Object::new()), Person::default());
    }
}
