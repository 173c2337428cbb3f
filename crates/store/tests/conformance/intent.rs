//! Logins at identity providers: every change happens once.

use doorward_core::intent::{Account, Intent, IntentState};
use doorward_store::intent::{self, BATCH, Success};
use doorward_store::{Conn, Result, StoreError};
use futures_util::future::join_all;

use crate::rig::Rig;
use crate::sample::{NOW, later};

fn started(id: &str) -> Intent {
    Intent {
        id: id.to_owned(),
        idp_id: "example".to_owned(),
        state: IntentState::Started,
        success_url: "https://a.example/yes?for=zoë".to_owned(),
        failure_url: "https://a.example/no".to_owned(),
        token: None,
        user_id: None,
        account: None,
        secrets: Some(vec![0, 255, 7]),
        created: NOW,
        changed: NOW,
        expires: later(600),
    }
}

fn success() -> Success {
    Success {
        token: [9; 32],
        user_id: Some("1".to_owned()),
        account: Account { id: "248289761001".to_owned(), name: "mini".to_owned() },
        secrets: vec![1, 2],
        expires: later(3600),
    }
}

async fn add(rig: &Rig, intent: &Intent) {
    writing!(rig, [intent] intent::insert(&intent)).unwrap();
}

async fn step(rig: &Rig, id: &str, from: IntentState, to: IntentState) -> bool {
    writing!(rig, [id] intent::step(&id, from, to, later(5))).unwrap()
}

/// An intent that succeeded.
async fn succeeded(rig: &Rig, id: &str) {
    add(rig, &started(id)).await;
    assert!(step(rig, id, IntentState::Started, IntentState::Answered).await);
    assert!(writing!(rig, [id] intent::succeed(&id, &success(), later(6))).unwrap());
}

#[tokio::test]
async fn every_field_of_an_intent_survives() {
    let rig = Rig::fresh().await;
    let complete = Intent {
        state: IntentState::Succeeded,
        token: Some([3; 32]),
        user_id: Some("1".to_owned()),
        account: Some(Account { id: "O'Møller".to_owned(), name: String::new() }),
        changed: later(1),
        ..started("2")
    };
    for intent in [started("1"), Intent { secrets: None, ..started("3") }, complete] {
        add(&rig, &intent).await;
        assert_eq!(reading!(rig, intent::find(&intent.id)).unwrap(), Some(intent.clone()));
        let id = intent.id.clone();
        assert_eq!(writing!(rig, [id] intent::lock(&id)).unwrap(), Some(intent));
    }
    assert_eq!(reading!(rig, intent::find("z")).unwrap(), None);
    assert_eq!(writing!(rig, [] intent::lock("z")).unwrap(), None);
}

#[tokio::test]
async fn a_second_intent_with_the_same_id_is_refused() {
    let rig = Rig::fresh().await;
    add(&rig, &started("1")).await;
    let refused = writing!(rig, [] intent::insert(&started("1"))).unwrap_err();
    assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
}

#[tokio::test]
async fn a_step_is_made_from_its_own_state_alone_and_forgets_the_secrets() {
    let rig = Rig::fresh().await;
    add(&rig, &started("1")).await;
    assert!(!step(&rig, "1", IntentState::Succeeded, IntentState::Consumed).await);
    assert!(!step(&rig, "z", IntentState::Started, IntentState::Answered).await);
    assert_eq!(reading!(rig, intent::find("1")).unwrap(), Some(started("1")));
    assert!(step(&rig, "1", IntentState::Started, IntentState::Answered).await);
    assert!(!step(&rig, "1", IntentState::Started, IntentState::Answered).await);
    let answered = Intent { state: IntentState::Answered, secrets: None, changed: later(5), ..started("1") };
    assert_eq!(reading!(rig, intent::find("1")).unwrap(), Some(answered));
}

#[tokio::test]
async fn only_an_answered_intent_succeeds_and_only_once() {
    let rig = Rig::fresh().await;
    add(&rig, &started("1")).await;
    assert!(!writing!(rig, [] intent::succeed("1", &success(), NOW)).unwrap());
    assert!(step(&rig, "1", IntentState::Started, IntentState::Answered).await);
    assert!(writing!(rig, [] intent::succeed("1", &success(), later(6))).unwrap());
    assert!(!writing!(rig, [] intent::succeed("1", &Success { token: [1; 32], ..success() }, NOW)).unwrap());
    let expected = Intent {
        state: IntentState::Succeeded,
        token: Some([9; 32]),
        user_id: Some("1".to_owned()),
        account: Some(success().account),
        secrets: Some(vec![1, 2]),
        changed: later(6),
        expires: later(3600),
        ..started("1")
    };
    assert_eq!(reading!(rig, intent::find("1")).unwrap(), Some(expected));
}

#[tokio::test]
async fn of_many_uses_at_once_one_is_the_first() {
    let rig = Rig::fresh().await;
    succeeded(&rig, "1").await;
    let uses = (0..20).map(|_| step(&rig, "1", IntentState::Succeeded, IntentState::Consumed));
    assert_eq!(join_all(uses).await.into_iter().filter(|used| *used).count(), 1);
    let used = reading!(rig, intent::find("1")).unwrap().unwrap();
    assert_eq!((used.state, used.secrets), (IntentState::Consumed, None));
}

#[tokio::test]
async fn the_user_of_an_account_is_forgotten_where_it_still_matters() {
    let rig = Rig::fresh().await;
    for id in ["1", "2"] {
        succeeded(&rig, id).await;
    }
    let user = async |id: &str| reading!(rig, intent::find(id)).unwrap().unwrap().user_id;
    writing!(rig, [] intent::forget_user("example", "somebody", NOW)).unwrap();
    writing!(rig, [] intent::forget_user("other", "248289761001", NOW)).unwrap();
    writing!(rig, [] intent::forget_user("example", "248289761001", later(3600))).unwrap();
    assert_eq!(user("1").await, Some("1".to_owned()));
    writing!(rig, [] intent::forget_user("example", "248289761001", later(3599))).unwrap();
    assert_eq!((user("1").await, user("2").await), (None, None));
}

async fn fill(conn: &mut Conn, count: u32) -> Result<()> {
    for number in 0..count {
        intent::insert(conn, &started(&format!("{number:04}"))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_over_is_removed_a_few_at_a_time() {
    let rig = Rig::fresh().await;
    rig.db.write(|conn| Box::pin(fill(conn, BATCH + 3))).await.unwrap();
    add(&rig, &Intent { expires: later(601), ..started("later") }).await;
    assert_eq!(writing!(rig, [] intent::remove_expired(later(600))).unwrap(), 0);
    assert_eq!(writing!(rig, [] intent::remove_expired(later(601))).unwrap(), u64::from(BATCH));
    assert_eq!(writing!(rig, [] intent::remove_expired(later(601))).unwrap(), 3);
    assert_eq!(writing!(rig, [] intent::remove_expired(later(601))).unwrap(), 0);
    assert_eq!(rig.count("intents").await, 1);
}
