//! How many messages go out: a new one takes the place of one that waits, and there is an end to them.

use doorward_core::base::Span;
use doorward_store::outbox::State;
use serde_json::{Value, json};

use crate::mail_server::MailServer;
use crate::rig::Rig;
use crate::tools::{add_unverified, outbox, start};

/// A rig whose mails only wait, since the server tries none before its clock is moved.
async fn start_capped(set: &[&str]) -> Rig {
    let settings = ["mail.transport=log"].iter().chain(set).map(|setting| (*setting).to_owned());
    start(&settings.collect::<Vec<_>>()).await
}

async fn send(rig: &Rig, user: &str) -> Result<Value, (String, Value)> {
    let outcome = rig.call("user.SendEmailCode", &rig.admin, json!({ "userId": user })).await;
    outcome.map_err(|refusal| (refusal.id(), refusal.details.last().cloned().unwrap()))
}

#[tokio::test]
async fn a_user_gets_so_many_messages_in_an_hour_and_no_more() {
    let rig = start_capped(&["delivery.max_per_user=3"]).await;
    let user = add_unverified(&rig, "mini@mouse.example").await;
    rig.clock.advance(Span::minutes(20));
    for _ in 0..2 {
        send(&rig, &user).await.unwrap();
    }
    let (id, retry) = send(&rig, &user).await.unwrap_err();
    assert_eq!(id, "DOORWARD-D3l1v");
    // The first of the three falls out of the hour in forty minutes.
    assert_eq!(retry["retryDelay"], "2400s", "{retry}");
    // A refusal leaves nothing: the code before is still good, and nothing more was written.
    assert_eq!(outbox(&rig).await.len(), 3);
    let other = add_unverified(&rig, "max@mouse.example").await;
    send(&rig, &other).await.unwrap();
    rig.clock.advance(Span::minutes(40));
    send(&rig, &user).await.unwrap();
    assert_eq!(send(&rig, &user).await.unwrap_err().0, "DOORWARD-D3l1v");
    // Codes that go back to the caller are no messages.
    let returned = json!({ "userId": user, "returnCode": {} });
    rig.ok("user.SendEmailCode", &rig.admin, returned).await;
}

#[tokio::test]
async fn a_refused_change_of_several_things_changes_none() {
    let rig = start_capped(&["delivery.max_per_user=2"]).await;
    let user = add_unverified(&rig, "mini@mouse.example").await;
    send(&rig, &user).await.unwrap();
    let update = json!({ "userId": user, "username": "max", "email": { "email": "max@mouse.example" } });
    assert_eq!(rig.id("user.UpdateHumanUser", &rig.admin, update).await, "DOORWARD-D3l1v");
    let shown = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(shown["user"]["username"], "mini@mouse.example");
    assert_eq!(shown["user"]["human"]["email"]["email"], "mini@mouse.example");
}

#[tokio::test]
async fn a_session_asks_for_so_many_messages_in_an_hour_and_no_more() {
    let rig = start_capped(&["delivery.max_per_session=2"]).await;
    let user = rig.add_human("mini@mouse.example").await;
    rig.ok("user.AddOTPEmail", &rig.admin, json!({ "userId": user })).await;
    let challenges = json!({ "otpEmail": { "sendCode": {} } });
    let request = json!({ "checks": { "user": { "userId": user } }, "challenges": challenges });
    let (id, _) = rig.session(request.clone()).await;
    let again = json!({ "sessionId": id, "challenges": challenges });
    rig.ok("session.SetSession", &rig.login, again.clone()).await;
    assert_eq!(rig.id("session.SetSession", &rig.login, again.clone()).await, "DOORWARD-D3l1v");
    rig.session(request).await;
    rig.clock.advance(Span::minutes(60));
    rig.ok("session.SetSession", &rig.login, again).await;
}

#[tokio::test]
async fn a_new_message_takes_the_place_of_the_one_that_waits() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let user = add_unverified(&rig, "later@mouse.example").await;
    assert!(mails.event().await["later"].is_string());
    let tried = async || outbox(&rig).await[0].error.is_some();
    while !tried().await {
        tokio::task::yield_now().await;
    }
    let set = json!({ "userId": user, "email": "mini@mouse.example" });
    rig.ok("user.SetEmail", &rig.admin, set).await;
    let mail = mails.mail().await;
    assert_eq!(mail.to(), "mini@mouse.example");
    rig.clock.advance(Span::minutes(10));
    rig.ok("user.SendEmailCode", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(mails.mail().await.to(), "mini@mouse.example", "nothing goes to the address before any more");
    let states: Vec<_> = outbox(&rig).await.iter().map(|entry| entry.state).collect();
    assert_eq!(states[2], State::Replaced, "{states:?}");
}
