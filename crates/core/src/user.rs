//! A user: what it holds, what a valid one looks like, and the ways between its states.

use crate::base::{Secret, Timestamp};
use crate::failure::{self, Failure};
use crate::token::Digest;

/// The state of a user. The numbers are those of the wire and of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserState {
    /// May pass checks.
    Active = 1,
    /// Switched off.
    Inactive = 2,
    /// Gone; only the id is kept, so that it is never given again.
    Deleted = 3,
    /// Locked after failed attempts or by an administrator.
    Locked = 4,
}

impl UserState {
    /// The state with that number.
    #[must_use]
    pub fn numbered(number: i64) -> Option<Self> {
        [Self::Active, Self::Inactive, Self::Deleted, Self::Locked]
            .into_iter()
            .find(|state| *state as i64 == number)
    }

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Deleted => "deleted",
            Self::Locked => "locked",
        }
    }
}

/// A user, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The id, ours or the caller's.
    pub id: String,
    /// The organisation that the user belongs to.
    pub organisation: String,
    /// The state.
    pub state: UserState,
    /// The name to log in with, unique whatever its case.
    pub username: String,
    /// A person or a machine.
    pub kind: UserKind,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Counts the changes: 1 for the first.
    pub sequence: u64,
}

/// A person or a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserKind {
    /// A person.
    Human(Box<Human>),
    /// A program.
    Machine(Machine),
}

/// What only a person has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Human {
    /// Names and language.
    pub profile: Profile,
    /// The mail address.
    pub email: Contact,
    /// The phone number in E.164 form.
    pub phone: Option<Contact>,
    /// The password, if one is set.
    pub password: Option<StoredPassword>,
    /// When the person last declined to set up a second factor.
    pub mfa_init_skipped: Option<Timestamp>,
}

/// What only a machine has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// What its access tokens look like.
    pub access_token: AccessTokenType,
}

/// What the access tokens of a machine look like. The numbers are those of the wire and of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessTokenType {
    /// Nobody but this server can tell anything from one.
    #[default]
    Opaque = 0,
    /// A signed one, which others can read and verify.
    Jwt = 1,
}

impl AccessTokenType {
    /// The one with that number; what is unknown is opaque.
    #[must_use]
    pub const fn numbered(number: i64) -> Self {
        match number {
            1 => Self::Jwt,
            _ => Self::Opaque,
        }
    }

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
        }
    }
}

/// Names and language of a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// The nick name.
    pub nick_name: Option<String>,
    /// How the person is shown.
    pub display_name: String,
    /// A language tag.
    pub preferred_language: Option<String>,
    /// The number of the gender on the wire.
    pub gender: Option<i32>,
}

/// A mail address or a phone number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// The address or number.
    pub address: String,
    /// Whether the user has shown that it is theirs.
    pub verified: bool,
}

/// A password, hashed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPassword {
    /// The encoded hash.
    pub hash: Secret,
    /// When it was set.
    pub changed: Timestamp,
    /// Whether the user shall choose another one.
    pub change_required: bool,
}

/// What a one-time code is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodePurpose {
    /// Proves the mail address.
    Email,
    /// Proves the phone number.
    Phone,
    /// Allows a new password.
    PasswordReset,
    /// Lets an invited person set up a first factor, and proves the mail address that it was sent to.
    Invite,
}

impl CodePurpose {
    /// The name in the store, and in the digest of the code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::PasswordReset => "password_reset",
            Self::Invite => "invite",
        }
    }
}

/// After so many wrong ones a code is void.
pub const MOST_WRONG_CODES: u32 = 5;

/// A one-time code, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredCode {
    /// The keyed digest.
    pub digest: Digest,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
    /// How many wrong codes were presented.
    pub failed: u32,
}

impl User {
    /// The person, if it is one.
    #[must_use]
    pub fn human(&self) -> Option<&Human> {
        match &self.kind {
            UserKind::Human(human) => Some(human),
            UserKind::Machine(_) => None,
        }
    }

