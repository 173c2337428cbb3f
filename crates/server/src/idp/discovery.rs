//! What an OpenID Provider publishes about itself: its endpoints, and the keys that it signs with.

use std::sync::Arc;
use std::time::Instant;

use doorward_core::base::{Span, Timestamp};
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::Trouble;
use super::outbound::{Object, Outbound};
use crate::config::{is_endpoint, is_loopback};

/// How long what was read counts.
const FRESH: Span = Span::minutes(60);

/// How long a key may be unknown before the keys are read again, and a failure may last before it is tried again: an
/// attacker must not make this server ask as often as they like.
const PAUSE: Span = Span::seconds(30);
const RETRY: Span = Span::seconds(2);

/// The most keys of a provider.
const MOST_KEYS: usize = 100;

/// What the discovery document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Where people log in.
    pub authorization: Url,
    /// Where a code is turned into tokens.
    pub token: Url,
    /// Where the keys are.
    pub jwks: Url,
    /// Where a token tells more about its owner.
    pub userinfo: Option<Url>,
    /// Whether the secret of a client must stand in the form.
    pub secret_in_form: bool,
    /// Whether each answer through the browser names its issuer (RFC 9207).
    pub names_issuer: bool,
}

/// Something that was read, and when. Whoever needs it while it is being read waits for that one reading.
#[derive(Debug)]
pub struct Cached<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    value: Option<(Arc<T>, Timestamp)>,
    failed: Option<Failed>,
}

/// A reading that failed: when it was begun, and when it was over.
#[derive(Debug)]
struct Failed {
    trouble: Trouble,
    begun: Timestamp,
    over: Instant,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::new(State { value: None, failed: None }))
    }
}

impl<T> Cached<T> {
    /// The value, which is read if there is none, or if it is older than `most`.
    ///
    /// # Errors
    /// Those of the reading, and again for a while after it failed.
    pub async fn get<F>(&self, now: Timestamp, most: Span, read: F) -> Result<Arc<T>, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let asked = Instant::now();
        let mut state = self.0.lock().await;
        if let Some((value, at)) = &state.value
            && now.since(*at) < most
        {
            return Ok(Arc::clone(value));
        }
        // Whoever waited for it has waited enough: a provider that hangs must not hold up one after the other.
        if let Some(failed) = &state.failed
            && (failed.over >= asked || now.since(failed.begun) < RETRY)
        {
            return Err(failed.trouble.clone());
        }
        match read.await {
            Ok(value) => {
                let value = Arc::new(value);
                *state = State { value: Some((Arc::clone(&value), now)), failed: None };
                Ok(value)
            }
            Err(trouble) => {
                let over = Instant::now();
                state.failed = Some(Failed { trouble: trouble.clone(), begun: now, over });
                Err(trouble)
            }
        }
    }
}

/// A provider's endpoints and keys, as far as they are known.
#[derive(Debug, Default)]
pub struct Published {
    metadata: Cached<Metadata>,
    keys: Cached<Vec<Jwk>>,
}

impl Published {
    /// The endpoints.
    ///
    /// # Errors
    /// When they cannot be read, or are not those of the issuer.
    pub async fn metadata(
        &self,
        outbound: &Outbound,
        issuer: &Url,
        exact: &str,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, Trouble> {
        self.metadata
            .get(now, FRESH, async {
                let document = outbound.get(&well_known(issuer), None).await?;
                Metadata::read(&document, issuer, exact)
            })
            .await
    }

    /// The keys. With `anew` those that were read some time ago do not count.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn keys(
        &self,
        outbound: &Outbound,
        place: &Url,
        anew: bool,
        now: Timestamp,
    ) -> Result<Arc<Vec<Jwk>>, Trouble> {
        let most = if anew { PAUSE } else { FRESH };
        self.keys.get(now, most, async { Ok(read_keys(&outbound.get(place, None).await?)) }).await
    }
}

/// Where an issuer publishes its document: the path is appended, whether the issuer ends with a slash or not.
pub(crate) fn well_known(issuer: &Url) -> Url {
    let mut place = issuer.clone();
    place.set_path(&format!("{}/.well-known/openid-configuration", issuer.path().trim_end_matches('/')));
    place
}

/// Keys of kinds that are not known here are passed over.
pub(crate) fn read_keys(document: &Object) -> Vec<Jwk> {
    let keys = document.get("keys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().take(MOST_KEYS);
    keys.filter_map(|key| serde_json::from_value(key.clone()).ok()).collect()
}

/// Where the keys of an issuer are, of which nothing else is wanted.
pub(crate) fn read_jwks_uri(document: &Object, issuer: &Url, exact: &str) -> Result<Url, Trouble> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if text("issuer") != Some(exact) {
        return Err(Trouble::untrusted("the discovery document is of another issuer"));
    }
    let place = text("jwks_uri").and_then(|text| Url::parse(text).ok());
    place
        .filter(|place| may_name(issuer, place))
        .ok_or_else(|| Trouble::untrusted("the discovery document has no jwks_uri that is an https URL"))
}

