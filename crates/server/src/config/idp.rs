//! Identity providers, and how long logins there last.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::error::Problem;
use super::many::{env_name_of, path};
use super::rule::{Rule, section};
use super::secret::SecretText;
use super::shape::whole;
use super::{Config, Entries};

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdpKind {
    Oidc,
    Oauth2,
}

/// How a client shows its secret to the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    Auto,
    Basic,
    Post,
}

/// How a provider answers through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    Query,
    FormPost,
}

section! {
    /// Identity providers: one table each, with an id of its own. Every provider has to know the address of this
    /// server to which it sends people back: `public_url` with `/idps/callback` behind it.
    Idp("idp") {
        /// Id of the provider, in requests and in links: it must not change as long as users are linked.
        id: String = String::new(), ID;
        /// Name for people. Not set: the id.
        name: Option<String> = None, NAME;
        /// OpenID Connect with discovery, or plain OAuth 2.0 with an endpoint that tells who somebody is.
        kind: IdpKind = IdpKind::Oidc, Rule::OneOf(&["oidc", "oauth2"]);
        /// Issuer of an OpenID Provider, exactly as it stands in its tokens.
        issuer: Option<String> = None, ENDPOINT;
        /// Id of this server at the provider.
        client_id: String = String::new(), CLIENT_ID;
        /// Secret of this server at the provider. Not set: a public client, which has PKCE alone.
        client_secret: Option<SecretText> = None, Rule::Secret { shape: "a text", fits: |text| !text.is_empty() };
        /// How the secret is shown: in a header (basic), in the form (post), or as the provider announces.
        client_auth: ClientAuth = ClientAuth::Auto, Rule::OneOf(&["auto", "basic", "post"]);
        /// What is asked for. Empty: openid, profile and email of an OpenID Provider, nothing of another one.
        scopes: Vec<String> = Vec::new(), SCOPES;
        /// How the provider answers: in the query of a redirect, or by a form that the browser posts.
        response_mode: ResponseMode = ResponseMode::Query, Rule::OneOf(&["query", "form_post"]);
        /// Where people log in, for oauth2.
        authorization_url: Option<String> = None, ENDPOINT;
        /// Where a code is turned into a token, for oauth2.
        token_url: Option<String> = None, ENDPOINT;
        /// Where a token tells whose it is, for oauth2.
        user_url: Option<String> = None, ENDPOINT;
        /// Claim with the id of an account, which must never change. Not set: sub for oidc, id for oauth2.
        id_claim: Option<String> = None, CLAIM;
        /// Claim with the name of an account.
        username_claim: String = "preferred_username".to_owned(), SOME_CLAIM;
        /// Claim with the mail address.
        email_claim: String = "email".to_owned(), SOME_CLAIM;
        /// Claim that says whether the mail address is verified.
        email_verified_claim: String = "email_verified".to_owned(), SOME_CLAIM;
        /// Claim with the given name.
        given_name_claim: String = "given_name".to_owned(), SOME_CLAIM;
        /// Claim with the family name.
        family_name_claim: String = "family_name".to_owned(), SOME_CLAIM;
        /// Claim with the name that is shown.
        display_name_claim: String = "name".to_owned(), SOME_CLAIM;
        /// Claim with the language.
        language_claim: String = "locale".to_owned(), SOME_CLAIM;
        /// Where success and failure URLs of a login may begin. Empty: any https URL, and http://localhost.
        allowed_redirects: Vec<String> = Vec::new(), REDIRECTS;
        /// Links an account at its first login to the one user who has the same mail address, if both the provider and
        /// this server have verified it. Only for providers that verify addresses themselves.
        auto_link: bool = false, Rule::Switch;
    }
}

section! {
    /// Logins at identity providers.
    Intents("intents") {
        /// Time that somebody has to come back from the provider.
        answer_minutes: u32 = 10, whole(1, 60, "minutes");
        /// How long a login can be used for a session, unless the provider says how long its token holds.
        lifetime_minutes: u32 = 60, whole(1, 1_440, "minutes");
        /// Time that a provider has for all its answers to one login.
        provider_timeout_ms: u32 = 10_000, whole(10, 600_000, "milliseconds");
    }
}

