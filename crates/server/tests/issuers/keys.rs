//! The keys of an issuer: how often they are asked for, what becomes of callers when they change, and when they cannot
//! be had.

use std::time::{Duration, Instant};

use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::json;

use crate::rig::Rig;
use crate::stub::{Key, Reply, Stub};
use crate::tools::{is_let_in, sign_with, token, trusting, with_issuer};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn many_who_come_at_once_cause_one_reading() {
    let (rig, stub) = with_issuer("").await;
    let tokens: Vec<String> = (0..50).map(|_| token(&rig, &stub, &stub.key)).collect();
    assert!(join_all(tokens.iter().map(|token| is_let_in(&rig, token))).await.into_iter().all(|is| is));
    assert_eq!((stub.seen(DISCOVERY).len(), stub.seen("/keys").len()), (1, 1));
    let unknown = token(&rig, &stub, &Key::new("unknown"));
    rig.clock.advance(Span::seconds(30));
    assert!(join_all((0..50).map(|_| is_let_in(&rig, &unknown))).await.into_iter().all(|is| !is));
    assert_eq!(stub.seen("/keys").len(), 2, "they looked once for the key that nobody knows");
    rig.clock.advance(Span::seconds(29));
    assert!(!is_let_in(&rig, &unknown).await);
    assert_eq!(stub.seen("/keys").len(), 2, "and not again before the pause is over");
}

#[tokio::test]
async fn a_new_key_counts_and_one_that_is_withdrawn_does_not() {
    let (rig, stub) = with_issuer("").await;
    let next = Key::new("two");
    let (old, new) = (token(&rig, &stub, &stub.key), token(&rig, &stub, &next));
    assert!(is_let_in(&rig, &old).await && !is_let_in(&rig, &new).await);
    stub.publish(&[&stub.key, &next]);
    rig.clock.advance(Span::seconds(30));
    assert!(is_let_in(&rig, &new).await && is_let_in(&rig, &old).await);
    assert_eq!(stub.seen("/keys").len(), 2);
    stub.publish(&[&next]);
    assert!(is_let_in(&rig, &old).await, "nobody has looked yet");
    rig.clock.advance(Span::minutes(10));
    assert!(!is_let_in(&rig, &old).await, "though it was remembered");
    assert!(is_let_in(&rig, &new).await);
    stub.set("/keys", Reply::Object(json!({ "keys": [] })));
    rig.clock.advance(Span::minutes(10));
    assert!(!is_let_in(&rig, &new).await, "an issuer may withdraw all that it has");
}

#[tokio::test]
async fn a_key_changes_under_callers_that_go_on() {
    let (rig, stub) = with_issuer("").await;
    let mut key = stub.key.clone();
    assert!(is_let_in(&rig, &token(&rig, &stub, &key)).await);
    for round in 0..4 {
        let next = Key::new(&format!("key {round}"));
        stub.publish(&[&key, &next]);
        // Published before it signs for as long as servers may take to notice.
        for _ in 0..3 {
            rig.clock.advance(Span::minutes(4));
            let old = token(&rig, &stub, &key);
            assert!(join_all((0..16).map(|_| is_let_in(&rig, &old))).await.into_iter().all(|is| is));
        }
        let (old, new) = (token(&rig, &stub, &key), token(&rig, &stub, &next));
        let both = (0..16).map(|number| is_let_in(&rig, if number % 2 == 0 { &old } else { &new }));
        assert!(join_all(both).await.into_iter().all(|is| is), "round {round}");
        key = next;
    }
}

/// Replies that give no keys.
fn outages(elsewhere: &Stub) -> Vec<Reply> {
    vec![
        Reply::Status(503, String::new()),
        Reply::Status(404, String::new()),
        Reply::Status(200, "<html>".to_owned()),
        Reply::Object(json!({})),
        Reply::Object(json!({ "keys": {} })),
        Reply::Redirect(format!("{}/keys", elsewhere.issuer)),
        Reply::Huge(1 << 20),
        Reply::Never,
    ]
}

