//! Mail servers that are down, slow or unwilling: nobody waits for them, nothing is lost, and nothing comes twice.

use std::collections::HashSet;

use doorward::config::Config;
use doorward::delivery::Delivery;
use doorward::telemetry::Metrics;
use doorward_core::base::Span;
use doorward_store::outbox::State;
use serde_json::json;
use tokio::net::TcpListener;

use crate::mail_server::{MailServer, settings};
use crate::rig::{Rig, START};
use crate::tools::{add_unverified, only, outbox, start};

/// A port on which nobody listens just now.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// What a metric counts.
async fn counted(rig: &Rig, name: &str) -> String {
    let text = rig.http.rest("GET", "/metrics", None, "").await.bytes;
    let text = String::from_utf8(text.to_vec()).unwrap();
    let line =
        text.lines().find(|line| line.starts_with(&format!("doorward_messages_{name}{{channel=\"email\"}}")));
    line.map_or_else(String::new, |line| line.rsplit(' ').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_mail_waits_for_a_server_that_is_down_and_comes_once_it_is_up() {
    let port = free_port().await;
    let rig = start(&settings(port)).await;
    let id = add_unverified(&rig, "mini@mouse.example").await;
    let entry = only(&rig, |entry| entry.error.is_some()).await;
    assert_eq!((entry.state, entry.attempts), (State::Waiting, 1));
    let mut mails = MailServer::start_with(&["--port", &port.to_string()]).await;
    // The pause doubles: 2 seconds, then 4.
    assert_eq!(entry.due, START.plus(Span::seconds(2)));
    rig.clock.advance(Span::seconds(2));
    let mail = mails.mail().await;
    let sent = only(&rig, |entry| entry.state == State::Sent).await;
    assert_eq!((sent.attempts, sent.payload, sent.error), (2, None, None));
    let request = json!({ "userId": id, "verificationCode": mail.code() });
    rig.ok("user.VerifyEmail", &rig.admin, request).await;
    assert_eq!(counted(&rig, "failed_total").await, "1");
    assert_eq!(counted(&rig, "sent_total").await, "1");
    // Had it been sent twice, the second one would come before this one.
    add_unverified(&rig, "max@mouse.example").await;
    assert_eq!(mails.mail().await.to(), "max@mouse.example");
}

#[tokio::test]
async fn a_server_that_does_not_answer_slows_nobody() {
    let mut mails = MailServer::start().await;
    let mut settings = mails.settings();
    settings.push("delivery.at_once=2".to_owned());
    let rig = start(&settings).await;
    for number in 0..2 {
        add_unverified(&rig, &format!("held{number}@mouse.example")).await;
        assert!(mails.event().await["held"].is_string());
    }
    // Both that may run at once hang. Requests are answered all the same, also those that send more.
    for number in 0..20 {
        add_unverified(&rig, &format!("mini{number}@mouse.example")).await;
    }
    let (session, _) = rig.log_in("mini7@mouse.example").await;
    assert!(rig.shown(&session).await["factors"]["password"].is_object());
    assert!(outbox(&rig).await.iter().all(|entry| entry.state == State::Waiting));
    mails.go_on();
    mails.go_on();
    let mut arrived = HashSet::new();
    for _ in 0..22 {
        assert!(arrived.insert(mails.mail().await.to().to_owned()), "twice");
    }
    assert_eq!(arrived.len(), 22);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_cut_off_and_the_next_has_the_same_id() {
    let mut mails = MailServer::start().await;
    let mut settings = mails.settings();
    settings.push("delivery.timeout_ms=400".to_owned());
    let rig = start(&settings).await;
    add_unverified(&rig, "held@mouse.example").await;
    let first = mails.event().await["held"].clone();
    let entry = only(&rig, |entry| entry.error.is_some()).await;
    assert_eq!((entry.state, entry.error.as_deref()), (State::Waiting, Some("it took too long")));
    rig.clock.advance(Span::seconds(2));
    assert_eq!(mails.event().await["held"], first, "a receiver can tell that it is the same");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_and_one_that_is_refused_for_now_is_not() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    add_unverified(&rig, "refused@mouse.example").await;
    assert_eq!(mails.event().await, json!({ "refused": "refused@mouse.example" }));
    let entry = only(&rig, |entry| entry.ended.is_some()).await;
    assert_eq!((entry.state, entry.attempts, entry.payload), (State::GivenUp, 1, None));
    assert!(entry.error.unwrap().contains("there is nobody of that name"));
    rig.clock.advance(Span::minutes(5));
    add_unverified(&rig, "later@mouse.example").await;
    // Nothing more is heard of the first one.
    for (attempts, pause) in [(1, 2), (2, 4), (3, 8)] {
        assert_eq!(mails.event().await, json!({ "later": "later@mouse.example" }));
        let noted = async || {
            let newest = outbox(&rig).await.remove(0);
            newest.attempts == attempts && newest.due == rig.now().plus(Span::seconds(pause))
        };
        while !noted().await {
            tokio::task::yield_now().await;
        }
        rig.clock.advance(Span::seconds(pause));
    }
    assert_eq!(counted(&rig, "given_up_total").await, "1");
}

#[tokio::test]
async fn a_mail_is_given_up_when_its_code_is_void_before_the_next_attempt() {
    let rig =
        start(&[settings(free_port().await), vec!["codes.email_lifetime_minutes=1".to_owned()]].concat())
            .await;
    add_unverified(&rig, "mini@mouse.example").await;
    only(&rig, |entry| entry.error.is_some()).await;
    rig.clock.advance(Span::seconds(58));
    let entry = only(&rig, |entry| entry.ended.is_some()).await;
    assert_eq!((entry.state, entry.payload, entry.attempts), (State::GivenUp, None, 2));
}

/// A configuration of its own for workers beside those of the rig.
fn config(settings: &[String]) -> Config {
    let overrides = doorward::config::Overrides { set: settings.to_vec(), ..Default::default() };
    let no_environment: [(std::ffi::OsString, std::ffi::OsString); 0] = [];
    Config::load_from(&overrides, no_environment, std::path::Path::new("/nonexistent")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_send_nothing_twice() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let more = config(&mails.settings());
    let metrics = Metrics::new("test", 0);
    let others = [0, 1].map(|_| Delivery::start(&more, &rig.app, &metrics).unwrap());
    for number in 0..40 {
        add_unverified(&rig, &format!("mini{number}@mouse.example")).await;
    }
    let mut arrived = HashSet::new();
    for _ in 0..40 {
        assert!(arrived.insert(mails.mail().await.to().to_owned()), "twice");
    }
    for other in others {
        other.stop().await.unwrap();
    }
    add_unverified(&rig, "last@mouse.example").await;
    assert_eq!(mails.mail().await.to(), "last@mouse.example", "nothing came twice meanwhile");
}

#[tokio::test]
async fn a_worker_that_is_stopped_finishes_what_it_began() {
    let mut mails = MailServer::start().await;
    // The server itself believes that mail goes out, and leaves it to the worker of this test.
    let rig = start(&["mail.transport=log".to_owned(), "delivery.poll_interval_ms=600000".to_owned()]).await;
    let delivery = Delivery::start(&config(&mails.settings()), &rig.app, &Metrics::new("test", 0)).unwrap();
    // Both are woken, and the first one takes it: so several, until one of them came here.
    let mut number = 0;
    let held = loop {
        number += 1;
        add_unverified(&rig, &format!("held{number}@mouse.example")).await;
        let ended = async || outbox(&rig).await.iter().filter(|entry| entry.ended.is_some()).count();
        tokio::select! {
            event = mails.event() => break event["held"].clone(),
            () = async { while ended().await < number { tokio::task::yield_now().await; } } => {}
        }
    };
    let stopping = tokio::spawn(delivery.stop());
    mails.go_on();
    assert_eq!(json!(mails.mail().await.header("message-id")), held);
    stopping.await.unwrap().unwrap();
    assert!(outbox(&rig).await.iter().all(|entry| entry.state == State::Sent));
}
