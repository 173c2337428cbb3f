//! `doorward keys`: the master key is replaced, and nobody notices who need not.

use std::os::unix::fs::PermissionsExt;

use doorward_core::master::MasterKey;
use serde_json::{Value, json};

use crate::child::{Server, data};
use crate::home::Home;
use crate::tools::{add_person, log_in, run, served, text, told};
use crate::vault::Vault;

const PASSWORD: &str = "F1rst!password";

/// Every file of the data folder but the database, with its mode.
fn files(home: &Home) -> Vec<(String, String, u32)> {
    let entries = std::fs::read_dir(home.path().join("data")).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| !name.starts_with("doorward.db") && !name.ends_with(".lock"))
        .map(|(name, path)| {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            (name, std::fs::read_to_string(path).unwrap(), mode)
        })
        .collect();
    files.sort();
    files
}

/// A store that was set up and is not served, and the key of it.
fn set_up() -> (Home, Vault, MasterKey) {
    let (home, server, _) = served();
    drop(server.stop());
    let vault = Vault::of(home.path());
    let [key] = vault.keys().try_into().unwrap();
    (home, vault, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_master_key_passwords_tokens_codes_and_secrets_are_what_they_were() {
    let (home, server, admin) = served();
    let person = add_person(home.path(), PASSWORD);
    let user = format!("/v2/users/{}", text(&person["id"]));
    let (_, session) = log_in(&server, &admin, PASSWORD).await;
    let path = format!("{user}/password_reset");
    let reset = server.http.rest("POST", &path, Some(&admin), "{\"returnCode\":{}}").await.json();
    let vault = Vault::of(home.path());
    let [old] = vault.keys().try_into().unwrap();
    vault.fill(&old, 100).await;
    let before = files(&home);
    drop(vault);
    let refused = run(home.path(), &["keys", "rotate"]);
    let words = refused.errors.contains("stop the server") || refused.errors.contains("stop all nodes");
    assert!(refused.code == Some(1) && words, "{refused:?}");
    assert_eq!(files(&home), before, "beside a server nothing is changed");
    drop(tokio::task::spawn_blocking(move || server.stop()).await.unwrap());

    let status = told(home.path(), &["keys", "status"]);
    let [row] = status.as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!((text(&row["key"]), text(&row["state"])), (old.id().to_string().as_str(), "present"));
    assert_eq!((&row["totps"], &row["outbox"], &row["sealed"]), (&json!(3), &json!(100), &json!(403)));

    let rotated = told(home.path(), &["keys", "rotate"]);
    let vault = Vault::of(home.path());
    let [new] = vault.keys().try_into().unwrap();
    assert!(new != old);
    let [row] = rotated.as_array().unwrap().as_slice() else { panic!("{rotated}") };
    assert_eq!((text(&row["key"]), text(&row["state"])), (new.id().to_string().as_str(), "present"));
    assert_eq!((&row["sealed"], &row["sealed_keys"]), (&json!(404), &json!(101)), "and the root");
    vault.assert_opens(&new, 100).await;
    let named = |files: Vec<(String, String, u32)>| -> Vec<_> {
        files.into_iter().map(|(name, _, mode)| (name, mode)).collect()
    };
    assert_eq!(named(files(&home)), named(before), "no file more, and none that others may read");

    let server = Server::start(home.path(), &[]);
    let path = format!("/v2/sessions/{}", text(&session["sessionId"]));
    let token = Some(text(&session["sessionToken"]));
    assert_eq!(server.http.rest("GET", &path, token, "").await.status, 200, "the token of a session");
    assert_eq!(log_in(&server, &admin, PASSWORD).await.0, 201, "the token of a machine, and the password");
    let code = &reset["verificationCode"];
    let body = json!({ "newPassword": { "password": "Sec0nd!password" }, "verificationCode": code });
    let set = server.http.rest("POST", &format!("{user}/password"), Some(&admin), &body.to_string()).await;
    assert_eq!(set.status, 200, "the code: {}", set.json());
    assert_eq!(log_in(&server, &admin, "Sec0nd!password").await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_rotation_replaces_the_second_key_and_one_that_keeps_the_old_one_is_ended_by_the_next() {
    let (home, vault, first) = set_up();
    vault.fill(&first, 10).await;
    drop(vault);
    let status = told(home.path(), &["keys", "rotate", "--keep-old"]);
    let states = |status: &Value| -> Vec<_> {
        let row = |row: &Value| (text(&row["state"]).to_owned(), row["sealed"].as_u64().unwrap());
        status.as_array().unwrap().iter().map(row).collect()
    };
    assert_eq!(states(&status), [("present".to_owned(), 43), ("opens".to_owned(), 0)]);
    let vault = Vault::of(home.path());
    let [second, kept] = vault.keys().try_into().unwrap();
    assert!(kept == first && second != first);
    drop(vault);
    assert_eq!(states(&told(home.path(), &["keys", "rotate"])), [("present".to_owned(), 43)]);
    let vault = Vault::of(home.path());
    assert!(vault.keys() == [second.clone()], "it was ended, not begun anew");
    drop(vault);
    assert_eq!(states(&told(home.path(), &["keys", "rotate"])), [("present".to_owned(), 43)]);
    let vault = Vault::of(home.path());
    let [third] = vault.keys().try_into().unwrap();
    assert!(third != second);
    vault.assert_opens(&third, 10).await;
    drop(vault);
    let server = Server::start(home.path(), &[]);
    let admin = data(home.path(), "admin.pat");
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&admin), "{}").await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_or_missing_old_key_is_refused_before_anything_is_written() {
    let (home, vault, old) = set_up();
    vault.fill(&old, 10).await;
    let (wrong, before) = (MasterKey::new([9; 32]), vault.standing().await);
    for (keys, words) in [
        (vec![&wrong], "set up with another master key"),
        (vec![&wrong, &MasterKey::new([8; 32])], "set up with another master key"),
        (vec![&old, &wrong], "put the new one before it"),
    ] {
        vault.write_keys(&keys);
        let (files_before, refused) = (files(&home), run(home.path(), &["keys", "rotate"]));
        assert!(refused.code == Some(1) && refused.errors.contains(words), "{words}: {refused:?}");
        assert_eq!(files(&home), files_before, "{words}");
        assert!(vault.standing().await == before, "{words}");
        vault.assert_opens(&old, 10).await;
    }
    vault.write_keys(&[&wrong]);
    let status = run(home.path(), &["keys", "status"]);
    assert!(status.code == Some(1) && status.output.contains("missing"), "{status:?}");
    std::fs::remove_file(home.path().join("data/master.key")).unwrap();
    for command in [["keys", "rotate"], ["keys", "status"]] {
        let refused = run(home.path(), &command);
        assert!(refused.code == Some(1) && refused.errors.contains("master.key is missing"), "{refused:?}");
    }
    assert!(!home.path().join("data/master.key").exists(), "no key is made in its place");

    // As if a rotation had been broken off, and somebody had thrown the old key away too early.
    let new = MasterKey::new([5; 32]);
    vault.write_keys(&[&new, &old]);
    let server = Server::start(home.path(), &[]);
    drop(server.stop());
    told(home.path(), &["keys", "rotate", "--keep-old"]);
    let tables = "DELETE FROM outbox; DELETE FROM intents; DELETE FROM totps; DELETE FROM signing_keys;
                  DELETE FROM sealed_keys WHERE id <> 'root'";
    vault.sql(tables).await;
    vault.fill(&old, 10).await;
    vault.write_keys(&[&new]);
    let (id, before) = (old.id().to_string(), vault.standing().await);
    let refused = run(home.path(), &["keys", "rotate"]);
    assert!(refused.code == Some(1) && refused.errors.contains(&id), "{refused:?}");
    assert!(vault.keys() == [new.clone()] && vault.standing().await == before);
    let status = run(home.path(), &["--json", "keys", "status"]).json();
    let missing = status.as_array().unwrap().iter().find(|row| row["state"] == "missing").unwrap();
    assert_eq!((text(&missing["key"]), &missing["outbox"]), (id.as_str(), &json!(10)));
    vault.write_keys(&[&new, &old]);
    assert_eq!(run(home.path(), &["keys", "rotate"]).code, Some(0));
    vault.assert_opens(&new, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_configuration_are_rotated_in_their_order_and_no_file_is_made() {
    let home = Home::new();
    let [old, new] = [MasterKey::new([1; 32]), MasterKey::new([2; 32])];
    let set = |keys: &[&MasterKey]| {
        let texts: Vec<_> = keys.iter().map(|key| key.text().to_string()).collect();
        format!("master_key={}", texts.join(","))
    };
    drop(Server::start(home.path(), &["--set", &set(&[&old])]).stop());
    let admin = data(home.path(), "admin.pat");
    let vault = Vault::of(home.path());
    vault.fill(&old, 10).await;
    drop(vault);
    let rotate = |keys: &[&MasterKey]| run(home.path(), &["--set", &set(keys), "keys", "rotate"]);
    for keys in [&[&old] as &[_], &[&old, &new]] {
        let refused = rotate(keys);
        assert!(refused.code == Some(1) && refused.errors.contains("before it"), "{refused:?}");
    }
    assert_eq!(rotate(&[&new, &old]).code, Some(0));
    assert_eq!(rotate(&[&new, &old]).code, Some(0), "a second time it is harmless");
    let vault = Vault::of(home.path());
    vault.assert_opens(&new, 10).await;
    drop(vault);
    assert!(!home.path().join("data/master.key").exists());
    let refused = run(home.path(), &["--set", &set(&[&old]), "user", "list"]);
    assert!(refused.code == Some(1) && refused.errors.contains("another master key"), "{refused:?}");
    let server = Server::start(home.path(), &["--set", &set(&[&new])]);
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&admin), "{}").await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_new_root_no_token_of_before_is_valid_and_passwords_and_secrets_are() {
    let (home, vault, old) = set_up();
    add_person(home.path(), PASSWORD);
    vault.fill(&old, 10).await;
    drop(vault);
    assert_eq!(run(home.path(), &["keys", "rotate", "--root"]).code, Some(0));
    let vault = Vault::of(home.path());
    vault.assert_opens(&vault.keys()[0], 10).await;
    drop(vault);
    let server = Server::start(home.path(), &[]);
    let before = data(home.path(), "admin.pat");
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&before), "{}").await.status, 401);
    let made = told(home.path(), &["token", "create", "admin"]);
    assert_eq!(log_in(&server, text(&made["token"]), PASSWORD).await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_is_given_up_in_the_documented_way_and_a_wrong_one_is_refused_from_then_on() {
    let (home, vault, old) = set_up();
    add_person(home.path(), PASSWORD);
    vault.fill(&old, 10).await;
    drop(vault);
    assert_eq!(run(home.path(), &["keys", "rotate"]).code, Some(0));
    let vault = Vault::of(home.path());
    let guide = include_str!("../../../../docs/operating.md");
    let (_, after) = guide.split_once("**The master key is lost.**").unwrap();
    let (_, sql) = after.split_once("```sql\n").unwrap();
    vault.sql(sql.split_once("```").unwrap().0).await;
    let [new, wrong] = [MasterKey::new([8; 32]), MasterKey::new([9; 32])];
    vault.write_keys(&[&new]);
    let made = told(home.path(), &["token", "create", "admin"]);
    let server = Server::start(home.path(), &[]);
    assert_eq!(log_in(&server, text(&made["token"]), PASSWORD).await.0, 201);
    let before = data(home.path(), "admin.pat");
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&before), "{}").await.status, 401);
    vault.write_keys(&[&wrong]);
    let refused = run(home.path(), &["user", "list"]);
    assert!(refused.code == Some(1) && refused.errors.contains("another master key"), "{refused:?}");
    vault.write_keys(&[&new]);
    let status = told(home.path(), &["keys", "status"]);
    assert_eq!((text(&status[0]["state"]), &status[0]["sealed"]), ("present", &json!(0)));
}