#[tokio::test]
async fn callers_whose_key_is_known_go_on_while_the_issuer_is_away() {
    let elsewhere = Stub::start().await;
    for reply in outages(&elsewhere) {
        for path in ["/keys", DISCOVERY] {
            let (rig, stub) = with_issuer("").await;
            assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
            stub.set(path, reply.clone());
            for hours in [1, 10, 12] {
                rig.clock.advance(Span::minutes(hours * 60));
                let known = token(&rig, &stub, &stub.key);
                let asked = stub.seen(path).len();
                for _ in 0..3 {
                    assert!(is_let_in(&rig, &known).await, "{path} {reply:?}");
                }
                assert!(stub.seen(path).len() <= asked + 1, "{path} {reply:?}");
            }
            rig.clock.advance(Span::minutes(61));
            assert!(!is_let_in(&rig, &token(&rig, &stub, &stub.key)).await, "not for ever");
        }
    }
    assert!(elsewhere.seen("/keys").is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn a_key_that_is_not_known_is_refused_in_bounded_time_while_the_issuer_is_away() {
    let (rig, stub) = with_issuer("").await;
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
    stub.set("/keys", Reply::Never);
    rig.clock.advance(Span::seconds(30));
    let unknown = token(&rig, &stub, &Key::new("unknown"));
    let started = Instant::now();
    assert!(join_all((0..30).map(|_| is_let_in(&rig, &unknown))).await.into_iter().all(|is| !is));
    assert!(started.elapsed() < Duration::from_secs(5), "they waited for one reading together");
    assert_eq!(stub.seen("/keys").len(), 2);
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await, "known ones go on");
    assert_eq!(stub.seen("/keys").len(), 2);
}

#[tokio::test]
async fn a_server_that_starts_while_the_issuer_is_away_lets_its_callers_in_when_it_is_back() {
    let (rig, stub) = with_issuer("").await;
    stub.set("/keys", Reply::Status(503, String::new()));
    let good = token(&rig, &stub, &stub.key);
    for _ in 0..3 {
        assert!(!is_let_in(&rig, &good).await);
    }
    assert_eq!(stub.seen("/keys").len(), 1, "it is not asked again at once");
    stub.publish(&[&stub.key]);
    rig.clock.advance(Span::seconds(5));
    assert!(is_let_in(&rig, &good).await);
}

#[tokio::test]
async fn keys_are_read_where_the_configuration_says() {
    let stub = Stub::start().await;
    stub.set(DISCOVERY, Reply::Never);
    let more = format!("jwks_url = \"{}/keys\"", stub.issuer);
    let rig = Rig::start_from(&[], &trusting(&stub.issuer, &more)).await;
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
    assert!(stub.seen(DISCOVERY).is_empty());
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_tells_nothing() {
    let (rig, stub) = with_issuer("").await;
    let elsewhere = Stub::start().await;
    stub.set(DISCOVERY, Reply::Object(elsewhere.document()));
    assert!(!is_let_in(&rig, &token(&rig, &stub, &elsewhere.key)).await);
    assert!(elsewhere.seen("/keys").is_empty());
}

#[tokio::test]
async fn a_token_that_does_not_name_its_key_is_refused_where_there_are_several() {
    let (rig, stub) = with_issuer("").await;
    stub.publish(&[&stub.key, &Key::new("two")]);
    let claims = crate::tools::claims(&stub, rig.now());
    assert!(!is_let_in(&rig, &sign_with(&stub.key, &claims, |header| header.kid = None)).await);
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
}

#[tokio::test]
async fn the_numbers_of_the_server_tell_what_was_refused_and_when_the_issuer_was_away() {
    let (rig, stub) = with_issuer("").await;
    stub.set("/keys", Reply::Status(500, String::new()));
    for _ in 0..3 {
        assert!(!is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
    }
    let text = String::from_utf8(rig.http.rest("GET", "/metrics", None, "").await.bytes.to_vec()).unwrap();
    for line in [
        "doorward_issuer_refused_total{issuer=\"company\"} 3\n",
        "doorward_issuer_unreadable_total{issuer=\"company\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
