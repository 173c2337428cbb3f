//! Every method is called with every token that is worth nothing: none of them gets past the door, and none changes what
//! the call was about.

use bytes::Bytes;

use crate::bearer::{Desk, Kind};
use crate::factors::factors;
use crate::forgery::forge;
use crate::pipe::Pipe;
use crate::table::{Entry, sessions};
use crate::users::users;
use crate::world::World;

/// Calls each method of a table with all of them, and after that with a good one.
async fn run(service: &str, full_name: &str, entries: Vec<Entry>) {
    let mut desk = Desk::open(Kind::Personal).await;
    let (faults, goods) = forge(&mut desk).await;
    assert!(faults.len() > 1500, "{}", faults.len());
    let mut world = World::of(desk, String::new());
    let mut pipe = Pipe::open(world.rig.http).await;
    let mut wrong = Vec::new();
    let mut done = Vec::new();
    for entry in entries {
        if done.contains(&entry.rpc) {
            continue;
        }
        done.push(entry.rpc);
        let fresh = world.fresh(entry.target, false).await;
        let (path, request) = (format!("/{full_name}/{}", entry.rpc), (entry.request)(&fresh));
        let body = Bytes::from(request.to_string());
        for fault in &faults {
            let refusal = pipe.refusal(&path, &fault.token, &body).await;
            if !refusal.as_deref().is_some_and(|id| fault.refusals.contains(&id)) {
                wrong.push(format!("{path} with {}: {refusal:?}", fault.name));
            }
        }
        let good = world.rig.call(&format!("{service}.{}", entry.rpc), &world.rig.admin, request).await;
        let ended = good.map(drop).map_err(|refusal| refusal.id());
        if ended != entry.ends.map_or(Ok(()), |id| Err(id.to_owned())) {
            wrong.push(format!("{path} with a good token after all the others: {ended:?}"));
        }
    }
    for good in goods {
        let path = "/zitadel.session.v2.SessionService/ListSessions";
        assert_eq!(pipe.refusal(path, &good, &Bytes::from_static(b"{}")).await, None, "{good}");
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong[..wrong.len().min(50)].join("\n"));
}

#[tokio::test]
async fn no_session_method_is_done_for_a_token_that_is_worth_nothing() {
    run("session", "zitadel.session.v2.SessionService", sessions()).await;
}

#[tokio::test]
async fn no_beta_session_method_is_done_for_a_token_that_is_worth_nothing() {
    run("beta", "zitadel.session.v2beta.SessionService", sessions()).await;
}

#[tokio::test]
async fn no_user_method_is_done_for_a_token_that_is_worth_nothing() {
    run("user", "zitadel.user.v2.UserService", users()).await;
}

#[tokio::test]
async fn no_method_of_factors_is_done_for_a_token_that_is_worth_nothing() {
    run("user", "zitadel.user.v2.UserService", factors()).await;
}
