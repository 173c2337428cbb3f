//! Passkeys and U2F keys of a user: registering, listing, removing.

use bytes::Bytes;
use doorward_core::base::Span;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::authenticator::{Key, List, PASSKEYS, Says, U2F, UP, begin, finishing, register};
use crate::client::{Outcome, Protocol};
use crate::rig::Rig;
use crate::tools::{add_in, shown, text};

const LIST: &str = "user.ListPasskeys";

fn refusal(outcome: Outcome) -> (u32, String) {
    let refusal = outcome.unwrap_err();
    (refusal.code, refusal.id())
}

fn is(code: u32, id: &str) -> (u32, String) {
    (code, id.to_owned())
}

#[tokio::test]
async fn a_passkey_is_registered_listed_and_removed() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let request = json!({
        "userId": user,
        "domain": "example.com",
        "authenticator": "PASSKEY_AUTHENTICATOR_CROSS_PLATFORM",
    });
    let begun = rig.ok(PASSKEYS.register, &rig.admin, request).await;
    assert_eq!(begun["details"]["sequence"], "2");
    let options = &begun["publicKeyCredentialCreationOptions"];
    let named = &options["publicKey"];
    assert_eq!(named["rp"], json!({ "name": "Doorward", "id": "example.com" }));
    assert_eq!(named["user"]["name"], "mini@mouse.com");
    assert_eq!(named["user"]["displayName"], "Mini Mouse");
    assert_eq!(named["timeout"], 300_000);
    assert_eq!(named["attestation"], "none");
    assert_eq!(named["pubKeyCredParams"].as_array().unwrap().len(), 10);
    let selection = json!({ "authenticatorAttachment": "cross-platform", "userVerification": "required" });
    assert_eq!(named["authenticatorSelection"], selection);
    assert!(named.get("excludeCredentials").is_none());
    let list = || rig.ok(LIST, &rig.admin, json!({ "userId": user }));
    assert!(list().await.get("result").is_none(), "not finished");
    let id = text(&begun["passkeyId"]);
    let credential = Key::new("a key").create(options, &Says::default());
    let done = rig.ok(PASSKEYS.verify, &rig.admin, finishing(&user, PASSKEYS, &id, credential)).await;
    assert_eq!(done["details"]["sequence"], "3");
    let listed = list().await;
    assert_eq!(listed["details"]["totalResult"], "1");
    assert_eq!(listed["result"], json!([{ "id": id, "state": "AUTH_FACTOR_STATE_READY", "name": "my key" }]));
    let request = json!({ "userId": user, "passkeyId": id });
    assert_eq!(rig.ok(PASSKEYS.remove, &rig.admin, request.clone()).await["details"]["sequence"], "4");
    assert!(list().await.get("result").is_none());
    assert_eq!(refusal(rig.call(PASSKEYS.remove, &rig.admin, request).await), is(5, "COMMAND-DAfb2"));
}

#[tokio::test]
async fn the_keys_of_the_list_and_domain_are_excluded() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    for list in [PASSKEYS, U2F] {
        register(&rig, &user, list, &Key::new("one")).await;
        rig.clock.advance(Span::seconds(1));
        register(&rig, &user, list, &Key::new("two")).await;
        let (_, options) = begin(&rig, &user, list).await;
        let excluded = options["publicKey"]["excludeCredentials"].as_array().unwrap();
        assert_eq!(*excluded, ["b25l", "dHdv"].map(|id| json!({ "type": "public-key", "id": id })).to_vec());
        let request = json!({ "userId": user, "domain": "example.org" });
        let begun = rig.ok(list.register, &rig.admin, request).await;
        let options = &begun["publicKeyCredentialCreationOptions"]["publicKey"];
        assert!(options.get("excludeCredentials").is_none());
    }
}

#[tokio::test]
async fn only_passkeys_must_verify_their_user() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    for (list, expected) in [(PASSKEYS, Err(is(3, "WEBAU-3Vb9s"))), (U2F, Ok(()))] {
        let (id, options) = begin(&rig, &user, list).await;
        let credential = Key::new("a key").create(&options, &Says { flags: UP, ..Says::default() });
        let outcome = rig.call(list.verify, &rig.admin, finishing(&user, list, &id, credential)).await;
        assert_eq!(outcome.map(drop).map_err(|refusal| (refusal.code, refusal.id())), expected);
    }
}

