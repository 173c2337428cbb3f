//! The keys about machine callers that log in by OAuth 2.0.

use serde::{Deserialize, Serialize};

use super::rule::{Rule, section};
use super::shape::whole;

/// How access tokens are signed that others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningAlgorithm {
    Rs256,
    Es256,
    Eddsa,
}

const ALGORITHM: Rule = Rule::OneOf(&["rs256", "es256", "eddsa"]);

section! {
    /// Machine users that log in by OAuth 2.0 with a secret or a key.
    Oauth("oauth") {
        /// Lifetime of an access token. The crate `zitadel` keeps one for 59 minutes, however short it is.
        access_token_minutes: u32 = 60, whole(1, 1_440, "minutes");
        /// Access tokens of one machine user that are valid at a time. One more makes the oldest void.
        max_tokens_per_user: u32 = 1_000, whole(1, 100_000, "tokens");
        /// Algorithm of the keys that sign access tokens which others read. A new one holds from the next key on.
        algorithm: SigningAlgorithm = SigningAlgorithm::Rs256, ALGORITHM;
        /// How long a key signs before the next one does.
        key_days: u32 = 30, whole(1, 3_650, "days");
    }
}
