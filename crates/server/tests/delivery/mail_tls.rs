//! Mail over encrypted connections, with a login.

use std::path::Path;

use doorward_store::outbox::State;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

use crate::mail_server::{MailServer, settings};
use crate::tools::{add_unverified, only, start};

/// Writes `ca.pem`, `cert.pem` and `key.pem` for `localhost`.
fn certificates(folder: &Path) {
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("ca.pem"), root.pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

/// A mail server that wants encryption and a login, and the configuration for it.
async fn guarded(folder: &Path, password: &str) -> (MailServer, Vec<String>) {
    certificates(folder);
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
    let arguments = ["--cert", &cert, "--key", &key, "--user", "door", "--password", "0pen-sesame"];
    let mails = MailServer::start_with(&arguments).await;
    let mut settings = settings(mails.port);
    settings.extend([
        "mail.host=localhost".to_owned(),
        "mail.security=starttls".to_owned(),
        "mail.user=door".to_owned(),
        format!("mail.password={password}"),
        format!("mail.ca_file={}", folder.join("ca.pem").display()),
    ]);
    (mails, settings)
}

#[tokio::test]
async fn mail_goes_over_starttls_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let (mut mails, settings) = guarded(folder.path(), "0pen-sesame").await;
    let rig = start(&settings).await;
    let id = add_unverified(&rig, "mini@mouse.example").await;
    let mail = mails.mail().await;
    assert_eq!((&mail.0["encrypted"], &mail.0["user"]), (&json!(true), &json!("door")));
    let request = json!({ "userId": id, "verificationCode": mail.code() });
    rig.ok("user.VerifyEmail", &rig.admin, request).await;
}

#[tokio::test]
async fn a_refused_login_keeps_the_mail_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let (mut mails, settings) = guarded(folder.path(), "wrong").await;
    let rig = start(&settings).await;
    add_unverified(&rig, "mini@mouse.example").await;
    assert_eq!(mails.event().await, json!({ "login_refused": "door" }));
    let entry = only(&rig, |entry| entry.error.is_some()).await;
    assert_eq!(entry.state, State::Waiting, "the operator can mend it: {entry:?}");
    assert!(entry.error.unwrap().contains("535"));
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_cannot_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (_mails, mut settings) = guarded(folder.path(), "0pen-sesame").await;
    let other = tempfile::tempdir().unwrap();
    certificates(other.path());
    settings.push(format!("mail.ca_file={}", other.path().join("ca.pem").display()));
    let rig = start(&settings).await;
    add_unverified(&rig, "mini@mouse.example").await;
    let entry = only(&rig, |entry| entry.error.is_some()).await;
    assert_eq!(entry.state, State::Waiting);
    assert!(entry.error.as_deref().unwrap().contains("ertificate"), "{entry:?}");
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_where_encryption_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    // A server that knows no STARTTLS, as if somebody in between had taken the offer out.
    let mut mails = MailServer::start().await;
    let mut settings = mails.settings();
    settings.push("mail.host=localhost".to_owned());
    settings.push("mail.security=starttls".to_owned());
    let rig = start(&settings).await;
    add_unverified(&rig, "mini@mouse.example").await;
    let entry = only(&rig, |entry| entry.error.is_some()).await;
    assert_eq!(entry.state, State::Waiting, "{entry:?}");
    // Had it been sent, it would be the first mail.
    let plain = start(&mails.settings()).await;
    add_unverified(&plain, "max@mouse.example").await;
    assert_eq!(mails.mail().await.to(), "max@mouse.example");
}