#[tokio::test]
async fn what_is_not_as_it_was_asked_for_is_refused() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let key = Key::new("a key");
    for list in [PASSKEYS, U2F] {
        let (id, options) = begin(&rig, &user, list).await;
        let verify = async |credential| {
            refusal(rig.call(list.verify, &rig.admin, finishing(&user, list, &id, credential)).await)
        };
        let good = Says::default();
        for says in [
            Says { kind: Some("webauthn.get"), ..good.clone() },
            Says { challenge: Some("AAAA".to_owned()), ..good.clone() },
            Says { origin: "https://example.org".to_owned(), ..good.clone() },
            Says { rp_id: Some("example.org"), ..good.clone() },
            Says { flags: 4, ..good.clone() },
        ] {
            assert_eq!(verify(key.create(&options, &says)).await, is(3, "WEBAU-3Vb9s"));
        }
        let mut cut = key.create(&options, &good);
        cut["response"]["attestationObject"] = "AAAA".into();
        for malformed in [cut, json!({}), json!({ "id": "AAAA", "type": "public-key", "response": {} })] {
            assert_eq!(verify(malformed).await, is(3, "WEBAU-sEr8c"));
        }
        let request = finishing(&user, list, &id, key.create(&options, &good));
        rig.ok(list.verify, &rig.admin, request).await;
    }
}

#[tokio::test]
async fn a_registration_is_finished_once_in_time_and_by_its_own_id() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let other = rig.add_human("max@mouse.com").await;
    let key = Key::new("a key");
    let verify = async |user: &str, list: List, id: &str, credential: Value| {
        rig.call(list.verify, &rig.admin, finishing(user, list, id, credential)).await
    };
    let gone = is(9, "WEBAU-5M9so");
    for (list, wrong) in [(PASSKEYS, U2F), (U2F, PASSKEYS)] {
        let (old, options) = begin(&rig, &user, list).await;
        let late = key.create(&options, &Says::default());
        let (id, options) = begin(&rig, &user, list).await;
        let credential = key.create(&options, &Says::default());
        assert_eq!(refusal(verify(&user, list, &old, late).await), gone, "replaced");
        assert_eq!(refusal(verify(&user, list, "12", credential.clone()).await), gone, "unknown");
        assert_eq!(refusal(verify(&user, wrong, &id, credential.clone()).await), gone, "of the other list");
        assert_eq!(refusal(verify(&other, list, &id, credential.clone()).await), gone, "of another user");
        verify(&user, list, &id, credential.clone()).await.unwrap();
        assert_eq!(refusal(verify(&user, list, &id, credential).await), gone, "finished");
        let (id, options) = begin(&rig, &user, list).await;
        let credential = key.create(&options, &Says::default());
        rig.clock.advance(Span::minutes(5));
        assert_eq!(refusal(verify(&user, list, &id, credential).await), gone, "too late");
    }
}

#[tokio::test]
async fn keys_are_the_business_of_the_user_and_of_those_with_the_permission() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let key = Key::new("a key");
    for list in [PASSKEYS, U2F] {
        let request = json!({ "userId": user, "domain": "example.com" });
        for (token, id) in [(&stranger, is(5, "AUTHZ-cdgFk")), (&manager, is(7, "AUTH-AWfge"))] {
            assert_eq!(refusal(rig.call(list.register, token, request.clone()).await), id);
            let verify = finishing(&user, list, "1", json!({ "id": "AAAA" }));
            assert_eq!(refusal(rig.call(list.verify, token, verify).await), id);
        }
        let begun = rig.ok(list.register, &own, request).await;
        let credential = key.create(&begun["publicKeyCredentialCreationOptions"], &Says::default());
        let id = text(&begun[list.id]);
        rig.ok(list.verify, &own, finishing(&user, list, &id, credential)).await;
        let remove = json!({ "userId": user, list.id: id });
        assert_eq!(refusal(rig.call(list.remove, &stranger, remove.clone()).await), is(5, "AUTHZ-cdgFk"));
        let missing = json!({ "userId": user, list.id: "12" });
        assert_eq!(refusal(rig.call(list.remove, &stranger, missing).await), is(5, "COMMAND-DAfb2"));
        rig.ok(list.remove, &own, remove).await;
    }
}

