//! Every refusal that a caller can see: its kind, its stable id, its text.
//!
//! Ids and texts are those of the API that Doorward speaks; ids of our own begin with `DOORWARD-`. Turning a failure
//! into a status is the business of the wire side alone.

use std::borrow::Cow;

use crate::base::Span;

/// The class of a failure, which decides the status code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The request itself is wrong.
    InvalidArgument,
    /// The request is fine, but not in the present state.
    FailedPrecondition,
    /// There is no such thing.
    NotFound,
    /// There is such a thing already.
    AlreadyExists,
    /// The caller is known, but may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// Too much at once; try again later.
    ResourceExhausted,
    /// Not something this server does.
    Unimplemented,
    /// A fault of ours.
    Internal,
    /// Not possible just now; try again.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
}

/// What goes with a failure besides its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The text alone: no id, no detail message.
    Bare,
    /// The id and the text.
    Id,
    /// The id, the text and how often the check has failed in a row.
    Credentials { failed_attempts: i32 },
    /// The id, the text and when it is worth trying again.
    Retry { after: Span },
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Failure {
    /// The class.
    pub kind: Kind,
    /// The stable id, such as `COMMAND-3M0fs`.
    pub id: &'static str,
    /// The text for people, without the id.
    pub text: Cow<'static, str>,
    /// What goes with it.
    pub detail: Detail,
}

impl Failure {
    const fn new(kind: Kind, id: &'static str, text: &'static str) -> Self {
        Self { kind, id, text: Cow::Borrowed(text), detail: Detail::Id }
    }

    /// A failure that has neither id nor detail, such as a violated limit.
    #[must_use]
    pub fn bare(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, id: "", text: text.into(), detail: Detail::Bare }
    }

    /// The same failure, telling how often the check has failed in a row.
    #[must_use]
    pub fn with_attempts(mut self, failed: u32) -> Self {
        self.detail = Detail::Credentials { failed_attempts: i32::try_from(failed).unwrap_or(i32::MAX) };
        self
    }

    /// The same failure, telling when it is worth trying again.
    #[must_use]
    pub fn with_retry(mut self, after: Span) -> Self {
        self.detail = Detail::Retry { after };
        self
    }

    /// The text on the wire: with the id in parentheses, unless the failure is bare.
    #[must_use]
    pub fn message(&self) -> String {
        match self.detail {
            Detail::Bare => self.text.to_string(),
            _ => format!("{} ({})", self.text, self.id),
        }
    }
}

macro_rules! failures {
    ($($name:ident = $kind:ident, $id:literal, $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, " (", $id, ")`, ", stringify!($kind), ".")]
            pub const $name: Failure = Failure::new(Kind::$kind, $id, $text);
        )*
        /// Every failure of the table, for the tests that hold it against the documentation.
        pub const ALL: &[Failure] = &[$($name),*];
    };
}

