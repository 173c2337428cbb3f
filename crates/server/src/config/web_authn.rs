//! The keys about passkeys and U2F keys.

use super::rule::{Rule, section};
use super::shape::SWITCH;

const NAME: Rule = Rule::Text { shape: "a name", fits: |text| !text.trim().is_empty() };
const APPS: Rule = Rule::List {
    shape: "origins of Android apps, such as \"android:apk-key-hash:…\"",
    fits: |text| text.strip_prefix("android:apk-key-hash:").is_some_and(|hash| !hash.is_empty()),
};

section! {
    /// Passkeys and U2F keys.
    WebAuthn("webauthn") {
        /// What browsers call this server while a key is registered.
        rp_name: String = "Doorward".to_owned(), NAME;
        /// Origins of Android apps that may use keys, besides web pages at or below the domain of a key.
        android_origins: Vec<String> = Vec::new(), APPS;
        /// A key is refused whose signature counter does not grow, because there may be a copy of it.
        refuse_backward_counter: bool = true, SWITCH;
    }
}