#[tokio::test]
async fn that_there_are_no_passkeys_anybody_may_learn() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let list = async |token: &str, user: &str| rig.call(LIST, token, json!({ "userId": user })).await;
    for user in [user.as_str(), "nobody"] {
        assert!(list(&stranger, user).await.unwrap().get("result").is_none());
    }
    register(&rig, &user, U2F, &Key::new("a key")).await;
    assert!(list(&stranger, &user).await.unwrap().get("result").is_none(), "of the other list");
    register(&rig, &user, PASSKEYS, &Key::new("a key")).await;
    assert_eq!(refusal(list(&stranger, &user).await), is(5, "AUTHZ-cdgFk"));
    let (_, own) = rig.log_in("mini@mouse.com").await;
    assert_eq!(list(&own, &user).await.unwrap()["result"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_persons_have_keys() {
    let rig = Rig::start().await;
    let (robot, _) = rig.add_machine("robot", &[]).await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    for list in [PASSKEYS, U2F] {
        for user in [robot.as_str(), "nobody"] {
            let request = json!({ "userId": user, "domain": "example.com" });
            assert_eq!(
                refusal(rig.call(list.register, &rig.admin, request.clone()).await),
                is(5, "COMMAND-M9dsd")
            );
            assert_eq!(refusal(rig.call(list.register, &stranger, request).await), is(5, "AUTHZ-cdgFk"));
        }
        let verify = finishing("nobody", list, "1", json!({ "id": "AAAA" }));
        assert_eq!(refusal(rig.call(list.verify, &rig.admin, verify).await), is(5, "COMMAND-M9dsd"));
        let remove = json!({ "userId": "nobody", list.id: "1" });
        assert_eq!(refusal(rig.call(list.remove, &rig.admin, remove).await), is(5, "COMMAND-DAfb2"));
    }
}

#[tokio::test]
async fn a_list_has_fifty_keys_at_most() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let key = Key::new("a key");
    for _ in 0..50 {
        register(&rig, &user, U2F, &key).await;
    }
    let request = json!({ "userId": user, "domain": "example.com" });
    assert_eq!(refusal(rig.call(U2F.register, &rig.admin, request).await), is(8, "DOORWARD-Pk3ys"));
    register(&rig, &user, PASSKEYS, &key).await;
}

/// The domain that a registration without one is for, by protocol.
async fn own_domain(rig: &Rig, protocol: Protocol, user: &str) -> Value {
    let request = json!({ "userId": user });
    let begun = rig.http.call(protocol, "user.RegisterU2F", Some(&rig.admin), request).await.unwrap();
    begun["publicKeyCredentialCreationOptions"]["publicKey"]["rp"]["id"].clone()
}

#[tokio::test]
async fn without_a_domain_a_key_is_for_the_server_itself() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    for protocol in Protocol::ALL {
        assert_eq!(own_domain(&rig, protocol, &user).await, "127.0.0.1", "{protocol:?}");
    }
    let request = Request::post(format!("/v2/users/{user}/u2f"))
        .header("host", "Login.example.com:8443")
        .header("x-forwarded-host", "evil.example")
        .header("authorization", format!("Bearer {}", rig.admin))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    let answer = rig.http.send(request, false).await.json();
    let options = &answer["publicKeyCredentialCreationOptions"]["publicKey"];
    assert_eq!(options["rp"]["id"], "login.example.com");
    let named = Rig::start_with(&["public_url=https://id.example.com:8443/base"]).await;
    let user = named.add_human("mini@mouse.com").await;
    assert_eq!(own_domain(&named, Protocol::Grpc, &user).await, "id.example.com");
}

#[tokio::test]
async fn a_domain_that_is_none_is_refused() {
    let rig = Rig::start_with(&["webauthn.rp_name=Mouse House"]).await;
    let user = rig.add_human("mini@mouse.com").await;
    for list in [PASSKEYS, U2F] {
        for domain in ["127.0.0.1:80", "https://example.com", "exa mple.com", "[::1]"] {
            let request = json!({ "userId": user, "domain": domain });
            let refused = refusal(rig.call(list.register, &rig.admin, request).await);
            assert_eq!(refused, is(3, "WEBAU-UX9ta"), "{domain}");
        }
        let (_, options) = begin(&rig, &user, list).await;
        assert_eq!(options["publicKey"]["rp"]["name"], "Mouse House");
    }
    let away = rig.add_organisation("away").await;
    let elsewhere = add_in(&rig, &away, "max@mouse.com").await;
    register(&rig, &elsewhere, PASSKEYS, &Key::new("a key")).await;
    assert_eq!(shown(&rig, &elsewhere).await["userId"], elsewhere);
}