    /// The machine, if it is one.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine> {
        match &self.kind {
            UserKind::Human(_) => None,
            UserKind::Machine(machine) => Some(machine),
        }
    }

    /// The name that sessions show.
    #[must_use]
    pub fn display_name(&self) -> &str {
        match &self.kind {
            UserKind::Human(human) => &human.profile.display_name,
            UserKind::Machine(machine) => &machine.name,
        }
    }

    /// One change more.
    pub fn touch(&mut self, now: Timestamp) {
        self.sequence += 1;
        self.changed = now;
    }
}

/// The ways between states that a caller can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transition {
    /// Active to locked.
    Lock,
    /// Locked to active; failed attempts are forgotten.
    Unlock,
    /// Active or locked to inactive.
    Deactivate,
    /// Inactive to active.
    Reactivate,
    /// Any to deleted.
    Delete,
}

impl Transition {
    /// The refusal for a user that does not exist.
    #[must_use]
    pub const fn not_found(self) -> Failure {
        match self {
            Self::Lock => failure::LOCK_NOT_FOUND,
            Self::Unlock => failure::UNLOCK_NOT_FOUND,
            Self::Deactivate => failure::DEACTIVATE_NOT_FOUND,
            Self::Reactivate => failure::REACTIVATE_NOT_FOUND,
            Self::Delete => failure::DELETE_NOT_FOUND,
        }
    }

    /// The state that follows.
    ///
    /// # Errors
    /// The refusal that belongs to the transition, when it does not start in `from`.
    pub fn from(self, from: UserState) -> Result<UserState, Failure> {
        use UserState::{Active, Deleted, Inactive, Locked};
        match (self, from) {
            (_, Deleted) => Err(self.not_found()),
            (Self::Lock, Active) => Ok(Locked),
            (Self::Lock, _) => Err(failure::LOCK_NOT_ACTIVE),
            (Self::Unlock, Locked) | (Self::Reactivate, Inactive) => Ok(Active),
            (Self::Unlock, _) => Err(failure::UNLOCK_NOT_LOCKED),
            (Self::Reactivate, _) => Err(failure::REACTIVATE_NOT_INACTIVE),
            (Self::Deactivate, Active | Locked) => Ok(Inactive),
            (Self::Deactivate, _) => Err(failure::DEACTIVATE_ALREADY),
            (Self::Delete, _) => Ok(Deleted),
        }
    }

    /// Whether the sessions of the user end with it.
    #[must_use]
    pub const fn ends_sessions(self) -> bool {
        matches!(self, Self::Deactivate | Self::Delete)
    }
}

/// The form under which a user name is unique and looked up.
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_lowercase()
}

/// Checks a user name.
///
/// # Errors
/// `V2-zzad3` when it is blank.
pub fn check_username(username: &str) -> Result<(), Failure> {
    if username.trim().is_empty() { Err(failure::USERNAME_BLANK) } else { Ok(()) }
}

/// Checks the names and fills in the display name.
///
/// # Errors
/// `USER-UCej2` or `USER-4hB7d` when a name is blank.
pub fn complete_profile(mut profile: Profile) -> Result<Profile, Failure> {
    if profile.given_name.trim().is_empty() {
        return Err(failure::GIVEN_NAME_BLANK);
    }
    if profile.family_name.trim().is_empty() {
        return Err(failure::FAMILY_NAME_BLANK);
    }
    if profile.display_name.is_empty() {
        profile.display_name = format!("{} {}", profile.given_name, profile.family_name);
    }
    Ok(profile)
}

/// Checks a mail address: something, one `@`, something that can be a host name.
///
/// # Errors
/// `EMAIL-spblu` when it is empty, `EMAIL-599BI` when it has another shape.
pub fn check_email(address: &str) -> Result<(), Failure> {
    if address.trim().is_empty() {
        return Err(failure::EMAIL_EMPTY);
    }
    let well_formed = address.rsplit_once('@').is_some_and(|(local, domain)| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
        !local.is_empty() && !local.contains(odd) && is_host_name(domain)
    });
    if well_formed { Ok(()) } else { Err(failure::EMAIL_INVALID) }
}

fn is_host_name(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    })
}

