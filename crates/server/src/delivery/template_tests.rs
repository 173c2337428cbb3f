//! What messages say, in which language, and which templates of an operator are taken.

use doorward_core::base::Secret;

use super::*;

fn message(purpose: Purpose, channel: Channel, language: Option<&str>) -> Message {
    Message {
        purpose,
        channel,
        to: "mini@mouse.example".to_owned(),
        user_id: "7".to_owned(),
        session_id: Some("9".to_owned()),
        language: language.map(str::to_owned),
        login_name: "mini".to_owned(),
        display_name: "Mini <b>\"Mouse\"</b> & Co".to_owned(),
        application: None,
        code: Secret::new("A1B2C3"),
        link: Some("https://login.example/?code=A1B2C3&user=7".to_owned()),
        expires: Timestamp(1_763_632_800_123_456),
    }
}

fn mail(templates: &Templates, language: Option<&str>) -> Letter {
    let message = message(Purpose::OtpEmail, Channel::Email, language);
    templates.mail(&message, "https://fallback.example").unwrap()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn every_message_has_words_in_both_languages_and_holds_its_code() {
    let templates = Templates::load(None).unwrap();
    let kinds = [
        (Purpose::VerifyEmail, Channel::Email),
        (Purpose::VerifyPhone, Channel::Sms),
        (Purpose::PasswordReset, Channel::Email),
        (Purpose::PasswordReset, Channel::Sms),
        (Purpose::Invite, Channel::Email),
        (Purpose::PasskeyRegistration, Channel::Email),
        (Purpose::OtpEmail, Channel::Email),
        (Purpose::OtpSms, Channel::Sms),
    ];
    for (purpose, channel) in kinds {
        let [english, german] = ["en", "de"].map(|language| {
            let message = message(purpose, channel, Some(language));
            match channel {
                Channel::Sms => templates.sms(&message, "").unwrap(),
                Channel::Email => {
                    let letter = templates.mail(&message, "").unwrap();
                    assert!(letter.html.contains("A1B2C3") && !letter.subject.is_empty(), "{letter:?}");
                    assert!(letter.text.contains("https://login.example/?code=A1B2C3&user=7"));
                    assert!(letter.text.contains("2025-11-20 10:00 UTC"), "{letter:?}");
                    letter.text
                }
            }
        });
        assert!(english.contains("A1B2C3") && german.contains("A1B2C3"), "{purpose:?} {channel:?}");
        assert_ne!(english, german, "{purpose:?} {channel:?}");
        assert!(!english.contains("{{") && !german.contains("}}"));
    }
}

#[test]
fn the_language_is_the_one_of_the_user_or_else_english() {
    let templates = Templates::load(None).unwrap();
    for (language, greeting) in [
        (Some("de"), "Guten Tag"),
        (Some("de-CH"), "Guten Tag"),
        (Some("DE_at"), "Guten Tag"),
        (Some("en-GB"), "Hello"),
        (Some("fr"), "Hello"),
        (Some(""), "Hello"),
        (None, "Hello"),
    ] {
        assert!(mail(&templates, language).text.starts_with(greeting), "{language:?}");
    }
}

#[test]
fn values_are_escaped_in_html_and_nowhere_else() {
    let letter = mail(&Templates::load(None).unwrap(), None);
    assert!(letter.text.contains("Hello Mini <b>\"Mouse\"</b> & Co,"), "{letter:?}");
    assert!(letter.html.contains("Hello Mini &lt;b&gt;&quot;Mouse&quot;&lt;/b&gt; &amp; Co,"), "{letter:?}");
    assert!(letter.html.contains("href=\"https://login.example/?code=A1B2C3&amp;user=7\""), "{letter:?}");
}

#[test]
fn a_mail_without_a_link_of_its_own_leads_to_the_login_page() {
    let templates = Templates::load(None).unwrap();
    let message = Message { link: None, ..message(Purpose::OtpEmail, Channel::Email, None) };
    let letter = templates.mail(&message, "https://fallback.example").unwrap();
    assert!(letter.html.contains("href=\"https://fallback.example\""), "{letter:?}");
}

#[test]
fn a_subject_stays_on_its_line() {
    let folder = folder(&[("otp_email.en.subject.txt", "For\n{{.DisplayName}}\n")]);
    let templates = Templates::load(Some(folder.path())).unwrap();
    let message = Message {
        display_name: "Mini\r\nBcc: all@mouse.example".to_owned(),
        ..message(Purpose::OtpEmail, Channel::Email, None)
    };
    let letter = templates.mail(&message, "").unwrap();
    assert_eq!(letter.subject, "For Mini  Bcc: all@mouse.example");
}

#[test]
fn files_take_the_place_of_built_in_templates_one_by_one() {
    let folder = folder(&[
        ("otp_email.de.html", "<b>{{ .Code }}</b>"),
        ("otp_sms.fr.sms.txt", "{{.Code}} est votre code.\n"),
        (".hidden.txt", "{{"),
        ("README.md", "{{"),
    ]);
    let templates = Templates::load(Some(folder.path())).unwrap();
    let german = mail(&templates, Some("de"));
    assert_eq!(german.html, "<b>A1B2C3</b>");
    assert!(german.text.starts_with("Guten Tag"), "{german:?}");
    let french = message(Purpose::OtpSms, Channel::Sms, Some("fr-CA"));
    assert_eq!(templates.sms(&french, "").unwrap(), "A1B2C3 est votre code.");
}

#[test]
fn a_template_that_cannot_be_used_is_refused_at_the_start_by_its_name() {
    for (files, problem) in [
        (&[("otp_email.de.html", "{{.Kode}}")][..], "otp_email.de.html: there is no field Kode"),
        (
            &[("otp_email.de.html", "{{if .Code}}")],
            "otp_email.de.html: between {{ and }} there can be nothing but",
        ),
        (&[("otp_mail.de.html", "")], "otp_mail.de.html is the name of no template"),
        (&[("otp_sms.de.html", "")], "otp_sms.de.html is the name of no template"),
        (&[("otp_email.html", "")], "otp_email.html is the name of no template"),
        (&[("otp_email.fr.html", "x"), ("otp_email.fr.txt", "x")], "otp_email.fr.subject.txt is missing"),
    ] {
        let folder = folder(files);
        let refused = format!("{:#}", Templates::load(Some(folder.path())).unwrap_err());
        assert!(refused.contains(problem), "{refused}");
    }
    let refused = format!("{:#}", Templates::load(Some(Path::new("/no/such/folder"))).unwrap_err());
    assert!(refused.contains("/no/such/folder"), "{refused}");
}
