//! Keys that sign tokens: in the order in which they sign, and published until they retire.

use doorward_core::base::Timestamp;
use doorward_store::signing_key::{self, SigningKey};

use crate::rig::Rig;
use crate::sample::later;

fn key(id: &str, signs: i64) -> SigningKey {
    SigningKey {
        id: id.to_owned(),
        public_key: vec![1],
        sealed: vec![2, 3],
        created: later(0),
        signs: later(signs),
        retires: None,
    }
}

async fn succeed(rig: &Rig, key: SigningKey, retires: Timestamp) {
    let kept = key;
    writing!(rig, [kept] signing_key::succeed(&kept, retires)).unwrap();
}

async fn published(rig: &Rig, at: i64) -> String {
    let keys = reading!(rig, signing_key::published(later(at))).unwrap();
    keys.into_iter().map(|key| key.id).collect()
}

#[tokio::test]
async fn a_key_is_published_until_it_retires_after_the_next_one() {
    let rig = Rig::fresh().await;
    assert_eq!(published(&rig, 0).await, "");
    succeed(&rig, key("a", 0), later(10)).await;
    assert_eq!(published(&rig, 1_000_000).await, "a", "as long as no other one follows");
    succeed(&rig, key("b", 20), later(30)).await;
    assert_eq!((published(&rig, 29).await, published(&rig, 30).await), ("ba".to_owned(), "b".to_owned()));
    let all = reading!(rig, signing_key::all()).unwrap();
    let first = SigningKey { retires: Some(later(30)), ..key("a", 0) };
    assert_eq!(all, [key("b", 20), first]);
    assert_eq!(writing!(rig, [] signing_key::remove_retired(later(29))).unwrap(), 0);
    assert_eq!(writing!(rig, [] signing_key::remove_retired(later(30))).unwrap(), 1);
    assert_eq!(reading!(rig, signing_key::all()).unwrap(), [key("b", 20)]);
}

#[tokio::test]
async fn keys_that_are_withdrawn_are_published_no_more() {
    let rig = Rig::fresh().await;
    for (id, signs) in [("a", 0), ("b", 10)] {
        succeed(&rig, key(id, signs), later(50)).await;
    }
    writing!(rig, [] signing_key::lock()).unwrap();
    writing!(rig, [] signing_key::withdraw(later(20))).unwrap();
    assert_eq!(published(&rig, 20).await, "");
    assert_eq!(published(&rig, 19).await, "ba");
    succeed(&rig, key("c", 20), later(60)).await;
    assert_eq!(published(&rig, 20).await, "c");
}
