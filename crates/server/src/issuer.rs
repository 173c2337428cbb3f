//! Trusted issuers: other servers whose access tokens callers may come with.

mod jwks;
mod remembered;
mod roles;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use doorward_core::base::{Span, Timestamp};
use doorward_core::caller::Caller;
use jsonwebtoken::Header;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::{Config, TrustedIssuer};
use crate::idp::Trouble;
use crate::idp::claims::text;
use crate::idp::outbound::{Object, Outbound};
use crate::idp::signed::{Signer, head, opened, signer, texts, time};
use crate::telemetry::Sparse;
use jwks::{Jwks, Source};
use remembered::{Remembered, Verified};
use roles::Roles;

/// The longest id of a caller, which is that of a user.
const MOST_ID: usize = 200;

/// The trusted issuers, by the name that they have in their tokens.
#[derive(Debug, Default)]
pub struct Issuers(HashMap<String, Arc<Issuer>>);

/// A trusted issuer.
#[derive(Debug)]
pub struct Issuer {
    id: String,
    exact: String,
    audience: Vec<String>,
    subject_claim: String,
    organisation: String,
    roles: Roles,
    skew: Span,
    longest: Span,
    jwks: Arc<Jwks>,
    remembered: Remembered,
    refusals: Sparse,
    refused: AtomicU64,
}

/// A caller whose token was verified.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The caller.
    pub caller: Caller,
    /// What is needed to remember the token; nothing if that is where it comes from.
    fresh: Option<([u8; 32], Verified)>,
}

impl Shown {
    /// Whether the token was verified just now.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        self.fresh.is_some()
    }
}

impl Issuers {
    /// The issuers that the configuration names. Nothing is sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: &Config, default_organisation: &str) -> anyhow::Result<Self> {
        let issuer = |trusted: &TrustedIssuer| {
            let issuer = Issuer::new(trusted, default_organisation)?;
            Ok((trusted.issuer.clone(), Arc::new(issuer)))
        };
        Ok(Self(config.trusted_issuer.iter().map(issuer).collect::<anyhow::Result<_>>()?))
    }

    /// The issuer of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.0.get(name)
    }

    /// The organisations that their callers belong to, with the ids of the issuers.
    pub fn organisations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values().map(|issuer| (issuer.id.as_str(), issuer.organisation.as_str()))
    }

    /// For each issuer by its id: tokens that were refused, and readings of its keys that failed, since the last time.
    pub fn take_stats(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.0.values().map(|issuer| {
            (issuer.id.as_str(), issuer.refused.swap(0, Ordering::Relaxed), issuer.jwks.take_failures())
        })
    }

    /// Whether an id is one that callers of an issuer have: no user may be made with it.
    #[must_use]
    pub fn has_caller(&self, id: &str) -> bool {
        let Some((issuer, _)) = id.split_once(':') else { return false };
        self.0.values().any(|known| known.id == issuer)
    }
}

impl Issuer {
    fn new(trusted: &TrustedIssuer, default_organisation: &str) -> anyhow::Result<Self> {
        let outbound = Outbound::new(Duration::from_millis(u64::from(trusted.timeout_ms)))?;
        let organisation = trusted.organisation.clone().unwrap_or_else(|| default_organisation.to_owned());
        let jwks = Jwks::new(trusted.id.clone(), Source::of(trusted)?, outbound);
        Ok(Self {
            id: trusted.id.clone(),
            exact: trusted.issuer.clone(),
            audience: trusted.audience.clone(),
            subject_claim: trusted.subject_claim.clone(),
            roles: Roles::of(trusted, &organisation),
            organisation,
            skew: Span::seconds(i64::from(trusted.clock_skew_s)),
            longest: Span::seconds(i64::from(trusted.max_lifetime_s)),
            jwks: Arc::new(jwks),
            remembered: Remembered::default(),
            refusals: Sparse::new(),
            refused: AtomicU64::new(0),
        })
    }

