//! What a user has set up, read from all tables at once.

use doorward_store::StoreError;
use doorward_store::user_factor::{self, Factor, SetUp};

use crate::rig::Rig;
use crate::sample::{NOW, add_user, human, later};

async fn two_users() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &human("2", "max")).await;
    rig
}

/// A key, or one that is being registered and has ten microseconds for it.
async fn key(rig: &Rig, (id, user): (&str, &str), second_factor: bool, ready: bool) {
    let rest = if ready { "NULL, NULL".to_owned() } else { format!("'waits', {}", later(10).0) };
    rig.sql(format!(
        "INSERT INTO passkeys (id, user_id, second_factor, ready, rp_id, name, registration, expires, sign_count, \
         created, changed) VALUES ('{id}', '{user}', {second_factor}, {ready}, 'mouse.example', 'key {id}', {rest}, 0, \
         0, 0)"
    ))
    .await;
}

fn plain(factor: Factor) -> SetUp {
    SetUp { factor, id: String::new(), name: String::new(), rp_id: String::new(), ready: true }
}

fn of_key(factor: Factor, id: &str, ready: bool) -> SetUp {
    let (id, name) = (id.to_owned(), format!("key {id}"));
    SetUp { factor, id, name, rp_id: "mouse.example".to_owned(), ready }
}

/// One row in every table, for the user `1`.
const EVERYTHING: &str = "INSERT INTO idp_links VALUES ('idp', 'a', '1', 'mini', 0), ('idp', 'b', '1', 'max', 0); \
     INSERT INTO recovery_codes VALUES ('1', '00', '', 0), ('1', '01', '', 0); \
     INSERT INTO otp_factors VALUES ('1', 'email', 0), ('1', 'sms', 0); \
     INSERT INTO totps (user_id, secret, ready, created) VALUES ('1', '', TRUE, 0);";

#[tokio::test]
async fn a_user_who_has_set_up_nothing_has_nothing() {
    let rig = two_users().await;
    rig.sql(EVERYTHING).await;
    assert_eq!(reading!(rig, user_factor::of_user("2", NOW)).unwrap(), []);
    assert_eq!(reading!(rig, user_factor::of_user("nobody", NOW)).unwrap(), []);
}

#[tokio::test]
async fn everything_is_shown_in_one_order_and_each_kind_but_keys_once() {
    let rig = two_users().await;
    rig.sql(EVERYTHING).await;
    for (id, second_factor) in [("12", false), ("11", true), ("10", false), ("13", true)] {
        key(&rig, (id, "1"), second_factor, true).await;
    }
    key(&rig, ("14", "2"), true, true).await;
    let found = reading!(rig, user_factor::of_user("1", NOW)).unwrap();
    let expected = [
        plain(Factor::Totp),
        plain(Factor::OtpSms),
        plain(Factor::OtpEmail),
        of_key(Factor::U2f, "11", true),
        of_key(Factor::U2f, "13", true),
        of_key(Factor::Passkey, "10", true),
        of_key(Factor::Passkey, "12", true),
        plain(Factor::RecoveryCodes),
        plain(Factor::IdpLink),
    ];
    assert_eq!(found, expected);
    let found = reading!(rig, user_factor::of_user("2", NOW)).unwrap();
    assert_eq!(found, [of_key(Factor::U2f, "14", true)]);
}

#[tokio::test]
async fn what_is_not_finished_is_not_ready_and_goes_when_its_time_is_over() {
    let rig = two_users().await;
    rig.sql("INSERT INTO totps (user_id, secret, ready, created) VALUES ('1', '', FALSE, 0)").await;
    key(&rig, ("10", "1"), false, false).await;
    key(&rig, ("11", "1"), true, false).await;
    let totp = SetUp { ready: false, ..plain(Factor::Totp) };
    let keys = [of_key(Factor::U2f, "11", false), of_key(Factor::Passkey, "10", false)];
    let found = reading!(rig, user_factor::of_user("1", later(9))).unwrap();
    assert_eq!(found, [[totp.clone()].as_slice(), &keys].concat());
    let found = reading!(rig, user_factor::of_user("1", later(10))).unwrap();
    assert_eq!(found, [totp]);
}

#[tokio::test]
async fn a_way_that_nobody_knows_is_a_fault() {
    let rig = two_users().await;
    rig.sql("INSERT INTO otp_factors VALUES ('1', 'pigeon', 0)").await;
    let refused = reading!(rig, user_factor::of_user("1", NOW));
    assert!(matches!(refused, Err(StoreError::Corrupt { column: "channel", .. })), "{refused:?}");
}