impl Metadata {
    fn read(document: &Object, issuer: &Url, exact: &str) -> Result<Self, Trouble> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != Some(exact) {
            return Err(Trouble::untrusted("the discovery document is of another issuer"));
        }
        let endpoint = |name: &str| match text(name) {
            None => Ok(None),
            Some(text) => Url::parse(text)
                .ok()
                .filter(|url| may_name(issuer, url))
                .map(Some)
                .ok_or_else(|| Trouble::untrusted(format!("{name} is no https URL"))),
        };
        let needed = |name: &str| {
            endpoint(name)?.ok_or_else(|| Trouble::untrusted(format!("the discovery document has no {name}")))
        };
        let ways = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let way = |wanted: &str| ways.is_some_and(|ways| ways.iter().any(|way| way == wanted));
        Ok(Self {
            authorization: needed("authorization_endpoint")?,
            token: needed("token_endpoint")?,
            jwks: needed("jwks_uri")?,
            userinfo: endpoint("userinfo_endpoint")?,
            secret_in_form: way("client_secret_post") && !way("client_secret_basic"),
            names_issuer: document.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }
}

/// Whether an issuer may name an endpoint: one elsewhere has no business with this very machine.
fn may_name(issuer: &Url, endpoint: &Url) -> bool {
    is_endpoint(endpoint) && (!is_loopback(endpoint) || is_loopback(issuer))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_763_632_800_000_000);

    fn document() -> Object {
        let Value::Object(document) = json!({
            "issuer": "https://id.example/realm/",
            "authorization_endpoint": "https://login.example/auth?x=1",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/keys",
        }) else {
            unreachable!()
        };
        document
    }

    fn read(document: &Object) -> Result<Metadata, Trouble> {
        let exact = "https://id.example/realm/";
        Metadata::read(document, &Url::parse(exact).unwrap(), exact)
    }

    #[test]
    fn a_document_stands_below_its_issuer() {
        for issuer in ["https://id.example/realm", "https://id.example/realm/"] {
            let place = well_known(&Url::parse(issuer).unwrap());
            assert_eq!(place.as_str(), "https://id.example/realm/.well-known/openid-configuration");
        }
        let place = well_known(&Url::parse("https://id.example").unwrap());
        assert_eq!(place.as_str(), "https://id.example/.well-known/openid-configuration");
    }

    #[test]
    fn a_document_is_of_its_issuer_and_its_endpoints_are_safe() {
        let metadata = read(&document()).unwrap();
        assert_eq!((metadata.userinfo, metadata.secret_in_form, metadata.names_issuer), (None, false, false));
        for (name, value) in [
            ("issuer", "https://id.example/realm"),
            ("issuer", "https://evil.example/"),
            ("token_endpoint", "http://id.example/token"),
            ("jwks_uri", "file:///etc/passwd"),
            ("userinfo_endpoint", "http://127.0.0.1/latest"),
            ("token_endpoint", "https://localhost/token"),
        ] {
            let mut document = document();
            document.insert(name.to_owned(), json!(value));
            assert!(read(&document).is_err(), "{name} {value}");
        }
        for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let mut document = document();
            document.remove(name);
            assert!(read(&document).is_err(), "{name}");
        }
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        for (ways, expected) in [
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            let mut document = document();
            document.insert("token_endpoint_auth_methods_supported".to_owned(), ways.clone());
            assert_eq!(read(&document).unwrap().secret_in_form, expected, "{ways}");
        }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_reading() {
        let (cached, readings) = (Cached::default(), AtomicUsize::new(0));
        let ask = |now| {
            cached.get(now, FRESH, async {
                tokio::task::yield_now().await;
                Ok(readings.fetch_add(1, Ordering::SeqCst))
            })
        };
        let got = join_all((0..50).map(|_| ask(NOW))).await;
        assert!(got.into_iter().all(|value| value == Ok(Arc::new(0))));
        assert_eq!(ask(NOW.plus(FRESH)).await, Ok(Arc::new(1)));
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_at_once() {
        let (cached, readings) = (Cached::<usize>::default(), AtomicUsize::new(0));
        let ask = |now| {
            cached.get(now, FRESH, async {
                readings.fetch_add(1, Ordering::SeqCst);
                Err(Trouble::untrusted("no"))
            })
        };
        for _ in 0..3 {
            assert_eq!(ask(NOW).await, Err(Trouble::untrusted("no")));
        }
        assert_eq!(readings.load(Ordering::SeqCst), 1);
        assert!(ask(NOW.plus(RETRY)).await.is_err());
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn whoever_waited_for_a_reading_that_failed_does_not_wait_for_another() {
        let (cached, readings) = (Cached::<usize>::default(), AtomicUsize::new(0));
        let ask = |now| {
            cached.get(now, FRESH, async {
                readings.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Err(Trouble::untrusted("no"))
            })
        };
        let late = (0..20).map(|seconds| ask(NOW.plus(Span::seconds(seconds))));
        assert!(join_all(late).await.into_iter().all(|value| value.is_err()));
        assert_eq!(readings.load(Ordering::SeqCst), 1);
    }
}
