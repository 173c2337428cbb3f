//! The keys about mail, SMS and how they are delivered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::rule::{Rule, section};
use super::secret::SecretText;
use super::shape::{FILE, URL, whole};

/// How mail goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    Off,
    Smtp,
    Log,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    Starttls,
    Tls,
    None,
}

/// How SMS go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsTransport {
    Off,
    Hook,
    Twilio,
    Log,
}

const MAIL_TRANSPORT: Rule = Rule::OneOf(&["off", "smtp", "log"]);
const MAIL_SECURITY: Rule = Rule::OneOf(&["starttls", "tls", "none"]);
const SMS_TRANSPORT: Rule = Rule::OneOf(&["off", "hook", "twilio", "log"]);
const HOST: Rule = Rule::Optional {
    shape: "a host name or address without port",
    fits: |text| !text.contains([' ', '/', '@']) && !text.contains("://"),
};
const MAILBOX: Rule = Rule::Optional {
    shape: "a mail address such as \"Login <login@example.com>\"",
    fits: |text| text.parse::<lettre::message::Mailbox>().is_ok(),
};
const NAME: Rule = Rule::Optional { shape: "a text", fits: |_| true };
const SECRET: Rule = Rule::Secret { shape: "a text", fits: |_| true };
const HOOK_SECRET: Rule =
    Rule::Secret { shape: "a text of 16 characters or more", fits: |text| text.len() >= 16 };
const FOLDER: Rule = Rule::Optional { shape: "the path of a directory", fits: |_| true };

section! {
    /// Mail.
    Mail("mail") {
        /// How mail goes out. `off`: not at all, and codes can only be returned to the caller. `log`: into the log, codes
        /// included, which is for development alone.
        transport: MailTransport = MailTransport::Off, MAIL_TRANSPORT;
        /// The mail server.
        host: Option<String> = None, HOST;
        /// Its port; 0 for the usual one: 587, with `security = "tls"` 465, with `none` 25.
        port: u32 = 0, whole(0, 65_535, "");
        /// How the connection is protected. `starttls`: encrypted before anything is sent, or nothing is sent. `tls`: from
        /// the first byte. `none`: not at all.
        security: MailSecurity = MailSecurity::Starttls, MAIL_SECURITY;
        /// Certificates of the authorities that the mail server is verified with. Not set: those of the system.
        ca_file: Option<PathBuf> = None, FILE;
        /// Name to log in with at the mail server. Not set: without a login.
        user: Option<String> = None, NAME;
        /// Password to log in with.
        password: Option<SecretText> = None, SECRET;
        /// Sender of all mails.
        from: Option<String> = None, MAILBOX;
        /// Where answers go. Not set: to the sender.
        reply_to: Option<String> = None, MAILBOX;
    }
}

section! {
    /// SMS.
    Sms("sms") {
        /// How SMS go out. `hook`: by a POST to a URL of yours. `twilio`: by Twilio's API. `log`: into the log, codes
        /// included, which is for development alone.
        transport: SmsTransport = SmsTransport::Off, SMS_TRANSPORT;
        in hook: SmsHook;
        in twilio: Twilio;
    }
}

section! {
    /// SMS by a POST to a URL of yours.
    SmsHook("sms.hook") {
        /// The URL.
        url: Option<String> = None, URL;
        /// Key that requests are signed with, so that the receiver knows who sent them.
        secret: Option<SecretText> = None, HOOK_SECRET;
    }
}

section! {
    /// SMS by Twilio's API.
    Twilio("sms.twilio") {
        /// Where the API is; only tests have another.
        url: Option<String> = Some("https://api.twilio.com".to_owned()), URL;
        /// The account SID.
        account: Option<String> = None, NAME;
        /// The auth token of the account.
        token: Option<SecretText> = None, SECRET;
        /// The number that SMS come from, or the SID of a messaging service.
        from: Option<String> = None, NAME;
    }
}

section! {
    /// How messages are delivered.
    Delivery("delivery") {
        /// Directory with templates that take the place of the built-in ones, such as `otp_email.de.html`.
        templates: Option<PathBuf> = None, FOLDER;
        /// Messages that one session can ask for in an hour.
        max_per_session: u32 = 10, whole(1, 10_000, "");
        /// Messages that one user can get in an hour.
        max_per_user: u32 = 30, whole(2, 10_000, "");
        /// How often a message is tried at the most, as long as its code is valid.
        attempts: u32 = 12, whole(1, 1_000, "");
        /// Pause after the first attempt that failed; each further one doubles it.
        first_pause_ms: u32 = 2_000, whole(10, 3_600_000, "milliseconds");
        /// Longest pause between two attempts.
        longest_pause_ms: u32 = 120_000, whole(10, 86_400_000, "milliseconds");
        /// Longest time of one attempt.
        timeout_ms: u32 = 15_000, whole(10, 600_000, "milliseconds");
        /// Messages that are sent at the same time.
        at_once: u32 = 8, whole(1, 256, "");
        /// How often a node looks for messages that others left; its own are sent at once.
        poll_interval_ms: u32 = 2_000, whole(10, 600_000, "milliseconds");
    }
}

section! {
    /// What becomes of messages.
    OutboxPolicy("policy.outbox") {
        /// How long the store keeps whether messages were sent; what they said is gone at once. 0 for ever.
        keep_days: u32 = 30, whole(0, 36_500, "days");
    }
}
