//! Second factors of users: time-based codes, codes by SMS and mail, recovery codes.

use std::sync::Arc;

use doorward_core::otp::Channel;
use doorward_core::token::Digest;
use doorward_store::totp::Totp;
use doorward_store::{Db, Result, StoreError, otp_factor, recovery_code, totp, user};
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Barrier;

use crate::rig::Rig;
use crate::sample::{NOW, add_user, human, later};

async fn two_users() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &human("2", "max")).await;
    rig
}

fn waiting() -> Totp {
    Totp { secret: (0..=255).collect(), ready: false, last_step: None, created: NOW }
}

#[tokio::test]
async fn time_based_codes_are_kept_as_they_are_and_replaced_as_a_whole() {
    let rig = two_users().await;
    assert_eq!(reading!(rig, totp::find("1")).unwrap(), None);
    let largest = u64::try_from(i64::MAX).unwrap();
    for kept in [
        waiting(),
        Totp { ready: true, last_step: Some(0), ..waiting() },
        Totp { secret: Vec::new(), ready: true, last_step: Some(largest), created: later(1) },
        waiting(),
    ] {
        writing!(rig, [kept] totp::save("1", &kept.clone())).unwrap();
        assert_eq!(reading!(rig, totp::find("1")).unwrap(), Some(kept));
    }
    assert_eq!(reading!(rig, totp::find("2")).unwrap(), None);
    assert!(writing!(rig, [] totp::remove("1")).unwrap());
    assert!(!writing!(rig, [] totp::remove("1")).unwrap());
    assert_eq!(reading!(rig, totp::find("1")).unwrap(), None);
}

#[tokio::test]
async fn time_based_codes_become_ready_once_and_only_then_steps_count() {
    let rig = two_users().await;
    assert!(!writing!(rig, [] totp::make_ready("1", 7)).unwrap(), "nothing is there");
    writing!(rig, [] totp::save("1", &waiting())).unwrap();
    assert!(!writing!(rig, [] totp::accept_step("1", 7)).unwrap(), "not ready");
    assert!(writing!(rig, [] totp::make_ready("1", 7)).unwrap());
    assert!(!writing!(rig, [] totp::make_ready("1", 8)).unwrap(), "ready already");
    let ready = Totp { ready: true, last_step: Some(7), ..waiting() };
    assert_eq!(reading!(rig, totp::find("1")).unwrap(), Some(ready));
}

#[tokio::test]
async fn steps_count_in_their_order_and_once() {
    let rig = two_users().await;
    for id in ["1", "2"] {
        writing!(rig, [] totp::save(id, &Totp { ready: true, ..waiting() })).unwrap();
    }
    for (step, counts) in [(5, true), (5, false), (4, false), (6, true), (0, false), (9, true), (8, false)] {
        assert_eq!(writing!(rig, [] totp::accept_step("1", step)).unwrap(), counts, "step {step}");
    }
    assert_eq!(reading!(rig, totp::find("1")).unwrap().unwrap().last_step, Some(9));
    assert_eq!(reading!(rig, totp::find("2")).unwrap().unwrap().last_step, None);
    assert!(writing!(rig, [] totp::accept_step("2", 0)).unwrap(), "the first step of all counts, too");
}

#[tokio::test]
async fn each_way_of_a_code_is_added_and_removed_on_its_own() {
    let rig = two_users().await;
    let [sms, email] = Channel::ALL;
    assert!(writing!(rig, [] otp_factor::add("1", sms, NOW)).unwrap());
    assert!(!writing!(rig, [] otp_factor::add("1", sms, later(1))).unwrap());
    assert!(writing!(rig, [] otp_factor::add("2", email, NOW)).unwrap());
    for (id, channel, there) in [("1", sms, true), ("1", email, false), ("2", sms, false), ("2", email, true)]
    {
        assert_eq!(reading!(rig, otp_factor::has(id, channel)).unwrap(), there, "{id} {channel:?}");
    }
    assert!(!writing!(rig, [] otp_factor::remove("1", email)).unwrap());
    assert!(writing!(rig, [] otp_factor::remove("1", sms)).unwrap());
    assert!(!writing!(rig, [] otp_factor::remove("1", sms)).unwrap());
    assert!(reading!(rig, otp_factor::has("2", email)).unwrap());
}

const CODES: [Digest; 3] = [[1; 32], [2; 32], [3; 32]];

