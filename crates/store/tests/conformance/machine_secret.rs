//! Secrets of machine users.

use doorward_store::{StoreError, machine_secret, user};

use crate::rig::Rig;
use crate::sample::{add_user, later, machine};

async fn two_machines() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("1", "one")).await;
    add_user(&rig, &machine("2", "two")).await;
    rig
}

#[tokio::test]
async fn a_secret_replaces_the_one_before_and_is_removed_once() {
    let rig = two_machines().await;
    assert_eq!(reading!(rig, machine_secret::find("1")).unwrap(), None);
    for number in [1, 2] {
        writing!(rig, [] machine_secret::save("1", &[number; 32], later(i64::from(number)))).unwrap();
        assert_eq!(reading!(rig, machine_secret::find("1")).unwrap(), Some([number; 32]));
    }
    writing!(rig, [] machine_secret::save("2", &[3; 32], later(3))).unwrap();
    assert_eq!(rig.count("machine_secrets").await, 2);
    assert!(writing!(rig, [] machine_secret::delete("1")).unwrap());
    assert!(!writing!(rig, [] machine_secret::delete("1")).unwrap());
    assert_eq!(reading!(rig, machine_secret::find("1")).unwrap(), None);
    assert_eq!(reading!(rig, machine_secret::find("2")).unwrap(), Some([3; 32]));
}

#[tokio::test]
async fn a_secret_belongs_to_somebody_and_goes_with_its_user() {
    let rig = two_machines().await;
    let refused = writing!(rig, [] machine_secret::save("nobody", &[1; 32], later(0))).unwrap_err();
    assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
    writing!(rig, [] machine_secret::save("1", &[1; 32], later(0))).unwrap();
    writing!(rig, [] user::delete("1", later(1))).unwrap();
    assert_eq!(reading!(rig, machine_secret::find("1")).unwrap(), None);
}

#[tokio::test]
async fn those_who_have_a_secret_are_told_from_those_who_have_none() {
    let rig = two_machines().await;
    writing!(rig, [] machine_secret::save("2", &[1; 32], later(0))).unwrap();
    let among = async |ids: &[&str]| {
        let mut found: Vec<_> = reading!(rig, machine_secret::among(ids)).unwrap().into_iter().collect();
        found.sort();
        found.concat()
    };
    assert_eq!(among(&[]).await, "");
    assert_eq!(among(&["1", "nobody"]).await, "");
    assert_eq!(among(&["1", "2", "2"]).await, "2");
    let others: Vec<_> = (3..200).map(|number| number.to_string()).collect();
    let many: Vec<_> = others.iter().map(String::as_str).chain(["2", "1"]).collect();
    assert_eq!(among(&many).await, "2");
}
