//! What belongs to one user: failed attempts, codes, metadata.

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::search::{Page, TextFilter, TextMatch};
use doorward_core::user::{CodePurpose, StoredCode};
use doorward_store::user_search::{self, MetadataEntry};
use doorward_store::{StoreError, user};

use crate::rig::Rig;
use crate::sample::ALL;
use crate::sample::{NOW, add_user, human, later};

async fn two_users() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &human("2", "max")).await;
    rig
}

const FACTORS: [Counted; 3] = [Counted::Password, Counted::CurrentPassword, Counted::Code];

#[tokio::test]
async fn attempts_are_counted_by_user_and_factor() {
    let rig = two_users().await;
    for counted in FACTORS {
        assert_eq!(reading!(rig, user::attempts("1", counted)).unwrap(), Attempts::default());
    }
    for (failed, counted) in (1..).zip(FACTORS) {
        let attempts = Attempts { failed, blocked_until: Some(later(i64::from(failed))) };
        writing!(rig, [] user::save_attempts("1", counted, attempts)).unwrap();
    }
    for (failed, counted) in (1..).zip(FACTORS) {
        let attempts = Attempts { failed, blocked_until: Some(later(i64::from(failed))) };
        assert_eq!(reading!(rig, user::attempts("1", counted)).unwrap(), attempts);
        assert_eq!(reading!(rig, user::attempts("2", counted)).unwrap(), Attempts::default());
    }
}

#[tokio::test]
async fn attempts_are_replaced_and_none_of_them_leaves_no_row() {
    let rig = two_users().await;
    for attempts in [
        Attempts { failed: 1, blocked_until: Some(NOW) },
        Attempts { failed: u32::MAX, blocked_until: None },
        Attempts { failed: 0, blocked_until: Some(NOW) },
        Attempts::default(),
        Attempts::default(),
    ] {
        writing!(rig, [] user::save_attempts("1", Counted::Password, attempts)).unwrap();
        assert_eq!(reading!(rig, user::attempts("1", Counted::Password)).unwrap(), attempts);
    }
    assert_eq!(rig.count("attempts").await, 0);
}

#[tokio::test]
async fn forgetting_attempts_forgets_every_factor_of_one_user() {
    let rig = two_users().await;
    let attempts = Attempts { failed: 2, blocked_until: None };
    for counted in FACTORS {
        for id in ["1", "2"] {
            writing!(rig, [] user::save_attempts(id, counted, attempts)).unwrap();
        }
    }
    writing!(rig, [] user::forget_attempts("1")).unwrap();
    for counted in FACTORS {
        assert_eq!(reading!(rig, user::attempts("1", counted)).unwrap(), Attempts::default());
        assert_eq!(reading!(rig, user::attempts("2", counted)).unwrap(), attempts);
    }
}

const PURPOSES: [CodePurpose; 3] = [CodePurpose::Email, CodePurpose::Phone, CodePurpose::PasswordReset];

fn code(number: u8) -> StoredCode {
    StoredCode { digest: [number; 32], expires: later(i64::from(number)), failed: u32::from(number) }
}

#[tokio::test]
async fn each_purpose_has_one_code_and_a_new_one_replaces_it() {
    let rig = two_users().await;
    for (number, purpose) in (1..).zip(PURPOSES) {
        assert_eq!(reading!(rig, user::code("1", purpose)).unwrap(), None);
        for number in [number, number + 10] {
            let code = code(number);
            writing!(rig, [code] user::save_code("1", purpose, Some(&code))).unwrap();
        }
    }
    for (number, purpose) in (11..).zip(PURPOSES) {
        assert_eq!(reading!(rig, user::code("1", purpose)).unwrap(), Some(code(number)));
        assert_eq!(reading!(rig, user::code("2", purpose)).unwrap(), None);
    }
}

#[tokio::test]
async fn a_code_is_taken_away_without_the_others() {
    let rig = two_users().await;
    for purpose in PURPOSES {
        writing!(rig, [] user::save_code("1", purpose, Some(&code(1)))).unwrap();
    }
    writing!(rig, [] user::save_code("1", CodePurpose::Phone, None)).unwrap();
    writing!(rig, [] user::save_code("1", CodePurpose::Phone, None)).unwrap();
    assert_eq!(reading!(rig, user::code("1", CodePurpose::Phone)).unwrap(), None);
    assert_eq!(reading!(rig, user::code("1", CodePurpose::Email)).unwrap(), Some(code(1)));
    assert_eq!(reading!(rig, user::code("1", CodePurpose::PasswordReset)).unwrap(), Some(code(1)));
}

