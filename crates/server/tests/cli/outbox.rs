//! Messages are listed and tried again while the server runs.

use serde_json::{Value, json};

use crate::child::{Server, data};
use crate::home::Home;
use crate::tools::{run, text, told};

/// A server with mail set up in some way, and the token of its administrator.
fn served(mail: &[&str]) -> (Home, Server, String) {
    let home = Home::new();
    let settings: Vec<&str> = mail.iter().flat_map(|setting| ["--set", *setting]).collect();
    let server = Server::start(home.path(), &settings);
    let admin = data(home.path(), "admin.pat");
    (home, server, admin)
}

async fn add(server: &Server, admin: &str, email: &str) -> String {
    let body = json!({
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": email, "sendCode": {} },
    });
    let answer = server.http.rest("POST", "/v2/users/human", Some(admin), &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json()["userId"]).to_owned()
}

/// The only message, once it is in this state and was tried.
fn only(home: &Home, state: &str) -> Value {
    for _ in 0..600 {
        let listed = told(home.path(), &["outbox", "list", "--state", state]);
        let found = listed.as_array().unwrap();
        if found.iter().any(|one| state != "waiting" || !one["error"].is_null()) {
            return found[0].clone();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no message is {state}: {}", told(home.path(), &["outbox", "list"]));
}

#[tokio::test]
async fn what_waits_is_listed_and_tried_again() {
    // Nobody listens on this port, and the next attempt is an hour away.
    let (home, server, admin) = served(&[
        "mail.transport=smtp",
        "mail.host=127.0.0.1",
        "mail.port=1",
        "mail.security=none",
        "mail.from=door@ward.example",
        "delivery.first_pause_ms=3600000",
        "delivery.longest_pause_ms=3600000",
        "codes.email_lifetime_minutes=600",
    ]);
    let user = add(&server, &admin, "mini@m.co").await;
    let waiting = only(&home, "waiting");
    assert_eq!((text(&waiting["user"]), text(&waiting["channel"])), (user.as_str(), "email"));
    assert_eq!((text(&waiting["purpose"]), &waiting["attempts"]), ("verify_email", &json!(1)));
    assert!(waiting["due"].is_string() && waiting["ended"].is_null() && waiting.get("payload").is_none());
    let dir = home.path();
    assert_eq!(told(dir, &["outbox", "list", "--user", "mini@m.co"]).as_array().unwrap().len(), 1);
    assert_eq!(told(dir, &["outbox", "list", "--user", "admin"]), json!([]));
    assert_eq!(told(dir, &["outbox", "retry", text(&waiting["id"])]), json!({ "retried": 1 }));
    assert_eq!(told(dir, &["outbox", "retry", "--all"]), json!({ "retried": 1 }));
    let unknown = run(dir, &["outbox", "retry", "unknown"]);
    assert_eq!(unknown.code, Some(4));
    assert!(unknown.errors.contains("DOORWARD-0utb0"), "{unknown:?}");
    for wrong in
        [&["outbox", "retry"][..], &["outbox", "retry", "x", "--all"], &["outbox", "list", "--state", "x"]]
    {
        assert_eq!(run(dir, wrong).code, Some(2), "{wrong:?}");
    }
    drop(server);
}

#[tokio::test]
async fn the_log_takes_mails_in_development_and_says_so_loudly() {
    let (home, server, admin) = served(&["mail.transport=log"]);
    add(&server, &admin, "mini@m.co").await;
    let sent = only(&home, "sent");
    let again = run(home.path(), &["outbox", "retry", text(&sent["id"])]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.errors.contains("was sent, and what it said is gone"), "{again:?}");
    let ended = server.stop();
    assert!(ended.errors.contains("NOTHING IS SENT"), "{ended:?}");
    assert!(ended.errors.contains("Hello Mini Mouse,") && ended.errors.contains("code="), "{ended:?}");
}
