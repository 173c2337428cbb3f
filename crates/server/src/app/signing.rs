//! Keys that sign tokens which others read: made ahead of their time, published before they sign and until what they
//! signed is over, and followed by the next one.

use std::sync::Arc;

use doorward_core::base::{Span, Timestamp};
use doorward_core::failure::{self, Failure};
use doorward_core::spki::PublicKey;
use doorward_store::sealed::SIGNING_KEY;
use doorward_store::signing_key::{self, SigningKey};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::signer::{Signer, algorithm, make};
use super::{App, read, store_failure};

/// How long others may keep the published keys, in seconds.
pub const KEPT_SECONDS: u32 = 300;

/// How long a key is published before it signs: twice as long as others may keep what they have read before.
pub const AHEAD: Span = Span::seconds(2 * KEPT_SECONDS as i64);

/// How long a key is published after the next one has begun to sign: as long as the longest token that the
/// configuration allows, and a while for clocks that differ.
const OUTLIVES: Span = Span::minutes(24 * 60 + 10);

/// What a node keeps about its keys. Which of them signs is asked of the store each time.
#[derive(Debug, Default)]
pub struct Signing {
    /// Held while a key is made, so that many who need one make one.
    making: tokio::sync::Mutex<()>,
    /// The key that signed last, opened: to open one takes as long as to sign.
    opened: Mutex<Option<(String, Arc<Signer>)>>,
}

/// Why a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is none, or the time of the present one comes to its end.
    Due,
    /// Somebody wants the next one. It is published first.
    Asked,
    /// The others are in wrong hands: this one signs at once, and they are published no more.
    Lost,
}

impl Why {
    /// From when a new key signs; nothing if none is needed.
    fn signs(self, keys: &[SigningKey], lasts: Span, now: Timestamp) -> Option<Timestamp> {
        let Some(last) = keys.first() else { return Some(now) };
        match self {
            Self::Lost => Some(now),
            Self::Asked => Some(now.plus(AHEAD).max(last.signs)),
            Self::Due => {
                let due = last.signs.plus(lasts);
                (due <= now.plus(AHEAD)).then(|| due.max(now.plus(AHEAD)))
            }
        }
    }
}

/// Signs claims with the present key, which is made if there is none.
///
/// # Errors
/// Those of the store, and when the key cannot be opened.
pub async fn sign(app: &Arc<App>, kind: &str, claims: &Value, now: Timestamp) -> Result<String, Failure> {
    let keys = published(app, now).await?;
    let key = keys.iter().find(|key| key.signs <= now).or(keys.last()).ok_or(failure::INTERNAL)?;
    let public = PublicKey::read(&key.public_key).ok_or_else(|| broken(key))?;
    let signer = open(app, key, &public)?;
    let head = json!({ "alg": algorithm(&public), "kid": key.id, "typ": kind });
    signer.token(&head, claims).map_err(|_| failure::INTERNAL)
}

/// What others verify tokens with: a JSON Web Key Set (RFC 7517).
///
/// # Errors
/// Those of the store.
pub async fn key_set(app: &Arc<App>, now: Timestamp) -> Result<Value, Failure> {
    let keys = published(app, now).await?;
    let shown = keys.iter().filter_map(|key| {
        let public = PublicKey::read(&key.public_key)?;
        let mut members = public.jwk();
        for (name, value) in [("kid", key.id.as_str()), ("use", "sig"), ("alg", algorithm(&public))] {
            members.insert(name.to_owned(), value.into());
        }
        Some(Value::Object(members))
    });
    Ok(json!({ "keys": shown.collect::<Vec<_>>() }))
}

/// Makes the next key if it is time.
///
/// # Errors
/// Those of the store.
pub async fn tend(app: &Arc<App>, now: Timestamp) -> Result<(), Failure> {
    let keys = read!(app, signing_key::published(now))?;
    // Without any key nobody needed one so far.
    if keys.is_empty() || Why::Due.signs(&keys, app.policy.oauth.key_lasts, now).is_none() {
        return Ok(());
    }
    add(app, Why::Due, now).await.map(|_| ())
}

