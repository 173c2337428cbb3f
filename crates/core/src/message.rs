//! Messages to users: what they are for, the ways that they go, and the links that they hold.

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A code that proves a mail address.
    VerifyEmail,
    /// A code that proves a phone.
    VerifyPhone,
    /// A code that allows a new password.
    PasswordReset,
    /// An invitation to set up a first way to log in.
    Invite,
    /// A code that lets somebody register a passkey.
    PasskeyRegistration,
    /// A code that a session asked for by mail.
    OtpEmail,
    /// A code that a session asked for by SMS.
    OtpSms,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::VerifyEmail,
        Self::VerifyPhone,
        Self::PasswordReset,
        Self::Invite,
        Self::PasskeyRegistration,
        Self::OtpEmail,
        Self::OtpSms,
    ];

    /// The name in the store, in the names of template files and before receivers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::VerifyPhone => "verify_phone",
            Self::PasswordReset => "password_reset",
            Self::Invite => "invite",
            Self::PasskeyRegistration => "passkey_registration",
            Self::OtpEmail => "otp_email",
            Self::OtpSms => "otp_sms",
        }
    }

    /// The purpose with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// The fields that the template of a link may use.
    #[must_use]
    pub const fn link_fields(self) -> &'static [&'static str] {
        match self {
            Self::VerifyEmail | Self::PasswordReset => &["UserID", "Code", "OrgID"],
            Self::Invite => &["UserID", "LoginName", "Code", "OrgID"],
            Self::PasskeyRegistration => &["UserID", "OrgID", "CodeID", "Code"],
            Self::OtpEmail => {
                &["Code", "UserID", "LoginName", "DisplayName", "PreferredLanguage", "SessionID"]
            }
            Self::VerifyPhone | Self::OtpSms => &[],
        }
    }

    /// The link of a message whose sender named none, below the address of the login page. Codes by SMS go without.
    #[must_use]
    pub const fn default_link(self) -> Option<&'static str> {
        match self {
            Self::VerifyEmail => Some("/verify?code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}"),
            Self::PasswordReset => {
                Some("/password/set?code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}")
            }
            Self::Invite => {
                Some("/verify?code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}&invite=true")
            }
            Self::PasskeyRegistration => Some(
                "/passkey/set?code={{.Code}}&codeId={{.CodeID}}&userId={{.UserID}}&organization={{.OrgID}}",
            ),
            Self::OtpEmail => Some("/otp/verify?code={{.Code}}&userID={{.UserID}}&sessionId={{.SessionID}}"),
            Self::VerifyPhone | Self::OtpSms => None,
        }
    }
}

/// The way that a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// By mail.
    Email,
    /// By SMS.
    Sms,
}

impl Channel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The name in the store and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// The channel with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}
