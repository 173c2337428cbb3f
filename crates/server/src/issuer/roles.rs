//! Which roles the callers of an issuer hold, and where.

use doorward_core::caller::{Membership, Role};
use serde_json::Value;

use crate::config::TrustedIssuer;
use crate::idp::claims::find;
use crate::idp::outbound::Object;

/// From claims to roles.
#[derive(Debug)]
pub(super) struct Roles {
    claim: Option<String>,
    /// Values of the claim, and what they stand for.
    named: Vec<(String, Role)>,
    always: Vec<Role>,
    organisation: String,
}

impl Roles {
    /// What the configuration says. It was verified: names that are no roles would stand for nothing.
    pub fn of(trusted: &TrustedIssuer, organisation: &str) -> Self {
        let named = trusted.roles.iter();
        Self {
            claim: trusted.roles_claim.clone(),
            named: named.filter_map(|(value, role)| Some((value.clone(), Role::named(role)?))).collect(),
            always: trusted.default_roles.iter().filter_map(|role| Role::named(role)).collect(),
            organisation: organisation.to_owned(),
        }
    }

    /// The roles that follow from claims: those of an organisation on that of the issuer's callers.
    pub fn memberships(&self, claims: &Object) -> Vec<Membership> {
        let values = self.claim.as_deref().map(|claim| values(claims, claim)).unwrap_or_default();
        let named = self.named.iter().filter(|(value, _)| values.contains(&value.as_str()));
        let mut held: Vec<Membership> = Vec::new();
        for role in named.map(|(_, role)| *role).chain(self.always.iter().copied()) {
            let organisation = (!role.is_for_instance()).then(|| self.organisation.clone());
            let membership = Membership { organisation, role };
            if !held.contains(&membership) {
                held.push(membership);
            }
        }
        held
    }
}

/// The values of a claim. Only of scopes are words values of their own: names of groups may have blanks.
fn values<'a>(claims: &'a Object, claim: &str) -> Vec<&'a str> {
    match find(claims, claim) {
        Some(Value::String(text)) if matches!(claim, "scope" | "scp") => text.split(' ').collect(),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::Object(object)) => object.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(claim: &str, claims: Value) -> Vec<(Option<String>, Role)> {
        let roles = [("admins", "IAM_OWNER"), ("team", "ORG_OWNER"), ("also admins", "IAM_OWNER")];
        let trusted = TrustedIssuer {
            roles_claim: Some(claim.to_owned()),
            roles: roles.map(|(value, role)| (value.to_owned(), role.to_owned())).into(),
            default_roles: vec!["ORG_OWNER_VIEWER".to_owned()],
            ..TrustedIssuer::default()
        };
        let Value::Object(claims) = claims else { panic!("no object") };
        let held = Roles::of(&trusted, "home").memberships(&claims);
        held.into_iter().map(|held| (held.organisation, held.role)).collect()
    }

    #[test]
    fn values_are_texts_lists_words_of_scopes_and_keys() {
        let home = || Some("home".to_owned());
        let viewer = || (home(), Role::OrgOwnerViewer);
        let owner = || vec![(None, Role::IamOwner), viewer()];
        for (claim, claims) in [
            ("groups", json!({ "groups": "admins" })),
            ("groups", json!({ "groups": ["x", "admins", 7, null] })),
            ("groups", json!({ "groups": ["admins", "also admins"] })),
            ("scope", json!({ "scope": "openid admins" })),
            ("/realm/roles", json!({ "realm": { "roles": ["admins"] } })),
            ("urn:roles", json!({ "urn:roles": { "admins": { "17": "a.example" } } })),
        ] {
            assert_eq!(held(claim, claims.clone()), owner(), "{claims}");
        }
        assert_eq!(held("groups", json!({ "groups": ["team"] })), [(home(), Role::OrgOwner), viewer()]);
        for claims in [
            json!({}),
            json!({ "groups": "not admins" }),
            json!({ "groups": "Admins" }),
            json!({ "groups": [["admins"]] }),
            json!({ "groups": true }),
            json!({ "scope": "admins" }),
        ] {
            assert_eq!(held("groups", claims.clone()), [viewer()], "{claims}");
        }
    }
}
