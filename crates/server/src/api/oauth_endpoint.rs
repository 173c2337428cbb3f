//! The endpoints of OAuth 2.0 for machine users: where they are, and what clients learn about them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::telemetry::{Protocol, RequestLabels};

/// The grant of a program that signs with its key.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The grant of a program that has a secret.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";

/// One of the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Discovery,
    Keys,
    Authorize,
    Token,
    Introspect,
    Revoke,
}

impl Endpoint {
    /// The endpoint at a path.
    pub fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
                Self::Discovery
            }
            "/oauth/v2/keys" => Self::Keys,
            "/oauth/v2/authorize" => Self::Authorize,
            "/oauth/v2/token" => Self::Token,
            "/oauth/v2/introspect" => Self::Introspect,
            "/oauth/v2/revoke" => Self::Revoke,
            _ => return None,
        })
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Discovery => "/.well-known/openid-configuration",
            Self::Keys => "/oauth/v2/keys",
            Self::Authorize => "/oauth/v2/authorize",
            Self::Token => "/oauth/v2/token",
            Self::Introspect => "/oauth/v2/introspect",
            Self::Revoke => "/oauth/v2/revoke",
        }
    }

    pub const fn reads_a_form(self) -> bool {
        matches!(self, Self::Token | Self::Introspect | Self::Revoke)
    }

    pub fn url(self, issuer: &str) -> String {
        format!("{issuer}{}", self.path())
    }

    /// What the numbers of the server call a request that was answered like this.
    pub fn label(self, status: StatusCode) -> RequestLabels {
        let code = match status.as_u16() {
            200 => "ok",
            400 => "invalid_argument",
            401 => "unauthenticated",
            405 => "unimplemented",
            413 | 429 => "resource_exhausted",
            503 => "unavailable",
            _ => "internal",
        };
        let method = match self {
            Self::Discovery => "discovery",
            Self::Keys => "keys",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
        };
        RequestLabels { service: "oauth", method, protocol: Protocol::Http, code }
    }
}

/// What clients learn about this server (`OpenID` Connect Discovery 1.0, RFC 8414). There is no log-in of people by
/// redirect; the members about it are there because clients insist on them, and lead to a refusal.
pub fn discovery(issuer: &str) -> Value {
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    json!({
        "issuer": issuer,
        "authorization_endpoint": Endpoint::Authorize.url(issuer),
        "token_endpoint": Endpoint::Token.url(issuer),
        "introspection_endpoint": Endpoint::Introspect.url(issuer),
        "revocation_endpoint": Endpoint::Revoke.url(issuer),
        "jwks_uri": Endpoint::Keys.url(issuer),
        "service_documentation": "https://github.com/doorward/doorward/blob/main/docs/oauth.md",
        "browser_flows_supported": false,
        "grant_types_supported": [CLIENT_CREDENTIALS, JWT_BEARER],
        "response_types_supported": [],
        "scopes_supported": ["openid", "profile", "urn:zitadel:iam:org:project:id:zitadel:aud"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    })
}
