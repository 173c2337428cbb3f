//! Issuers whose access tokens this server takes from callers.

use std::collections::BTreeMap;

use doorward_core::caller::Role;
use url::Url;

use super::error::Problem;
use super::idp::{CLAIM, ENDPOINT, ID, SOME_CLAIM, is_endpoint};
use super::many::path;
use super::rule::{Rule, section};
use super::shape::whole;
use super::{Config, Entries};

section! {
    /// Issuers whose access tokens are taken from callers, beside those that this server makes: one table each, with an
    /// id of its own.
    TrustedIssuer("trusted_issuer") {
        /// Id of the issuer. Its callers are known as this id, a colon and their subject: it must not change as long as
        /// there are sessions that they have made.
        id: String = String::new(), ID;
        /// The issuer, exactly as it stands in its tokens.
        issuer: String = String::new(), ISSUER;
        /// Whom its tokens must be for: one of these. Needed, and it should stand for this very server: a name that
        /// another server also goes by lets that one call here with what it was given.
        audience: Vec<String> = Vec::new(), AUDIENCE;
        /// Where its keys are (a JSON Web Key Set). Not set: where its discovery document says.
        jwks_url: Option<String> = None, ENDPOINT;
        /// Id of the organisation that its callers belong to. Not set: the first one.
        organisation: Option<String> = None, ORGANISATION;
        /// Claim that tells who calls.
        subject_claim: String = "sub".to_owned(), SOME_CLAIM;
        /// Claim that the roles follow from: a text, a list of texts or an object, whose keys count. Of scope and scp
        /// each word counts.
        roles_claim: Option<String> = None, CLAIM;
        /// What a value of that claim stands for. Values that are not named here stand for nothing.
        roles: BTreeMap<String, String> = BTreeMap::new(), ROLES;
        /// Roles that all its callers have.
        default_roles: Vec<String> = Vec::new(), DEFAULT_ROLES;
        /// How far the clocks of the issuer and of this server may be apart.
        clock_skew_s: u32 = 60, whole(0, 600, "seconds");
        /// The longest time from the making of a token to its end. One that holds longer is refused.
        max_lifetime_s: u32 = 86_400, whole(60, 31_536_000, "seconds");
        /// Time that the issuer has to tell its keys.
        timeout_ms: u32 = 5_000, whole(10, 600_000, "milliseconds");
    }
}

const ISSUER: Rule = Rule::Text { shape: "a text without blanks", fits: is_text };
const AUDIENCE: Rule =
    Rule::List { shape: "audiences such as \"https://doorward.example.com\"", fits: is_text };
const ORGANISATION: Rule = Rule::Optional { shape: "the id of an organisation", fits: is_text };
const ROLES: Rule = Rule::Map {
    shape: "values of the claim, each with a role, such as { \"admins\" = \"IAM_OWNER\" }",
    fits: |value, role| !value.is_empty() && is_role(role),
};
const DEFAULT_ROLES: Rule = Rule::List { shape: "roles such as \"IAM_LOGIN_CLIENT\"", fits: is_role };

fn is_text(text: &str) -> bool {
    !text.is_empty() && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

fn is_role(text: &str) -> bool {
    Role::named(text).is_some()
}

/// What the keys of an issuer say together, and what of them cannot be missing.
pub(super) fn verify(config: &Config, entries: &Entries) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, issuer) in config.trusted_issuer.iter().enumerate() {
        let mut demand = |holds: bool, key: &str, message: &str| {
            if !holds {
                let entry = [key, "id", "issuer"]
                    .iter()
                    .find_map(|key| entries.get(&path("trusted_issuer", place, key)));
                let origin = entry.map(|entry| entry.origin.clone());
                let text = format!("trusted_issuer.{key} of {}: {message}", issuer.id);
                problems.push(Problem::new(text, origin));
            }
        };
        let before = || config.trusted_issuer.iter().take(place);
        demand(before().all(|other| other.id != issuer.id), "id", "another [[trusted_issuer]] has this id");
        demand(!issuer.issuer.is_empty(), "issuer", "every [[trusted_issuer]] needs one");
        demand(
            before().all(|other| other.issuer != issuer.issuer),
            "issuer",
            "another [[trusted_issuer]] is the same one",
        );
        demand(
            issuer.issuer != config.public_url(),
            "issuer",
            "that is this server itself, whose own tokens need no trust",
        );
        let discovered = Url::parse(&issuer.issuer).is_ok_and(|url| is_endpoint(&url));
        demand(
            issuer.issuer.is_empty() || issuer.jwks_url.is_some() || discovered,
            "issuer",
            "without jwks_url it must be an https URL (http for this very machine), where its keys are found",
        );
        demand(!issuer.audience.is_empty(), "audience", "every [[trusted_issuer]] needs at least one");
        demand(
            issuer.roles.is_empty() || issuer.roles_claim.is_some(),
            "roles",
            "roles_claim is not set, so no value of it can stand for a role",
        );
        let (timeout, whole) = (issuer.timeout_ms, config.limits.request_timeout_ms);
        demand(timeout < whole, "timeout_ms", "allowed is less than limits.request_timeout_ms");
    }
    problems
}
