//! Tokens that were verified: verifying a signature costs as much as the rest of reading a session.
//!
//! A token is known by the SHA-256 of its whole text, so one that differs in a byte is another one. It counts only as
//! long as the issuer publishes the key that signed it and it has not expired. There is nothing else that could end it
//! earlier: its issuer alone can revoke it, and does so by withdrawing the key.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::caller::Caller;
use jsonwebtoken::jwk::Jwk;
use parking_lot::Mutex;

/// The most tokens of an issuer that are remembered; the oldest make room.
const MOST: usize = 4096;

/// What is known of a token.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    /// Who comes with it.
    pub caller: Caller,
    /// What signed it.
    pub key: Jwk,
    /// When it is over.
    pub until: Timestamp,
}

/// Tokens by their digests.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    tokens: HashMap<[u8; 32], Verified>,
    /// The digests, oldest first.
    order: VecDeque<[u8; 32]>,
    /// The keys for which every token that is there was looked at.
    keys: Option<Arc<Vec<Jwk>>>,
}

impl Remembered {
    /// Who comes with a token, if it is remembered and still counts with these keys.
    pub fn find(&self, digest: &[u8; 32], keys: &Arc<Vec<Jwk>>, now: Timestamp) -> Option<Caller> {
        let mut state = self.0.lock();
        state.hold_to(keys);
        let found = state.tokens.get(digest)?;
        if found.until > now && keys.contains(&found.key) { Some(found.caller.clone()) } else { None }
    }

    /// Remembers a token.
    pub fn keep(&self, digest: [u8; 32], verified: Verified) {
        let mut state = self.0.lock();
        if state.tokens.insert(digest, verified).is_none() {
            state.order.push_back(digest);
        }
        while state.order.len() > MOST {
            if let Some(oldest) = state.order.pop_front() {
                state.tokens.remove(&oldest);
            }
        }
    }
}

impl State {
    /// Forgets what was signed by keys that are gone, once for each set of keys.
    fn hold_to(&mut self, keys: &Arc<Vec<Jwk>>) {
        if self.keys.as_ref().is_some_and(|last| Arc::ptr_eq(last, keys)) {
            return;
        }
        self.keys = Some(Arc::clone(keys));
        self.tokens.retain(|_, token| keys.contains(&token.key));
        let tokens = &self.tokens;
        self.order.retain(|digest| tokens.contains_key(digest));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(kid: &str) -> Jwk {
        serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": kid })).unwrap()
    }

    fn verified(kid: &str, until: i64) -> Verified {
        let (user_id, organisation) = (format!("a:{kid}"), "home".to_owned());
        let caller = Caller { user_id, organisation, memberships: Vec::new(), agent: None };
        Verified { caller, key: key(kid), until: Timestamp(until) }
    }

    #[test]
    fn a_token_counts_until_it_is_over_and_while_its_key_is_there() {
        let remembered = Remembered::default();
        let both = Arc::new(vec![key("one"), key("two")]);
        remembered.keep([1; 32], verified("one", 10));
        remembered.keep([2; 32], verified("two", 10));
        let found = |digest: u8, keys: &Arc<Vec<Jwk>>, now: i64| {
            remembered.find(&[digest; 32], keys, Timestamp(now)).map(|caller| caller.user_id)
        };
        assert_eq!(found(1, &both, 9).as_deref(), Some("a:one"));
        assert_eq!(found(1, &both, 10), None);
        assert_eq!(found(3, &both, 9), None);
        let later = Arc::new(vec![key("two")]);
        assert_eq!(found(1, &later, 9), None);
        assert_eq!(found(2, &later, 9).as_deref(), Some("a:two"));
        assert_eq!(found(1, &both, 9), None, "what is forgotten is verified again");
        // Verified while the keys changed: kept after the tokens were looked at, and still not for these keys.
        remembered.keep([4; 32], verified("one", 10));
        assert_eq!(found(4, &later, 9), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let (remembered, keys) = (Remembered::default(), Arc::new(vec![key("one")]));
        let digest = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            digest
        };
        for number in 0..MOST + 10 {
            remembered.keep(digest(number), verified("one", 10));
            remembered.keep(digest(number), verified("one", 10));
        }
        assert_eq!(remembered.0.lock().tokens.len(), MOST);
        assert_eq!(remembered.0.lock().order.len(), MOST);
        let found = |number: usize| remembered.find(&digest(number), &keys, Timestamp(0)).is_some();
        assert!(!found(9) && found(10) && found(MOST + 9));
    }
}