/// Brings a phone number into E.164 form: `+` and 7 to 15 digits. Blanks, dots, dashes and brackets are dropped,
/// and a leading `00` means `+`.
///
/// # Errors
/// `PHONE-so0wa` when that does not give a number.
pub fn normalise_phone(number: &str) -> Result<String, Failure> {
    let bare: String =
        number.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let digits = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")).ok_or(failure::PHONE_INVALID)?;
    let plausible = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if plausible { Ok(format!("+{digits}")) } else { Err(failure::PHONE_INVALID) }
}

/// Draws a code of `length` upper-case letters and digits from random numbers. Rejection keeps it unbiased.
pub fn draw_code(length: usize, mut chance: impl FnMut() -> u64) -> Secret {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut code = String::with_capacity(length);
    while code.len() < length {
        for byte in chance().to_le_bytes() {
            let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len());
            if usize::from(byte) < 252 && code.len() < length {
                code.extend(letter.map(|letter| char::from(*letter)));
            }
        }
    }
    Secret::new(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_follow_the_table() {
        use Transition as T;
        use UserState as S;
        let table = [
            (T::Lock, S::Active, Ok(S::Locked)),
            (T::Lock, S::Locked, Err(failure::LOCK_NOT_ACTIVE)),
            (T::Lock, S::Inactive, Err(failure::LOCK_NOT_ACTIVE)),
            (T::Unlock, S::Locked, Ok(S::Active)),
            (T::Unlock, S::Active, Err(failure::UNLOCK_NOT_LOCKED)),
            (T::Deactivate, S::Active, Ok(S::Inactive)),
            (T::Deactivate, S::Locked, Ok(S::Inactive)),
            (T::Deactivate, S::Inactive, Err(failure::DEACTIVATE_ALREADY)),
            (T::Reactivate, S::Inactive, Ok(S::Active)),
            (T::Reactivate, S::Locked, Err(failure::REACTIVATE_NOT_INACTIVE)),
            (T::Delete, S::Locked, Ok(S::Deleted)),
            (T::Delete, S::Deleted, Err(failure::DELETE_NOT_FOUND)),
            (T::Lock, S::Deleted, Err(failure::LOCK_NOT_FOUND)),
        ];
        for (transition, from, expected) in table {
            assert_eq!(transition.from(from), expected, "{transition:?} from {from:?}");
        }
    }

    #[test]
    fn phone_numbers_become_e164_or_are_refused() {
        assert_eq!(normalise_phone("+41 (0)79-123 45 67").unwrap_or_default(), "+410791234567");
        assert_eq!(normalise_phone("0041.79.123.45.67").unwrap_or_default(), "+41791234567");
        for bad in ["", "+", "079 123 45 67", "+41x", "+123456", "+1234567890123456", "++4179123456"] {
            assert_eq!(normalise_phone(bad), Err(failure::PHONE_INVALID), "{bad}");
        }
    }

    #[test]
    fn mail_addresses_have_one_at_and_a_host() {
        for good in ["mini@mouse.com", "a+b@localhost", "ü@bücher.example"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        for bad in ["mini", "@mouse.com", "mini@", "a@b@c", "a b@c.d", "a@-c.d", "a@c..d"] {
            assert_eq!(check_email(bad), Err(failure::EMAIL_INVALID), "{bad}");
        }
        assert_eq!(check_email("  "), Err(failure::EMAIL_EMPTY));
    }

    #[test]
    fn a_display_name_is_made_from_the_names_when_it_is_missing() {
        let profile =
            Profile { given_name: "Mini".to_owned(), family_name: "Mouse".to_owned(), ..Profile::default() };
        assert_eq!(complete_profile(profile).unwrap().display_name, "Mini Mouse");
    }

    #[test]
    fn codes_have_their_length_and_use_the_whole_alphabet() {
        let mut seed = 1_u64;
        let mut chance = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed
        };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let code = draw_code(6, &mut chance);
            assert_eq!(code.expose().len(), 6);
            seen.extend(code.expose().chars());
        }
        assert_eq!(seen.len(), 36);
    }
}
