//! Mail and SMS: what each way needs, and what must not be said together.

use super::{assert_has, load, refusal};

#[test]
fn what_a_way_needs_and_lacks_is_told_all_at_once() {
    let text = refusal("[mail]\ntransport = \"smtp\"\n[sms]\ntransport = \"hook\"\n", &[], &[]);
    assert_has(
        &text,
        &[
            "mail.host is not set, but mail.transport = \"smtp\" needs it",
            "mail.from is not set",
            "sms.hook.url is not set, but sms.transport = \"hook\" needs it",
            "sms.hook.secret is not set",
            "line 2",
        ],
    );
    let text = refusal("", &[], &["sms.transport=twilio", "sms.twilio.url="]);
    for key in ["account", "token", "from"] {
        assert_has(
            &text,
            &[&format!("sms.twilio.{key} is not set, but sms.transport = \"twilio\" needs it")],
        );
    }
}

#[test]
fn a_password_never_goes_over_the_network_in_the_clear() {
    let smtp = ["mail.transport=smtp", "mail.from=a@b.example", "mail.user=u", "mail.password=hunter2"];
    let with = |more: &[&'static str]| smtp.iter().chain(more).copied().collect::<Vec<_>>();
    let text = refusal("", &[], &with(&["mail.host=mail.example", "mail.security=none"]));
    assert_has(&text, &["mail.security: \"none\" would send mail.password"]);
    assert!(!text.contains("hunter2"), "{text}");
    for fine in [
        with(&["mail.host=mail.example"]),
        with(&["mail.host=mail.example", "mail.security=tls"]),
        with(&["mail.host=127.0.0.1", "mail.security=none"]),
        with(&["mail.host=localhost", "mail.security=none"]),
    ] {
        load("", &[], &fine).unwrap();
    }
    let alone = refusal("", &[], &["mail.user=u"]);
    assert_has(&alone, &["mail.user and mail.password: a login needs both"]);
}

#[test]
fn pauses_addresses_and_secrets_have_their_shape() {
    let text = refusal("", &[], &["delivery.first_pause_ms=5000", "delivery.longest_pause_ms=4000"]);
    assert_has(&text, &["delivery.first_pause_ms: 5000 is not allowed", "which is 4000"]);
    for wrong in ["mail.from=nobody", "mail.host=smtp://a", "sms.hook.url=ftp://a", "mail.transport=sendmail"]
    {
        assert_has(&refusal("", &[], &[wrong]), &["is not allowed; allowed is"]);
    }
    let text = refusal("", &[], &["sms.hook.secret=hunter2"]);
    assert_has(&text, &["sms.hook.secret: (redacted) is not allowed", "16 characters or more"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn links_begin_at_the_login_page_or_else_below_the_server() {
    let url = |set: &[&str]| load("", &[], set).unwrap().login_url();
    assert_eq!(url(&[]), "http://127.0.0.1:8080/ui/v2/login");
    assert_eq!(url(&["public_url=https://a.example/"]), "https://a.example/ui/v2/login");
    assert_eq!(
        url(&["public_url=https://a.example", "login_url=https://b.example/x/"]),
        "https://b.example/x"
    );
}