failures! {
    // Authentication of the caller. These texts are never translated.
    AUTH_HEADER_INVALID = Unauthenticated, "AUTH-toLo1", "invalid auth header";
    AUTH_TOKEN_INVALID = Unauthenticated, "AUTH-7fs1e", "Errors.Token.Invalid";
    ORGANISATION_UNKNOWN = PermissionDenied, "AUTH-Bs7Ds", "Organisation doesn't exist";
    BEARER_SESSION_UNKNOWN = NotFound, "QUERY-SFeaa", "Errors.Session.NotExisting";
    BEARER_SESSION_WRONG = PermissionDenied, "QUERY-dsfr3", "Errors.PermissionDenied";
    BEARER_SESSION_EXPIRED = PermissionDenied, "AUTHZ-EGDo3", "session expired";
    BEARER_NO_FACTOR = PermissionDenied, "AUTHZ-Kl3p0", "authentication required";
    BEARER_NO_MFA = PermissionDenied, "AUTHZ-Kl3p0", "mfa required";
    BEARER_USER_LOCKED = PermissionDenied, "DOORWARD-L0ck1", "Errors.User.Locked";
    // Permissions.
    MEMBERSHIP_MISSING = NotFound, "AUTHZ-cdgFk", "membership not found";
    PERMISSION_MISSING = PermissionDenied, "AUTH-AWfge", "No matching permissions found";
    ROLES_BEYOND = PermissionDenied, "DOORWARD-R0le5", "The user may do more than the caller";
    METHOD_PERMISSION_MISSING = PermissionDenied, "AUTH-5mWD2", "No matching permissions found";
    // Sessions.
    SESSION_NOT_FOUND = NotFound, "QUERY-SFeaa", "Session does not exist";
    SESSION_READ_DENIED = PermissionDenied, "QUERY-dsfr3", "Errors.PermissionDenied";
    SESSION_TOKEN_MALFORMED = InvalidArgument, "COMMAND-hi6Ph", "Session Token is invalid";
    SESSION_TOKEN_WRONG = PermissionDenied, "COMMAND-sGr42", "Session Token is invalid";
    SESSION_TERMINATED = FailedPrecondition, "COMMAND-Hewfq", "Session already terminated";
    SESSION_EXPIRED = FailedPrecondition, "COMMAND-Hkl3d", "Session has expired";
    CREATOR_QUERY_EMPTY = InvalidArgument, "GRPC-x8n24uh", "List.Query.Invalid";
    USER_AGENT_QUERY_EMPTY = InvalidArgument, "GRPC-x8n23uh", "List.Query.Invalid";
    QUERY_TOO_LARGE = InvalidArgument, "DOORWARD-Qu3ry", "Too many conditions in one search (Max 10000)";
    LIMIT_EXCEEDED = InvalidArgument, "QUERY-4M0fs", "Errors.Query.LimitExceeded";
    // The user check.
    USER_SEARCH_MISSING = Unimplemented, "SESSION-d3b4g0", "user search <nil> not implemented";
    USER_NOT_FOUND = NotFound, "QUERY-Dfbg2", "User could not be found";
    USER_NOT_ACTIVE = FailedPrecondition, "SESSION-Gj4ko", "Errors.User.NotActive";
    USER_CHANGE = InvalidArgument, "", "user change not possible";
    // The password check.
    PASSWORD_NO_USER = FailedPrecondition, "COMMAND-Sfw3f", "User ID missing";
    PASSWORD_USER_UNKNOWN = FailedPrecondition, "COMMAND-3n77z", "User could not be found";
    PASSWORD_USER_LOCKED = FailedPrecondition, "COMMAND-JLK35", "Errors.User.Locked";
    PASSWORD_USER_LOCKED_MEANWHILE = FailedPrecondition, "COMMAND-SFA3t", "Errors.User.Locked";
    PASSWORD_NOT_SET = FailedPrecondition, "COMMAND-3nJ4t", "User has not set a password";
    PASSWORD_INVALID = InvalidArgument, "COMMAND-3M0fs", "Password is invalid";
    PASSWORD_HASH_UNUSABLE = Internal, "COMMAND-CahN2", "An internal error occurred";
    TOO_MANY_ATTEMPTS = ResourceExhausted, "DOORWARD-B4ck0", "Too many failed attempts, try again later";
    // The intent check.
    INTENT_NO_USER = FailedPrecondition, "COMMAND-Sfw3r", "User ID missing";
    INTENT_TOKEN_MALFORMED = PermissionDenied, "CRYPTO-Swg31", "Intent Token is invalid";
    INTENT_TOKEN_WRONG = PermissionDenied, "CRYPTO-Sf4gt", "Intent Token is invalid";
    INTENT_TOKEN_OF_ANOTHER = PermissionDenied, "CRYPTO-CRYPTO", "Intent Token is invalid";
    INTENT_NOT_SUCCEEDED = FailedPrecondition, "COMMAND-Df4bw", "Intent has not succeeded";
    INTENT_EXPIRED = FailedPrecondition, "COMMAND-SAf42", "Intent has expired";
    INTENT_OTHER_USER = FailedPrecondition, "COMMAND-O8xk3w", "Intent meant for another user";
    // The WebAuthn check and challenge.
    WEBAUTHN_NO_CHALLENGE = FailedPrecondition, "COMMAND-Ioqu5", "Session without WebAuthN challenge";
    WEBAUTHN_NO_USER = FailedPrecondition, "COMMAND-eeR2e", "User ID missing";
    WEBAUTHN_USER_UNKNOWN = FailedPrecondition, "COMMAND-Df4b3", "User could not be found";
    WEBAUTHN_MALFORMED = InvalidArgument, "WEBAU-ADgv4", "Error on validate login credentials";
    WEBAUTHN_INVALID = InvalidArgument, "WEBAU-3M9si", "Error on validate login credentials";
    WEBAUTHN_KEY_GONE = FailedPrecondition, "COMMAND-Aej7i", "WebAuthN Token could not be found";
    WEBAUTHN_NO_CREDENTIAL = FailedPrecondition, "WEBAU-4G8sw", "WebAuthn begin login failed";
    WEBAUTHN_DOMAIN = InvalidArgument, "WEBAU-UX9ta", "Errors.User.WebAuthN.ServerConfig";
    // The TOTP check.
    TOTP_NO_USER = InvalidArgument, "COMMAND-8N9ds", "User ID missing";
    TOTP_NOT_READY = FailedPrecondition, "COMMAND-3Mif9s", "Multifactor OTP (OneTimePassword) isn't ready";
    TOTP_INVALID = InvalidArgument, "EVENT-8isk2", "Invalid code";
    TOTP_USER_LOCKED = FailedPrecondition, "COMMAND-SF3fg", "Errors.User.Locked";
    // The checks and challenges of codes by SMS and mail.
    OTP_NO_USER = InvalidArgument, "COMMAND-S453v", "User ID missing";
    OTP_CODE_EMPTY = InvalidArgument, "COMMAND-SJl2g", "Code is empty";
    OTP_NOT_READY = FailedPrecondition, "COMMAND-d2r52", "Multifactor OTP (OneTimePassword) isn't ready";
    OTP_NO_CHALLENGE = FailedPrecondition, "COMMAND-S34gh", "Code not found";
    OTP_USER_LOCKED = FailedPrecondition, "COMMAND-S6h4R", "Errors.User.Locked";
    OTP_SMS_CHALLENGE_NO_USER = FailedPrecondition, "COMMAND-JKL3g", "User ID missing";
    OTP_SMS_CHALLENGE_NOT_READY = FailedPrecondition, "COMMAND-BJ2g3", "Multifactor OTP (OneTimePassword) isn't ready";
    OTP_EMAIL_CHALLENGE_NO_USER = FailedPrecondition, "COMMAND-JK3gp", "User ID missing";
    OTP_EMAIL_CHALLENGE_NOT_READY = FailedPrecondition, "COMMAND-JKLJ3", "Multifactor OTP (OneTimePassword) isn't ready";
    RETURN_CODE_DENIED = PermissionDenied, "DOORWARD-R3tcd", "Only callers with the permission to write sessions can have a code returned";
    TEMPLATE_MALFORMED = InvalidArgument, "DOMAIN-oGh5e", "URL Template is invalid";
    TEMPLATE_UNKNOWN_FIELD = InvalidArgument, "DOMAIN-ieYa7", "URL Template is invalid";
    // The recovery code check.
    RECOVERY_NO_USER = InvalidArgument, "DOORWARD-R3c0u", "User ID missing";
    RECOVERY_NOT_READY = FailedPrecondition, "DOORWARD-R3c0r", "Recovery codes aren't ready";
    RECOVERY_INVALID = InvalidArgument, "DOORWARD-R3c0i", "Invalid code";
    RECOVERY_USER_LOCKED = FailedPrecondition, "DOORWARD-R3c0l", "Errors.User.Locked";
    // Users: time-based codes.
    TOTP_USER_UNKNOWN = FailedPrecondition, "COMMAND-SqyJz", "User could not be found";
    TOTP_ALREADY = AlreadyExists, "COMMAND-do9se", "Multifactor OTP (OneTimePassword) is already set up";
    TOTP_NOT_REGISTERED = NotFound, "COMMAND-3Mif9s", "Multifactor OTP (OneTimePassword) doesn't exist";
    TOTP_ALREADY_READY = FailedPrecondition, "COMMAND-qx4ls", "Errors.Users.MFA.OTP.AlreadyReady";
    TOTP_REMOVE_NOT_FOUND = NotFound, "COMMAND-Hd9sd", "Multifactor OTP (OneTimePassword) doesn't exist";
    TOTP_SECRET_INVALID = InvalidArgument, "DOORWARD-T0tp1", "The TOTP secret is not base32 of 10 to 64 bytes";
    // Users: codes by SMS and mail.
    OTP_SMS_ALREADY = AlreadyExists, "COMMAND-Ad3g2", "Multifactor OTP (OneTimePassword) is already set up";
    OTP_EMAIL_ALREADY = AlreadyExists, "COMMAND-MKL2s", "Multifactor OTP (OneTimePassword) is already set up";
    OTP_SMS_UNVERIFIED = FailedPrecondition, "COMMAND-Q54j2", "Multifactor OTP (OneTimePassword) isn't ready";
    OTP_EMAIL_UNVERIFIED = FailedPrecondition, "COMMAND-KLJ2d", "Multifactor OTP (OneTimePassword) isn't ready";
    OTP_SMS_NOT_FOUND = NotFound, "COMMAND-Sr3h3", "Multifactor OTP (OneTimePassword) doesn't exist";
    OTP_EMAIL_NOT_FOUND = NotFound, "COMMAND-b312D", "Multifactor OTP (OneTimePassword) doesn't exist";
    // Users: recovery codes.
    RECOVERY_NOT_FOUND = NotFound, "DOORWARD-R3c0n", "Recovery codes don't exist";
    RECOVERY_TOO_MANY = InvalidArgument, "DOORWARD-R3c0m", "A user can have 50 recovery codes at most";
    // Users: passkeys and U2F.
    PASSKEY_CODE_INVALID = InvalidArgument, "COMMAND-Eeb2a", "Code is invalid";
    PASSKEY_USER_UNKNOWN = NotFound, "COMMAND-M9dsd", "User could not be found";
    PASSKEY_NOT_PENDING = FailedPrecondition, "WEBAU-5M9so", "WebAuthN Token could not be found";
    PASSKEY_MALFORMED = InvalidArgument, "WEBAU-sEr8c", "Error on parse credential data";
    PASSKEY_INVALID = InvalidArgument, "WEBAU-3Vb9s", "Error on create credentials";
    PASSKEY_NOT_FOUND = NotFound, "COMMAND-DAfb2", "WebAuthN Token could not be found";
    PASSKEY_TOO_MANY = ResourceExhausted, "DOORWARD-Pk3ys", "A user can have 50 passkeys and 50 U2F keys at most";
    // Identity providers, intents and links.
    INTENT_CONTENT_MISSING = Unimplemented, "USERv2-S2g21", "type oneOf <nil> in method StartIdentityProviderIntent not implemented";
    INTENT_LDAP_UNSERVED = Unimplemented, "DOORWARD-Ld4p1", "LDAP identity providers are not served";
    INTENT_IDP_UNKNOWN = FailedPrecondition, "COMMAND-as02jin", "Identity Provider Configuration doesn't exist";
    INTENT_URL_DENIED = InvalidArgument, "DOORWARD-R3dir", "The success or failure URL is not allowed by the configuration";
    INTENT_IDP_UNAVAILABLE = Unavailable, "DOORWARD-1dpun", "The identity provider does not answer, try again later";
    INTENT_READ_NOT_SUCCEEDED = FailedPrecondition, "IDP-nme4gszsvx", "Intent has not succeeded";
    INTENT_READ_EXPIRED = FailedPrecondition, "IDP-SAf42", "Intent has expired";
    LINK_USER_UNKNOWN = FailedPrecondition, "COMMAND-vzktar7b7f", "User could not be found";
    LINK_TAKEN = AlreadyExists, "V3-DKcYh", "External IDP already taken";
    LINK_NOT_FOUND = NotFound, "COMMAND-1M9xR", "External IDP not found";
    LINK_TOO_MANY = ResourceExhausted, "DOORWARD-L1nks", "A user can have 100 links to identity providers at most";
    // Users: invitations and sending codes again.
    RESEND_EMAIL_UNKNOWN = FailedPrecondition, "DOORWARD-R3s3u", "User could not be found";
    RESEND_NOTHING = FailedPrecondition, "DOORWARD-R3s3n", "There is no code to send again";
    RESEND_VERIFIED = FailedPrecondition, "DOORWARD-R3s3v", "It is verified already";
    INVITE_NOT_FOUND = FailedPrecondition, "DOORWARD-1nv1n", "There is no invitation to send again";
    INVITE_ALREADY = FailedPrecondition, "DOORWARD-1nv1a", "User has a way to log in already";
    INVITE_CODE_INVALID = InvalidArgument, "DOORWARD-1nv1c", "Code is invalid";
    // Delivery.
    DELIVERY_UNSET = FailedPrecondition, "DOORWARD-N0tif", "No delivery of mail or SMS is set up, ask for the code with return_code";
    MESSAGE_NOT_FOUND = NotFound, "DOORWARD-0utb0", "There is no such message";
    DELIVERY_TOO_MANY = ResourceExhausted, "DOORWARD-D3l1v", "Too many messages for this user or session, try again later";
    // Users: making them.
    EMAIL_INVALID = InvalidArgument, "EMAIL-599BI", "Email is invalid";
    EMAIL_EMPTY = InvalidArgument, "EMAIL-spblu", "Email is empty";
    USERNAME_BLANK = InvalidArgument, "V2-zzad3", "Errors.Invalid.Argument";
    GIVEN_NAME_BLANK = InvalidArgument, "USER-UCej2", "Given name in profile is empty";
    FAMILY_NAME_BLANK = InvalidArgument, "USER-4hB7d", "Family name in profile is empty";
    PHONE_INVALID = InvalidArgument, "PHONE-so0wa", "Phone is invalid";
    METADATA_KEY_EMPTY = InvalidArgument, "USER-Drght", "Errors.User.Metadata.KeyEmpty";
    METADATA_VALUE_EMPTY = InvalidArgument, "USER-Dbgth", "Errors.User.Metadata.ValueEmpty";
    HASH_UNSUPPORTED = InvalidArgument, "USER-JDk4t", "Password hash encoding not supported. Check out https://zitadel.com/docs/concepts/architecture/secrets#hashed-secrets";
    USER_ID_TAKEN = FailedPrecondition, "COMMAND-7yiox1isql", "Errors.User.AlreadyExisting";
    USERNAME_TAKEN = AlreadyExists, "V3-DKcYh", "User already exists";
    IDP_UNKNOWN = FailedPrecondition, "COMMAND-39nf2", "Identity Provider Configuration doesn't exist";
    ORGANISATION_OF_USER_UNKNOWN = FailedPrecondition, "DOORWARD-0rg01", "Organisation doesn't exist";
    // Users: states.
    LOCK_NOT_FOUND = NotFound, "COMMAND-450yxuqrh1", "User could not be found";
    LOCK_NOT_ACTIVE = FailedPrecondition, "COMMAND-lgws8wtsqf", "User is not active or initial";
    UNLOCK_NOT_FOUND = NotFound, "COMMAND-x377t913pw", "User could not be found";
    UNLOCK_NOT_LOCKED = FailedPrecondition, "COMMAND-olb9vb0oca", "User is not locked";
    DEACTIVATE_NOT_FOUND = NotFound, "COMMAND-5gp2p62iin", "User could not be found";
    DEACTIVATE_ALREADY = FailedPrecondition, "COMMAND-5gunjw0cd7", "User already inactive";
    REACTIVATE_NOT_FOUND = NotFound, "COMMAND-9hy5kzbuk6", "User could not be found";
    REACTIVATE_NOT_INACTIVE = FailedPrecondition, "COMMAND-s5qqcz97hf", "User is not inactive";
    DELETE_NOT_FOUND = NotFound, "COMMAND-bd4ir1mblj", "User could not be found";
    TARGET_USER_UNKNOWN = NotFound, "COMMAND-4g3xq", "Errors.NotFound";
    QUERY_TOO_DEEP = InvalidArgument, "USER-zsQ97", "Too many query nesting levels (Max 20)";
    // Users: e-mail and phone.
    EMAIL_NOT_FOUND = NotFound, "COMMAND-ieJ2e", "Email not found";
    PHONE_NOT_FOUND = NotFound, "COMMAND-ieJ2e", "Phone not found";
    CONTACT_CODE_INVALID = InvalidArgument, "COMMAND-eis9R", "Code is invalid";
    EMAIL_UNCHANGED = FailedPrecondition, "COMMAND-Uch5e", "Email not changed";
    PHONE_UNCHANGED = FailedPrecondition, "COMMAND-Uch5e", "Phone not changed";
    // Users: password.
    SET_PASSWORD_NOT_FOUND = FailedPrecondition, "COMMAND-G8dh3", "Password not found";
    CURRENT_PASSWORD_NOT_SET = FailedPrecondition, "COMMAND-Fds3s", "User has not set a password";
    PASSWORD_UNCHANGED = FailedPrecondition, "COMMAND-Aesh5", "New password cannot be the same as your current password";
    PASSWORD_EMPTY = InvalidArgument, "COMMAND-3M0fs", "Password is empty";
    PASSWORD_EMPTY_WITH_CODE = InvalidArgument, "COMMAND-Mf0sd", "Password is empty";
    RESET_CODE_NOT_FOUND = FailedPrecondition, "COMMAND-2M9fs", "Code not found";
    CODE_EXPIRED = FailedPrecondition, "CODE-QvUQ4P", "Code is expired";
    CODE_INVALID = InvalidArgument, "CODE-woT0xc", "Code is invalid";
    RESET_NOT_FOUND = NotFound, "COMMAND-SAF4f", "User could not be found";
    TOO_SHORT_SET = InvalidArgument, "DOMAIN-HuJf6", "Password is too short";
    NO_LOWER_SET = InvalidArgument, "DOMAIN-co3Xw", "Password must contain lower case";
    NO_UPPER_SET = InvalidArgument, "DOMAIN-VoaRj", "Password must contain upper case";
    NO_NUMBER_SET = InvalidArgument, "DOMAIN-ZBv4H", "Password must contain number";
    NO_SYMBOL_SET = InvalidArgument, "DOMAIN-ZDLwA", "Password must contain symbol";
    TOO_SHORT_CREATE = InvalidArgument, "COMMA-HuJf6", "Password is too short";
    NO_LOWER_CREATE = InvalidArgument, "COMMA-co3Xw", "Password must contain lower case";
    NO_UPPER_CREATE = InvalidArgument, "COMMA-VoaRj", "Password must contain upper case";
    NO_NUMBER_CREATE = InvalidArgument, "COMMA-ZBv4H", "Password must contain number";
    NO_SYMBOL_CREATE = InvalidArgument, "COMMA-ZDLwA", "Password must contain symbol";
    NOT_HUMAN = FailedPrecondition, "DOORWARD-Hum4n", "User is not a human";
    NOT_MACHINE = FailedPrecondition, "DOORWARD-M4ch1", "User is not a machine";
    // Personal access tokens and metadata of users.
    TOKEN_NOT_FOUND = NotFound, "DOORWARD-T0k3n", "Personal access token could not be found";
    TOKEN_EXPIRED_AT_BIRTH = InvalidArgument, "DOORWARD-T0k3x", "The expiration date lies in the past";
    METADATA_NOT_FOUND = NotFound, "DOORWARD-M3ta1", "Metadata could not be found";
    METADATA_TOO_MUCH = ResourceExhausted, "DOORWARD-M3ta2", "A user can have 1000 metadata entries at most";
    TEXT_WITH_NUL = InvalidArgument, "DOORWARD-Nu1ch", "A text holds a NUL character, which cannot be stored";
    SESSION_METADATA_TOO_MUCH = ResourceExhausted, "DOORWARD-M3ta3", "The metadata and user agent of a session can have 64 KiB at most";
    // Secrets and keys of machine users.
    SECRET_NOT_FOUND = NotFound, "DOORWARD-S3cr0", "Secret could not be found";
    KEY_NOT_FOUND = NotFound, "DOORWARD-K3yn0", "Key could not be found";
    KEY_EXPIRED_AT_BIRTH = InvalidArgument, "DOORWARD-K3yx0", "The expiration date lies in the past";
    KEY_UNUSABLE = InvalidArgument, "DOORWARD-K3yb4", "The public key is not RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519 in PEM or DER";
    KEY_TOO_MANY = ResourceExhausted, "DOORWARD-K3ys0", "A user can have 100 keys at most";
    // Load and faults.
    RATE_EXCEEDED = ResourceExhausted, "DOORWARD-R4te1", "Too many requests, try again later";
    OVERLOADED = ResourceExhausted, "DOORWARD-0verl", "The server is busy, try again later";
    STORE_UNAVAILABLE = Unavailable, "DOORWARD-St0re", "The store is not available, try again later";
    INTERNAL = Internal, "DOORWARD-1nter", "An internal error occurred";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_carries_the_id_unless_the_failure_is_bare() {
        assert_eq!(PASSWORD_INVALID.message(), "Password is invalid (COMMAND-3M0fs)");
        assert_eq!(USER_CHANGE.message(), "user change not possible ()");
        assert_eq!(
            Failure::bare(Kind::Unauthenticated, "auth header missing").message(),
            "auth header missing"
        );
    }

    #[test]
    fn one_id_never_stands_for_two_kinds() {
        for one in ALL {
            for other in ALL {
                let same_place = one.id == other.id && one.text == other.text;
                assert!(!same_place || one.kind == other.kind, "{} is used twice", one.id);
            }
        }
    }
}