/// Makes a key that follows the present one. Gives it, unless it is [`Why::Due`] and was not needed.
///
/// # Errors
/// Those of the store.
pub async fn add(app: &Arc<App>, why: Why, now: Timestamp) -> Result<Option<SigningKey>, Failure> {
    let (asked, lasts) = (app.policy.oauth.algorithm, app.policy.oauth.key_lasts);
    // An executor thread must not be busy for so long.
    let made = tokio::task::spawn_blocking(move || make(asked)).await;
    let Ok(Ok(made)) = made else {
        tracing::error!("a key that signs tokens could not be made");
        return Err(failure::INTERNAL);
    };
    let id = app.mint_id(now);
    let sealed = app.seal(&SIGNING_KEY.purpose(&id), &made.private);
    let key = SigningKey { id, public_key: made.public, sealed, created: now, signs: now, retires: None };
    let added = app.db.write(move |conn| {
        Box::pin(async move {
            signing_key::lock(conn).await?;
            let keys = signing_key::published(conn, now).await?;
            let Some(signs) = why.signs(&keys, lasts, now) else { return Ok(None) };
            if why == Why::Lost {
                signing_key::withdraw(conn, now).await?;
            }
            let key = SigningKey { signs, ..key };
            signing_key::succeed(conn, &key, signs.plus(OUTLIVES)).await?;
            Ok(Some(key))
        })
    });
    let added = added.await.map_err(store_failure)?;
    if let Some(key) = &added {
        tracing::info!(key = key.id, "a key that signs tokens was made");
    }
    Ok(added)
}

/// The published keys, the one that signs last first; at least one.
async fn published(app: &Arc<App>, now: Timestamp) -> Result<Vec<SigningKey>, Failure> {
    let keys = read!(app, signing_key::published(now))?;
    if Why::Due.signs(&keys, app.policy.oauth.key_lasts, now).is_none() {
        return Ok(keys);
    }
    if keys.is_empty() {
        let _turn = app.signing.making.lock().await;
        let keys = read!(app, signing_key::published(now))?;
        if keys.is_empty() {
            add(app, Why::Due, now).await?;
        }
    } else {
        // The present key is good for a while yet: whoever comes while the next one is made need not wait for it.
        let Ok(_turn) = app.signing.making.try_lock() else { return Ok(keys) };
        add(app, Why::Due, now).await?;
    }
    read!(app, signing_key::published(now))
}

/// The private half of a key.
fn open(app: &App, key: &SigningKey, public: &PublicKey) -> Result<Arc<Signer>, Failure> {
    let mut opened = app.signing.opened.lock();
    if let Some((id, signer)) = opened.as_ref()
        && *id == key.id
    {
        return Ok(Arc::clone(signer));
    }
    let private = app.seals.open(&SIGNING_KEY.purpose(&key.id), &key.sealed).ok_or_else(|| broken(key))?;
    let signer = Arc::new(Signer::open(&private, public).ok_or_else(|| broken(key))?);
    *opened = Some((key.id.clone(), Arc::clone(&signer)));
    Ok(signer)
}

fn broken(key: &SigningKey) -> Failure {
    tracing::error!(key = key.id, "a key that signs tokens cannot be opened");
    failure::INTERNAL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(signs: i64) -> SigningKey {
        SigningKey {
            id: signs.to_string(),
            public_key: Vec::new(),
            sealed: Vec::new(),
            created: Timestamp(0),
            signs: Timestamp(0).plus(Span::minutes(signs)),
            retires: None,
        }
    }

    #[test]
    fn the_next_key_is_made_ahead_of_its_time_and_never_signs_before_it_was_published() {
        let at = |minutes| Timestamp(0).plus(Span::minutes(minutes));
        let due = |keys: &[SigningKey], now| Why::Due.signs(keys, Span::minutes(100), at(now));
        assert_eq!(due(&[], 5), Some(at(5)), "the first one signs at once");
        assert_eq!(due(&[key(0)], 89), None);
        assert_eq!(due(&[key(0)], 90), Some(at(100)));
        assert_eq!(due(&[key(0)], 500), Some(at(510)), "however late it is");
        assert_eq!(due(&[key(100), key(0)], 95), None, "it is there already");
    }

    #[test]
    fn a_key_that_is_asked_for_is_published_first_unless_the_others_are_lost() {
        let (now, lasts) = (Timestamp(0).plus(Span::minutes(50)), Span::minutes(100));
        assert_eq!(Why::Asked.signs(&[key(0)], lasts, now), Some(now.plus(AHEAD)));
        assert_eq!(Why::Asked.signs(&[key(65)], lasts, now), Some(Timestamp(0).plus(Span::minutes(65))));
        assert_eq!(Why::Lost.signs(&[key(65)], lasts, now), Some(now));
    }
}