#[tokio::test]
async fn nothing_can_belong_to_nobody() {
    let rig = two_users().await;
    let attempts = Attempts { failed: 1, blocked_until: None };
    let entries = vec![("key".to_owned(), Vec::new())];
    for refused in [
        writing!(rig, [] user::save_attempts("3", Counted::Code, attempts)),
        writing!(rig, [] user::save_code("3", CodePurpose::Email, Some(&code(1)))),
        writing!(rig, [entries] user_search::save_metadata("3", &entries, NOW)),
    ] {
        assert!(matches!(refused, Err(StoreError::Driver(_))), "{refused:?}");
    }
}

async fn set(rig: &Rig, user: &'static str, entries: &[(&str, &[u8])], at: i64) {
    let entries: Vec<_> = entries.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect();
    writing!(rig, [entries] user_search::save_metadata(user, &entries, later(at))).unwrap();
}

async fn keys(rig: &Rig, filters: &[TextFilter], page: Page) -> (Vec<String>, u64) {
    let found = reading!(rig, user_search::list_metadata("1", filters, page)).unwrap();
    (found.entries.into_iter().map(|entry| entry.key).collect(), found.total)
}

#[tokio::test]
async fn metadata_keeps_every_byte_and_the_date_of_its_birth() {
    let rig = two_users().await;
    let every_byte: Vec<u8> = (0..=255).collect();
    set(&rig, "1", &[("", b"empty key"), ("bytes", &every_byte), ("void", b"")], 1).await;
    set(&rig, "2", &[("bytes", b"other")], 2).await;
    set(&rig, "1", &[("void", b"\0")], 3).await;
    let entry = |key: &str, value: &[u8], created, changed| MetadataEntry {
        key: key.to_owned(),
        value: value.to_vec(),
        created: later(created),
        changed: later(changed),
    };
    let found = reading!(rig, user_search::list_metadata("1", &[], ALL)).unwrap();
    let expected =
        [entry("", b"empty key", 1, 1), entry("bytes", &every_byte, 1, 1), entry("void", b"\0", 1, 3)];
    assert_eq!(found.entries, expected);
    assert_eq!(reading!(rig, user_search::metadata_keys("2")).unwrap(), ["bytes"]);
    let mut all = reading!(rig, user_search::metadata_keys("1")).unwrap();
    all.sort();
    assert_eq!(all, ["", "bytes", "void"]);
}

#[tokio::test]
async fn a_removed_entry_is_gone_once() {
    let rig = two_users().await;
    set(&rig, "1", &[("a", b"1"), ("A", b"2")], 0).await;
    set(&rig, "2", &[("a", b"3")], 0).await;
    assert!(writing!(rig, [] user_search::delete_metadata("1", "a")).unwrap());
    assert!(!writing!(rig, [] user_search::delete_metadata("1", "a")).unwrap());
    assert_eq!(keys(&rig, &[], ALL).await, (vec!["A".to_owned()], 1));
    assert_eq!(rig.count("user_metadata").await, 2);
}

#[tokio::test]
async fn metadata_is_listed_by_key_in_pages() {
    let rig = two_users().await;
    set(&rig, "1", &[("b", b""), ("a", b""), ("B", b""), ("ä", b"")], 0).await;
    let (all, total) = keys(&rig, &[], ALL).await;
    assert_eq!((all, total), (["B", "a", "b", "ä"].map(str::to_owned).to_vec(), 4), "by code point");
    let page = Page { offset: 1, limit: 2, ascending: false };
    assert_eq!(keys(&rig, &[], page).await, (["b", "a"].map(str::to_owned).to_vec(), 4));
    let filter = TextFilter { text: "B".to_owned(), matching: TextMatch::Equals, ignore_case: true };
    assert_eq!(keys(&rig, &[filter], ALL).await, (["B", "b"].map(str::to_owned).to_vec(), 2));
}