    /// Who comes with a token of this issuer.
    ///
    /// # Errors
    /// When the token is not one that this issuer has signed for this server, or is not valid now.
    pub async fn show(&self, token: &str, now: Timestamp) -> Result<Shown, Trouble> {
        let keys = self.jwks.known(now).await;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(keys) = &keys
            && let Some(caller) = self.remembered.find(&digest, keys, now)
        {
            return Ok(Shown { caller, fresh: None });
        }
        let head = head(token)?;
        check_type(&head)?;
        let keys = keys.unwrap_or_default();
        let (key, algorithm) = match signer(&head, &keys)? {
            Signer::Key(key, algorithm) => (key, algorithm),
            Signer::Unknown => self.newer(&head, now).await?,
        };
        let claims = opened(token, &key, algorithm)?;
        let until = self.check(&claims, now).map_err(|why| Trouble::untrusted(format!("the token {why}")))?;
        let caller = self.caller(&claims)?;
        let verified = Verified { caller: caller.clone(), key: *key, until };
        Ok(Shown { caller, fresh: Some((digest, verified)) })
    }

    /// Remembers a token that was verified, so that its signature need not be verified with the next call.
    pub fn remember(&self, shown: Shown) {
        if let Some((digest, verified)) = shown.fresh {
            self.remembered.keep(digest, verified);
        }
    }

    /// Says in the log why a token was refused, sparsely: whoever likes can send thousands.
    pub fn refused(&self, why: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(kept_back) = self.refusals.may_say(Instant::now()) {
            tracing::info!(issuer = self.id, why, kept_back, "a token of a trusted issuer was refused");
        }
    }

    /// The key that the head of a token names, if the issuer has published it since the keys were read.
    async fn newer(
        &self,
        head: &Header,
        now: Timestamp,
    ) -> Result<(Box<Jwk>, jsonwebtoken::Algorithm), Trouble> {
        let keys = self.jwks.anew(now).await.unwrap_or_default();
        match signer(head, &keys)? {
            Signer::Key(key, algorithm) => Ok((key, algorithm)),
            Signer::Unknown => Err(Trouble::untrusted("the token is signed with a key that is not known")),
        }
    }

    /// What a token must say of itself. Gives until when it is valid.
    fn check(&self, claims: &Object, now: Timestamp) -> Result<Timestamp, &'static str> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.exact.as_str()) {
            return Err("is of another issuer");
        }
        if !texts(claims, "aud").iter().any(|one| self.audience.iter().any(|ours| ours == one)) {
            return Err("is for somebody else");
        }
        let (Some(expires), Some(issued)) = (time(claims, "exp"), time(claims, "iat")) else {
            return Err("does not say when it was made and how long it holds");
        };
        let until = expires.plus(self.skew);
        if until <= now {
            return Err("has expired");
        }
        if issued > now.plus(self.skew) {
            return Err("is from the future");
        }
        if expires.since(issued) > self.longest {
            return Err("holds longer than max_lifetime_s allows");
        }
        if claims.contains_key("nbf") && time(claims, "nbf").is_none_or(|from| from > now.plus(self.skew)) {
            return Err("does not hold yet");
        }
        // Whoever bears it must also prove that they have a key (RFC 7800), which nobody here would look at.
        if claims.contains_key("cnf") { Err("is bound to a key of its bearer") } else { Ok(until) }
    }

    fn caller(&self, claims: &Object) -> Result<Caller, Trouble> {
        let subject = text(claims, &self.subject_claim);
        let user_id = subject.map(|subject| format!("{}:{subject}", self.id));
        let fits = |id: &String| id.chars().count() <= MOST_ID && !id.contains(char::is_control);
        let user_id = user_id.filter(fits).ok_or_else(|| {
            Trouble::untrusted("the token does not say about whom it is, or at great length")
        })?;
        let memberships = self.roles.memberships(claims);
        Ok(Caller { user_id, organisation: self.organisation.clone(), memberships, agent: None })
    }
}

/// A token must be meant to let somebody in (RFC 9068), or at least not say that it is for something else.
fn check_type(head: &Header) -> Result<(), Trouble> {
    let kind = head.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    match kind.strip_prefix("application/").unwrap_or(&kind) {
        "at+jwt" | "jwt" => Ok(()),
        _ => Err(Trouble::untrusted("the token is of a type that lets nobody in")),
    }
}