#[tokio::test]
async fn a_recovery_code_is_taken_once_and_by_its_owner() {
    let rig = two_users().await;
    writing!(rig, [] recovery_code::replace("1", &CODES, NOW)).unwrap();
    assert!(reading!(rig, recovery_code::has("1", &CODES[1])).unwrap());
    assert!(!reading!(rig, recovery_code::has("2", &CODES[1])).unwrap());
    assert!(!writing!(rig, [] recovery_code::take("2", &CODES[1])).unwrap());
    assert!(writing!(rig, [] recovery_code::take("1", &CODES[1])).unwrap());
    assert!(!writing!(rig, [] recovery_code::take("1", &CODES[1])).unwrap());
    assert!(!reading!(rig, recovery_code::has("1", &CODES[1])).unwrap());
    assert_eq!(reading!(rig, recovery_code::count("1")).unwrap(), 2);
    assert_eq!(reading!(rig, recovery_code::count("2")).unwrap(), 0);
}

#[tokio::test]
async fn a_new_set_of_recovery_codes_replaces_the_old_one() {
    let rig = two_users().await;
    let fifty: Vec<Digest> = (100..150).map(|number| [number; 32]).collect();
    for id in ["1", "2"] {
        writing!(rig, [fifty] recovery_code::replace(id, &fifty, NOW)).unwrap();
    }
    assert_eq!(reading!(rig, recovery_code::count("1")).unwrap(), 50);
    writing!(rig, [] recovery_code::replace("1", &CODES, later(1))).unwrap();
    assert_eq!(reading!(rig, recovery_code::count("1")).unwrap(), 3);
    assert!(!writing!(rig, [fifty] recovery_code::take("1", &fifty[0])).unwrap());
    assert!(writing!(rig, [] recovery_code::remove("1")).unwrap());
    assert!(!writing!(rig, [] recovery_code::remove("1")).unwrap());
    assert_eq!(reading!(rig, recovery_code::count("2")).unwrap(), 50);
}

#[tokio::test]
async fn no_second_factor_belongs_to_nobody_and_none_outlives_its_user() {
    let rig = two_users().await;
    for refused in [
        writing!(rig, [] totp::save("3", &waiting())),
        writing!(rig, [] otp_factor::add("3", Channel::Sms, NOW)).map(drop),
        writing!(rig, [] recovery_code::replace("3", &CODES, NOW)),
    ] {
        assert!(matches!(refused, Err(StoreError::Driver(_))), "{refused:?}");
    }
    writing!(rig, [] totp::save("1", &waiting())).unwrap();
    writing!(rig, [] otp_factor::add("1", Channel::Sms, NOW)).unwrap();
    writing!(rig, [] recovery_code::replace("1", &CODES, NOW)).unwrap();
    writing!(rig, [] user::delete("1", NOW)).unwrap();
    for table in ["totps", "otp_factors", "recovery_codes"] {
        assert_eq!(rig.count(table).await, 0, "{table}");
    }
}

/// How many of 100 tries succeed that begin at the same time, over two processes.
async fn successes(rig: &Rig, attempt: fn(Db) -> BoxFuture<'static, Result<bool>>) -> usize {
    let (dbs, barrier) = ([rig.db.clone(), rig.neighbour()], Arc::new(Barrier::new(100)));
    let tries = (0..100).map(|number| {
        let (db, barrier) = (dbs[number % 2].clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            attempt(db).await.unwrap()
        })
    });
    join_all(tries).await.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_who_use_one_step_one_succeeds() {
    let rig = two_users().await;
    writing!(rig, [] totp::save("1", &Totp { ready: true, ..waiting() })).unwrap();
    let attempt = |db: Db| -> BoxFuture<'static, Result<bool>> {
        Box::pin(async move {
            db.write(|conn| Box::pin(async move { totp::accept_step(conn, "1", 7).await })).await
        })
    };
    assert_eq!(successes(&rig, attempt).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_who_prove_one_registration_one_succeeds() {
    let rig = two_users().await;
    writing!(rig, [] totp::save("1", &waiting())).unwrap();
    let attempt = |db: Db| -> BoxFuture<'static, Result<bool>> {
        Box::pin(async move {
            db.write(|conn| Box::pin(async move { totp::make_ready(conn, "1", 7).await })).await
        })
    };
    assert_eq!(successes(&rig, attempt).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_who_use_one_recovery_code_one_succeeds() {
    let rig = two_users().await;
    writing!(rig, [] recovery_code::replace("1", &CODES, NOW)).unwrap();
    let attempt = |db: Db| -> BoxFuture<'static, Result<bool>> {
        Box::pin(async move {
            db.write(|conn| Box::pin(async move { recovery_code::take(conn, "1", &CODES[0]).await })).await
        })
    };
    assert_eq!(successes(&rig, attempt).await, 1);
    assert_eq!(reading!(rig, recovery_code::count("1")).unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_who_add_one_way_one_succeeds() {
    let rig = two_users().await;
    let attempt = |db: Db| -> BoxFuture<'static, Result<bool>> {
        Box::pin(async move {
            db.write(|conn| Box::pin(async move { otp_factor::add(conn, "1", Channel::Email, NOW).await }))
                .await
        })
    };
    assert_eq!(successes(&rig, attempt).await, 1);
}