pub(super) const ID: Rule = Rule::Text {
    shape: "1 to 100 lower-case letters, digits, - and _",
    fits: |text| {
        (1..=100).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    },
};
const NAME: Rule = Rule::Optional { shape: "a text", fits: |text| !text.trim().is_empty() };
const CLIENT_ID: Rule = Rule::Text { shape: "a text", fits: |text| !text.trim().is_empty() };
pub(super) const ENDPOINT: Rule = Rule::Optional {
    shape: "an https URL (http for this very machine) without fragment",
    fits: |text| Url::parse(text).is_ok_and(|url| is_endpoint(&url)),
};
const SCOPES: Rule = Rule::List { shape: "scopes such as \"openid\"", fits: is_scope };
pub(super) const CLAIM: Rule = Rule::Optional { shape: CLAIM_SHAPE, fits: is_claim };
pub(super) const SOME_CLAIM: Rule = Rule::Text { shape: CLAIM_SHAPE, fits: is_claim };
const CLAIM_SHAPE: &str = "the name of a claim, or a path that begins with / into nested ones";
const REDIRECTS: Rule = Rule::List {
    shape: "beginnings of URLs such as \"https://login.example.com/\", at least up to the / behind the host",
    fits: is_redirect,
};

/// Whether an address is one that secrets may be sent to: over TLS, or without leaving the machine.
pub fn is_endpoint(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let safe = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    };
    plain && safe
}

/// Whether an address is on this very machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

fn is_claim(text: &str) -> bool {
    !text.trim().is_empty() && text != "/"
}

/// Without the slash behind the host `https://a.example` would also allow `https://a.example.evil.example`.
fn is_redirect(text: &str) -> bool {
    let slashes = text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    slashes
        && Url::parse(text).is_ok_and(|url| {
            url.username().is_empty() && url.password().is_none() && url.as_str().starts_with(text)
        })
}

/// What the keys of a provider say together, and what of them cannot be missing.
pub(super) fn verify(config: &Config, entries: &Entries) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, idp) in config.idp.iter().enumerate() {
        let mut demand = |holds: bool, key: &str, message: &str| {
            if !holds {
                let entry = [key, "id", "client_id", "issuer"]
                    .iter()
                    .find_map(|key| entries.get(&path("idp", place, key)));
                let origin = entry.map(|entry| entry.origin.clone());
                problems.push(Problem::new(format!("idp.{key} of {}: {message}", idp.id), origin));
            }
        };
        let env = |idp: &Idp| env_name_of("idp", &idp.id, "client_secret");
        let before = config.idp.iter().take(place);
        demand(
            before.into_iter().all(|other| env(other) != env(idp)),
            "id",
            "another [[idp]] has this id, or one that differs in - and _ alone",
        );
        demand(!idp.client_id.is_empty(), "client_id", "every [[idp]] needs one");
        let endpoints = [
            ("authorization_url", &idp.authorization_url),
            ("token_url", &idp.token_url),
            ("user_url", &idp.user_url),
        ];
        let oidc = idp.kind == IdpKind::Oidc;
        demand(
            idp.issuer.is_some() == oidc,
            "issuer",
            "a provider of kind oidc needs it, no other one has it",
        );
        for (key, value) in endpoints {
            let message = "a provider of kind oauth2 needs it, one of kind oidc tells it by itself";
            demand(value.is_some() != oidc, key, message);
        }
        let openid = idp.scopes.is_empty() || idp.scopes.iter().any(|scope| scope == "openid");
        demand(!oidc || openid, "scopes", "a provider of kind oidc needs the scope openid among them");
        demand(
            config.public_url.is_some(),
            "id",
            "public_url must be set, since providers send people back to /idps/callback below it",
        );
    }
    let (timeout, whole) = (config.intents.provider_timeout_ms, config.limits.request_timeout_ms);
    if !config.idp.is_empty() && timeout >= whole {
        let message = format!(
            "intents.provider_timeout_ms: {timeout} is not allowed; allowed is less than \
             limits.request_timeout_ms, which is {whole}"
        );
        let origin = entries.get("intents.provider_timeout_ms").map(|entry| entry.origin.clone());
        problems.push(Problem::new(message, origin));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_spoken_to_over_tls_unless_they_are_on_this_machine() {
        let fits = |text: &str| Url::parse(text).is_ok_and(|url| is_endpoint(&url));
        for good in [
            "https://id.example",
            "https://id.example/a?b=c",
            "http://localhost:9",
            "http://127.1.2.3/",
            "http://[::1]:8/x",
        ] {
            assert!(fits(good), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://localhost.example",
            "ftp://localhost",
            "https://u:p@id.example",
            "https://id.example/#f",
            "id.example",
        ] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn the_beginning_of_a_redirect_holds_the_whole_host() {
        for good in ["https://a.example/", "https://a.example/x", "http://localhost:3000/", "myapp://login/"]
        {
            assert!(is_redirect(good), "{good}");
        }
        for bad in [
            "https://a.example",
            "https://",
            "a.example/",
            "https://a.example@b.example/",
            "https://A.example/",
            "",
        ] {
            assert!(!is_redirect(bad), "{bad}");
        }
    }
}
