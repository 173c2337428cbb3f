//! What several of these tests need.

use std::time::Duration;

use doorward_store::outbox::Entry;
use doorward_store::outbox_list;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::mail_server::PATIENCE;
use crate::rig::{Rig, human};

/// A server with these settings.
pub async fn start(settings: &[String]) -> Rig {
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Rig::start_with(&settings).await
}

/// The request for a person whose mail address is not verified, with something added.
pub fn unverified(email: &str, more: Value) -> Value {
    let mut request = human(email);
    request["email"] = json!({ "email": email });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// A person whose mail address waits for its code; gives the id.
pub async fn add_unverified(rig: &Rig, email: &str) -> String {
    let made = rig.ok("user.AddHumanUser", &rig.admin, unverified(email, json!({}))).await;
    made["userId"].as_str().unwrap().to_owned()
}

/// The messages in the outbox, the newest first.
pub async fn outbox(rig: &Rig) -> Vec<Entry> {
    let mut reading = rig.app.db.reading().await.unwrap();
    outbox_list::list(reading.conn().unwrap(), None, None, 1000).await.unwrap()
}

/// The only message in the outbox, once it is as wanted.
pub async fn only(rig: &Rig, wanted: impl Fn(&Entry) -> bool) -> Entry {
    let found = async {
        loop {
            let mut entries = outbox(rig).await;
            assert_eq!(entries.len(), 1, "{entries:?}");
            if wanted(&entries[0]) {
                return entries.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}
