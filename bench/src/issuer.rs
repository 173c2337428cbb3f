//! An issuer that Doorward trusts, within this process: it tells its one key to whoever asks, and signs tokens.

use std::future::ready;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::routing::get;
use data_encoding::BASE64URL_NOPAD;
use doorward_core::base::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Whom its tokens are for.
const AUDIENCE: &str = "https://doorward.example";
/// What its key is called.
const KEY_ID: &str = "one";

/// The issuer. What it tells can be asked for until the run ends.
pub struct Issuer {
    name: String,
    pair: EcdsaKeyPair,
}

impl Issuer {
    /// One with a new key on P-256.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let name = format!("http://{}", listener.local_addr()?);
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let issuer = Self { name, pair };
        let (about, keys) = (issuer.about().to_string(), issuer.keys()?.to_string());
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", get(move || ready(about.clone())))
            .route("/keys", get(move || ready(keys.clone())));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(issuer)
    }

    /// What makes a server trust it: whoever it names may do what a login page may.
    pub fn trust(&self) -> String {
        format!(
            "[[trusted_issuer]]\nid = \"bench\"\nissuer = \"{}\"\naudience = [\"{AUDIENCE}\"]\n\
             default_roles = [\"IAM_LOGIN_CLIENT\"]\n",
            self.name
        )
    }

    /// A token that is good for an hour.
    pub fn token(&self, now: Timestamp) -> Result<String> {
        let (now, _) = now.seconds_and_nanos();
        let head = json!({ "alg": "ES256", "kid": KEY_ID, "typ": "at+jwt" });
        let claims = json!({
            "iss": self.name, "aud": AUDIENCE, "sub": "caller", "client_id": "caller", "jti": "1",
            "iat": now, "exp": now + 3600,
        });
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| anyhow!("the issuer does not sign"))?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref())))
    }

    fn about(&self) -> Value {
        json!({ "issuer": self.name, "jwks_uri": format!("{}/keys", self.name) })
    }

    fn keys(&self) -> Result<Value> {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).context("a point")?;
        let number = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let key = json!({
            "kty": "EC", "crv": "P-256", "x": number(x), "y": number(y), "kid": KEY_ID, "use": "sig",
            "alg": "ES256",
        });
        Ok(json!({ "keys": [key] }))
    }
}
