//! Who asks for an access token, or about one: a machine user that shows its secret, or signs with its key.

use std::sync::Arc;

use doorward_core::assertion::{self, Expected};
use doorward_core::base::Timestamp;
use doorward_core::failure::Failure;
use doorward_core::spki::PublicKey;
use doorward_core::token::{Digest, TokenKind, same};
use doorward_core::user::{User, UserState};
use doorward_store::machine_key::MachineKey;
use doorward_store::user::{self, Wanted};
use doorward_store::{Conn, Result as StoreResult, machine_key, machine_secret};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{App, read};

/// The longest assertion that is looked at.
const MOST: usize = 8 * 1024;

/// The longest id of a key.
const MOST_ID: usize = 200;

/// The fewest bytes of the modulus of an RSA key.
const LEAST_RSA: usize = 256;

/// Not known, or not by this key, or not active: which of them is nobody's business.
const NOT_BY_KEY: &str = "the assertion is not signed by a valid key of an active machine user";

/// A machine user that has shown who it is.
#[derive(Debug, Clone)]
pub struct Client {
    /// The user.
    pub user: User,
    /// By what it has.
    pub source: Source,
}

/// By what a machine user has shown who it is.
#[derive(Debug, Clone)]
pub enum Source {
    /// Its secret, which has this digest.
    Secret(Digest),
    /// A key.
    Key(MachineKey),
}

/// Why somebody is not let in.
#[derive(Debug, Clone)]
pub enum Refused {
    /// There is no such client, or it has another secret.
    Client,
    /// What is wrong with the assertion.
    Assertion(&'static str),
    /// The store, or a fault of ours.
    Fault(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Fault(failure)
    }
}

impl Source {
    /// The id of the key, if it was one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::Secret(_) => None,
            Self::Key(key) => Some(&key.id),
        }
    }

    /// Whether it is still there.
    pub(super) async fn holds(&self, conn: &mut Conn, user_id: &str, now: Timestamp) -> StoreResult<bool> {
        Ok(match self {
            Self::Secret(digest) => {
                machine_secret::find(conn, user_id).await?.is_some_and(|stored| same(&stored, digest))
            }
            Self::Key(key) => {
                let found = machine_key::find(conn, &key.id).await?;
                found.is_some_and(|found| found == *key && found.expires > now)
            }
        })
    }
}

/// Whether the user may log in like this at all.
pub(super) fn may_log_in(user: &User) -> bool {
    user.state == UserState::Active && user.machine().is_some()
}

/// The machine user with one of these names, or ids, and this secret. Whether the name or the secret is wrong makes no
/// difference, neither in the answer nor in the work.
///
/// # Errors
/// [`Refused::Client`], and those of the store.
pub async fn by_secret(app: &Arc<App>, names: &[String], secret: &str) -> Result<Client, Refused> {
    let digest = app.keys.digest(TokenKind::ClientSecret, secret);
    let mut client = None;
    for wanted in names.iter().flat_map(|name| [Wanted::Id(name.clone()), Wanted::LoginName(name.clone())]) {
        let user = read!(app, user::find(&wanted))?;
        // Nobody has the empty id: who is not there is looked for no less.
        let id = user.as_ref().map_or("", |user| user.id.as_str());
        let stored = read!(app, machine_secret::find(id))?;
        let fits = same(&stored.unwrap_or_default(), &digest) && stored.is_some();
        if let Some(user) = user.filter(|user| fits && may_log_in(user)) {
            client = Some(Client { user, source: Source::Secret(digest) });
        }
    }
    client.ok_or(Refused::Client)
}

/// The machine user that signed an assertion, which must be for one of these audiences.
///
/// # Errors
/// [`Refused::Assertion`], and those of the store.
pub async fn by_assertion(
    app: &Arc<App>,
    text: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<Client, Refused> {
    let (id, algorithm) = head(text).map_err(Refused::Assertion)?;
    let unknown = || Refused::Assertion(NOT_BY_KEY);
    let key = read!(app, machine_key::find(&id))?.filter(|key| key.expires > now).ok_or_else(unknown)?;
    let wanted = Wanted::Id(key.user_id.clone());
    let user = read!(app, user::find(&wanted))?.filter(may_log_in).ok_or_else(unknown)?;
    let claims = verified(text, &key, algorithm).ok_or_else(unknown)?;
    let expected = Expected { user_id: &user.id, audiences, now };
    assertion::check(&claims, expected).map_err(Refused::Assertion)?;
    Ok(Client { user, source: Source::Key(key) })
}

/// The key and the algorithm that an assertion names. Nothing of it is trusted but which key to try.
fn head(text: &str) -> Result<(String, Algorithm), &'static str> {
    if text.len() > MOST {
        return Err("the assertion is too long");
    }
    // An unsigned one has an algorithm that is none.
    let header = decode_header(text).map_err(|_| "the assertion is no signed token")?;
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err("the assertion has a head that is not understood");
    }
    if header.typ.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
        return Err("the assertion is a token of another type");
    }
    match header.kid {
        Some(id) if id.len() <= MOST_ID && !id.contains('\0') => Ok((id, header.alg)),
        _ => Err("the assertion does not name its key (kid)"),
    }
}

/// What an assertion says, if this key signed it in a way that is one for such keys.
fn verified(text: &str, key: &MachineKey, algorithm: Algorithm) -> Option<Map<String, Value>> {
    let key = verifier(PublicKey::read(&key.public_key)?, algorithm)?;
    // The library would ask the clock of the machine; what the token says is looked at elsewhere.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    Some(decode::<Map<String, Value>>(text, &key, &validation).ok()?.claims)
}

/// What verifies signatures of this key, if it makes such. The key decides, and none makes those of a shared secret.
fn verifier(key: PublicKey, algorithm: Algorithm) -> Option<DecodingKey> {
    use Algorithm as A;
    match (key, algorithm) {
        (
            PublicKey::Rsa(modulus, exponent),
            A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512,
        ) if modulus.len() >= LEAST_RSA => Some(DecodingKey::from_rsa_raw_components(&modulus, &exponent)),
        (PublicKey::P256(point), A::ES256) | (PublicKey::P384(point), A::ES384) => {
            Some(DecodingKey::from_ec_der(&point))
        }
        (PublicKey::Ed25519(point), A::EdDSA) => Some(DecodingKey::from_ed_der(&point)),
        _ => None,
    }
}
