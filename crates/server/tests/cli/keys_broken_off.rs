//! A rotation of the master key that ends in the middle goes on where it stopped, and meanwhile everything is valid.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use doorward::env::Env;
use doorward::first_start::DataDir;
use doorward::master_key::unlock;
use doorward::rotation::{Asked, Site, Step, rotate};
use doorward_core::master::MasterKey;
use doorward_core::token::TokenKind;
use doorward_store::sealed::{KEY, SEALED};

use crate::child::data;
use crate::tools::{run, served};
use crate::vault::Vault;

/// Runs a rotation that dies right after so many steps; gives its steps, and whether it came to its end.
async fn broken_off(vault: &Vault, dir: &DataDir, after: usize) -> (Vec<Step>, bool) {
    let env = Env::system();
    let masters = dir.masters(None, true, &env).unwrap();
    let site = Site { db: &vault.db, env: &env, pause: Duration::ZERO, alone: true };
    let mut steps = Vec::new();
    let ended = rotate(&site, masters, Asked::default(), &mut |step| {
        steps.push(step);
        anyhow::ensure!(steps.len() < after, "killed");
        Ok(())
    })
    .await;
    if let Err(error) = &ended {
        assert_eq!(error.to_string(), "killed", "after {steps:?}");
    }
    (steps, ended.is_ok())
}

/// Makes sure that the keys of the folder open the store, and that a token of the first start is still valid.
async fn assert_unlocks(vault: &Vault, dir: &DataDir, token: &str) {
    let masters = dir.masters(None, true, &Env::system()).unwrap();
    let keys = unlock(&vault.db, &masters).await.unwrap();
    let presented = keys.tokens.read(TokenKind::PersonalAccess, token).unwrap();
    let mut reading = vault.db.reading().await.unwrap();
    let sql = "SELECT 1 FROM personal_access_tokens WHERE id = $1 AND digest = $2";
    let params = [(&presented.id).into(), (&presented.digest).into()];
    assert!(reading.conn().unwrap().one(sql, &params).await.unwrap().is_some());
}

#[tokio::test]
async fn broken_off_after_any_step_a_rotation_goes_on_with_the_same_new_key() {
    let (home, server, admin) = served();
    drop(tokio::task::spawn_blocking(move || server.stop()).await.unwrap());
    let (vault, dir) = (Vault::of(home.path()), DataDir::unopened(&home.path().join("data")));
    let [mut present] = vault.keys().try_into().unwrap();
    vault.fill(&present, 100).await;
    for after in 1..20 {
        let (mut steps, mut ended) = broken_off(&vault, &dir, after).await;
        assert!(matches!(steps.first(), Some(Step::Made(_))), "{steps:?}");
        assert_unlocks(&vault, &dir, &admin).await;
        let new = vault.keys().remove(0);
        assert!(new != present);
        // Resumed, it dies after its first step again and again until there is none left.
        let mut times = 0;
        while !ended {
            let before = vault.keys();
            if matches!(steps.last(), Some(Step::Dropped(_))) {
                break;
            }
            assert_eq!(before, [new.clone(), present.clone()], "after {steps:?}");
            (steps, ended) = broken_off(&vault, &dir, 1).await;
            assert_unlocks(&vault, &dir, &admin).await;
            times += 1;
            assert!(times < 20, "{steps:?}");
        }
        assert!(vault.keys() == [new.clone()]);
        vault.assert_opens(&new, 100).await;
        present = new;
        if times == 0 && ended {
            return;
        }
    }
    panic!("it never came to its end at once");
}

/// Starts a rotation and kills it as soon as it has sealed more anew; gives whether it came to its end before.
async fn killed(dir: &Path, vault: &Vault, before: u64, new: &MasterKey) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.env_clear().current_dir(dir).args(["keys", "rotate"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while vault.count(&KEY, new).await <= before && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    drop(child.kill());
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "{status}");
    status.success()
}

#[tokio::test]
async fn killed_again_and_again_a_rotation_comes_to_its_end_and_loses_nothing() {
    const MANY: usize = 4000;
    let (home, server, admin) = served();
    drop(tokio::task::spawn_blocking(move || server.stop()).await.unwrap());
    let vault = Vault::of(home.path());
    let [old] = vault.keys().try_into().unwrap();
    vault.fill(&old, MANY).await;
    let new = MasterKey::new([5; 32]);
    vault.write_keys(&[&new, &old]);
    let mut kills = 0;
    for _ in 0..4 {
        let before = vault.count(&KEY, &new).await;
        if killed(home.path(), &vault, before, &new).await {
            break;
        }
        kills += 1;
        assert!(vault.keys() == [new.clone(), old.clone()], "the old key stays until the end");
        assert_unlocks(&vault, &DataDir::unopened(&home.path().join("data")), &admin).await;
    }
    assert!(kills > 0, "it was never killed");
    drop(vault);
    let ended = run(home.path(), &["keys", "rotate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let vault = Vault::of(home.path());
    assert!(vault.keys() == [new.clone()]);
    vault.assert_opens(&new, MANY).await;
    for column in SEALED {
        assert_eq!(vault.count(column, &old).await, 0, "{}", column.table);
    }
    assert_eq!(data(home.path(), "admin.pat"), admin);
}
