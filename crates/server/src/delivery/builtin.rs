//! The built-in words of messages, in English and German, from which their templates are made.

use crate::app::outbox::Purpose;

/// What all messages of a language say.
struct Language {
    tag: &'static str,
    greeting: &'static str,
    link: &'static str,
    button: &'static str,
    until: &'static str,
    unasked: &'static str,
    mails: [(Purpose, Words); 5],
    sms: [(Purpose, &'static str); 3],
}

/// What the mails of one purpose say.
struct Words {
    subject: &'static str,
    lead: &'static str,
}

/// The templates of a mail.
pub(super) struct MailTexts {
    pub subject: String,
    pub text: String,
    pub html: String,
}

const LANGUAGES: [Language; 2] = [
    Language {
        tag: "en",
        greeting: "Hello {{.DisplayName}},",
        link: "Or open this link:",
        button: "Continue",
        until: "The code is valid until {{.Expires}}.",
        unasked: "If you did not expect this message, you can ignore it.",
        mails: [
            (
                Purpose::VerifyEmail,
                Words {
                    subject: "Confirm your mail address",
                    lead: "with this code you confirm that this mail address is yours:",
                },
            ),
            (
                Purpose::PasswordReset,
                Words {
                    subject: "Choose a new password",
                    lead: "with this code you can choose a new password:",
                },
            ),
            (
                Purpose::Invite,
                Words {
                    subject: "Your invitation",
                    lead: "you have been invited to {{.ApplicationName}}. With this code you can set up how you log in as {{.LoginName}}:",
                },
            ),
            (
                Purpose::PasskeyRegistration,
                Words { subject: "Set up a passkey", lead: "with this code you can set up a passkey:" },
            ),
            (
                Purpose::OtpEmail,
                Words {
                    subject: "{{.Code}} is your code to log in",
                    lead: "this is your code to log in. Give it to nobody who asks you for it:",
                },
            ),
        ],
        sms: [
            (Purpose::VerifyPhone, "{{.Code}} is the code that confirms your phone number."),
            (Purpose::PasswordReset, "{{.Code}} is the code to choose a new password."),
            (Purpose::OtpSms, "{{.Code}} is your code to log in. Give it to nobody."),
        ],
    },
    Language {
        tag: "de",
        greeting: "Guten Tag {{.DisplayName}},",
        link: "Oder öffnen Sie diesen Link:",
        button: "Weiter",
        until: "Der Code gilt bis {{.Expires}}.",
        unasked: "Falls Sie diese Nachricht nicht erwartet haben, brauchen Sie nichts zu tun.",
        mails: [
            (
                Purpose::VerifyEmail,
                Words {
                    subject: "Bestätigen Sie Ihre E-Mail-Adresse",
                    lead: "mit diesem Code bestätigen Sie, dass diese E-Mail-Adresse Ihnen gehört:",
                },
            ),
            (
                Purpose::PasswordReset,
                Words {
                    subject: "Wählen Sie ein neues Passwort",
                    lead: "mit diesem Code können Sie ein neues Passwort wählen:",
                },
            ),
            (
                Purpose::Invite,
                Words {
                    subject: "Ihre Einladung",
                    lead: "Sie wurden zu {{.ApplicationName}} eingeladen. Mit diesem Code richten Sie ein, wie Sie sich als {{.LoginName}} \
                           anmelden:",
                },
            ),
            (
                Purpose::PasskeyRegistration,
                Words {
                    subject: "Richten Sie einen Passkey ein",
                    lead: "mit diesem Code können Sie einen Passkey einrichten:",
                },
            ),
            (
                Purpose::OtpEmail,
                Words {
                    subject: "{{.Code}} ist Ihr Code für die Anmeldung",
                    lead: "dies ist Ihr Code für die Anmeldung. Geben Sie ihn niemandem, der danach fragt:",
                },
            ),
        ],
        sms: [
            (Purpose::VerifyPhone, "{{.Code}} ist der Code, der Ihre Telefonnummer bestätigt."),
            (Purpose::PasswordReset, "{{.Code}} ist der Code für ein neues Passwort."),
            (Purpose::OtpSms, "{{.Code}} ist Ihr Code für die Anmeldung. Geben Sie ihn niemandem."),
        ],
    },
];

/// The mails: purpose, language, templates.
pub(super) fn mails() -> impl Iterator<Item = (Purpose, &'static str, MailTexts)> {
    LANGUAGES.iter().flat_map(|language| {
        language.mails.iter().map(|(purpose, words)| (*purpose, language.tag, language.mail(words)))
    })
}

/// The SMS: purpose, language, template.
pub(super) fn sms() -> impl Iterator<Item = (Purpose, &'static str, &'static str)> {
    LANGUAGES
        .iter()
        .flat_map(|language| language.sms.iter().map(|(purpose, text)| (*purpose, language.tag, *text)))
}

impl Language {
    fn mail(&self, words: &Words) -> MailTexts {
        let Self { tag, greeting, link, button, until, unasked, .. } = self;
        let Words { subject, lead } = words;
        let text = format!(
            "{greeting}\n\n{lead}\n\n    {{{{.Code}}}}\n\n{link}\n\n{{{{.Link}}}}\n\n{until}\n{unasked}\n"
        );
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"{tag}\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
             <body style=\"font-family: sans-serif; max-width: 36em; margin: 2em auto; padding: 0 1em\">\n\
             <p>{greeting}</p>\n<p>{lead}</p>\n\
             <p style=\"font-family: monospace; font-size: 1.75em; letter-spacing: 0.1em\">{{{{.Code}}}}</p>\n\
             <p><a href=\"{{{{.Link}}}}\">{button}</a></p>\n\
             <p>{until} {unasked}</p>\n</body>\n</html>\n"
        );
        MailTexts { subject: (*subject).to_owned(), text, html }
    }
}
