//! What an access token may be used for, as asked for in the words of OAuth 2.0 (RFC 6749, 3.3).

/// The most characters that the scope of one token has.
const MOST: usize = 1024;

/// What begins and ends a scope that names an audience.
const AUDIENCE: (&str, &str) = ("urn:zitadel:iam:org:project:id:", ":aud");

/// The scopes of a token: those that were asked for and mean something here, each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope(String);

impl Scope {
    /// Reads what is asked for, and leaves out what means nothing here.
    ///
    /// # Errors
    /// When it has other characters than scopes may have, or is too long.
    pub fn asked(text: &str) -> Result<Self, &'static str> {
        let mut kept: Vec<&str> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !word.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err("the scope has characters that no scope may have");
            }
            if is_known(word) && !kept.contains(&word) {
                kept.push(word);
            }
        }
        let scope = kept.join(" ");
        if scope.len() > MOST { Err("the scope is too long") } else { Ok(Self(scope)) }
    }

    /// One that was granted before.
    #[must_use]
    pub const fn granted(text: String) -> Self {
        Self(text)
    }

    /// All of them, with blanks in between.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The ids of the projects that the token is for as well.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter_map(audience)
    }
}

fn audience(word: &str) -> Option<&str> {
    word.strip_prefix(AUDIENCE.0)?.strip_suffix(AUDIENCE.1).filter(|id| !id.is_empty())
}

fn is_known(word: &str) -> bool {
    matches!(word, "openid" | "profile") || audience(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_is_kept_once_and_in_order() {
        let scope =
            Scope::asked(" openid urn:zitadel:iam:org:project:id:zitadel:aud email  openid profile").unwrap();
        assert_eq!(scope.text(), "openid urn:zitadel:iam:org:project:id:zitadel:aud profile");
        assert_eq!(scope.audiences().collect::<Vec<_>>(), ["zitadel"]);
        assert_eq!(Scope::asked("").unwrap().text(), "");
        assert_eq!(Scope::asked("urn:zitadel:iam:org:project:id::aud").unwrap().text(), "");
    }

    #[test]
    fn what_no_scope_may_be_is_refused() {
        for wrong in ["open\"id", "a\\b", "a\nb", "ü", "a\tb"] {
            assert!(Scope::asked(wrong).is_err(), "{wrong}");
        }
        let long = format!("urn:zitadel:iam:org:project:id:{}:aud", "1".repeat(MOST));
        assert!(Scope::asked(&long).is_err());
    }
}
