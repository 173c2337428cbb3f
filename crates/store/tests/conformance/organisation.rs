//! The instance, which is one, and its organisations.

use doorward_store::organisation::{self, Instance, Organisation};

use crate::rig::Rig;
use crate::sample::{NOW, later};

fn named(id: &str, name: &str, age: i64) -> Organisation {
    Organisation { id: id.to_owned(), name: name.to_owned(), created: later(age) }
}

#[tokio::test]
async fn there_is_no_instance_before_it_was_made_and_one_afterwards() {
    let rig = Rig::empty().await;
    assert_eq!(reading!(rig, organisation::instance()).unwrap(), None);
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    assert_eq!(
        reading!(rig, organisation::instance()).unwrap(),
        None,
        "without an organisation it is not set up"
    );
    assert!(!writing!(rig, [] organisation::insert_instance("j", NOW)).unwrap());
    assert!(!writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    assert!(writing!(rig, [] organisation::insert(&named("o", "Org", 0))).unwrap());
    let instance = Instance { id: "i".to_owned(), default_organisation: "o".to_owned() };
    assert_eq!(reading!(rig, organisation::instance()).unwrap(), Some(instance));
    assert_eq!(rig.count("instance").await, 1);
}

#[tokio::test]
async fn the_oldest_organisation_is_the_default() {
    let rig = Rig::empty().await;
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    for (id, age) in [("c", 5), ("b", 1), ("a", 1), ("d", 2)] {
        assert!(writing!(rig, [] organisation::insert(&named(id, id, age))).unwrap());
    }
    let instance = reading!(rig, organisation::instance()).unwrap().unwrap();
    assert_eq!(instance.default_organisation, "a", "and the least id decides between twins");
    let listed = reading!(rig, organisation::list()).unwrap();
    assert_eq!(listed.iter().map(|one| one.id.as_str()).collect::<String>(), "abdc");
}

#[tokio::test]
async fn a_name_is_taken_whatever_its_case() {
    let rig = Rig::empty().await;
    let first = named("1", "Ärger & Co", 0);
    assert!(writing!(rig, [first] organisation::insert(&first)).unwrap());
    for taken in [named("2", "ÄRGER & CO", 0), named("2", "ärger & co", 0), named("1", "other", 0)] {
        assert!(!writing!(rig, [taken] organisation::insert(&taken)).unwrap(), "{taken:?}");
    }
    assert_eq!(reading!(rig, organisation::list()).unwrap(), [first]);
}

#[tokio::test]
async fn an_organisation_is_there_or_not() {
    let rig = Rig::fresh().await;
    assert!(reading!(rig, organisation::exists("home")).unwrap());
    assert!(!reading!(rig, organisation::exists("HOME")).unwrap());
    assert!(!reading!(rig, organisation::exists("")).unwrap());
}

#[tokio::test]
async fn the_check_of_the_master_key_is_kept_with_the_instance() {
    let rig = Rig::empty().await;
    writing!(rig, [] organisation::save_key_check(&[1; 32])).unwrap();
    assert_eq!(reading!(rig, organisation::key_check()).unwrap(), None, "without an instance there is none");
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    assert_eq!(reading!(rig, organisation::key_check()).unwrap(), None);
    for check in [[2; 32], [3; 32]] {
        writing!(rig, [] organisation::save_key_check(&check)).unwrap();
        assert_eq!(reading!(rig, organisation::key_check()).unwrap(), Some(check));
    }
    rig.sql("UPDATE instance SET key_check = 'hunter2'").await;
    let refused = reading!(rig, organisation::key_check()).unwrap_err();
    assert!(refused.to_string().starts_with("instance.key_check"), "{refused}");
}
