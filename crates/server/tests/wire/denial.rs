//! Deny by default: every method of every served descriptor is called by every kind of caller, and each call ends as
//! the table says. A method that is missing in the table fails here.

use std::collections::BTreeSet;

use doorward_proto::RPCS;

use crate::client::Protocol;
use crate::denial_factors::factors;
use crate::denial_table::{Entry, Own, Rule, sessions};
use crate::denial_users::users;
use crate::denial_world::{Who, World};

/// Calls everything in the name of everybody; gives what ended otherwise than expected.
async fn run(world: &mut World, service: &str, entries: Vec<Entry>) -> Vec<String> {
    let mut wrong = Vec::new();
    for entry in entries {
        for caller in world.callers.clone() {
            let fresh = world.fresh(entry.target, caller.who == Who::Own).await;
            let own = Some(fresh.own.clone());
            let token = if caller.who == Who::Own { own } else { caller.token };
            let (method, request) = (format!("{service}.{}", entry.rpc), (entry.request)(&fresh));
            let shown = request.to_string();
            let called = world.rig.http.call(Protocol::ConnectJson, &method, token.as_deref(), request).await;
            let expected = world.expected(&caller.who, (entry.rule, entry.own), entry.creator);
            let expected = expected.and_then(|()| entry.ends.map_or(Ok(()), Err));
            let ended = called.map(drop).map_err(|refusal| refusal.id());
            if ended != expected.map_err(str::to_owned) {
                let name = caller.name;
                wrong.push(format!("{method} {shown} by {name}: {ended:?} instead of {expected:?}"));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn every_caller_of_every_session_method_is_let_in_or_refused_as_written() {
    let mut world = World::build().await;
    let wrong = run(&mut world, "session", sessions()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_caller_of_every_beta_session_method_is_let_in_or_refused_as_written() {
    let mut world = World::build().await;
    let wrong = run(&mut world, "beta", sessions()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_caller_of_every_user_method_is_let_in_or_refused_as_written() {
    let mut world = World::build().await;
    let wrong = run(&mut world, "user", users()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_caller_of_every_method_of_factors_is_let_in_or_refused_as_written() {
    let mut world = World::build().await;
    let wrong = run(&mut world, "user", factors()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_served_method_is_in_the_table_and_nothing_else() {
    let served: BTreeSet<String> = RPCS.iter().map(|rpc| format!("{}/{}", rpc.service, rpc.method)).collect();
    let mut listed = BTreeSet::new();
    for version in ["v2", "v2beta"] {
        let names = sessions().into_iter().map(|entry| entry.rpc);
        listed.extend(names.map(|name| format!("zitadel.session.{version}.SessionService/{name}")));
    }
    let of_users = users().into_iter().chain(factors());
    listed.extend(of_users.map(|entry| format!("zitadel.user.v2.UserService/{}", entry.rpc)));
    assert_eq!(served, listed);
    assert_eq!(served.len(), 70);
}

#[tokio::test]
async fn the_table_has_every_role_and_can_tell_allowed_from_refused() {
    let world = World::build().await;
    assert_eq!(world.callers.len(), 21);
    let rule = (Rule::Organisation("user.write"), Own::Ruled);
    let allowed = world.callers.iter().filter(|caller| world.expected(&caller.who, rule, false).is_ok());
    let names: Vec<_> = allowed.map(|caller| caller.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "IAM_OWNER",
            "IAM_ORG_MANAGER",
            "IAM_USER_MANAGER",
            "IAM_LOGIN_CLIENT",
            "ORG_OWNER",
            "ORG_USER_MANAGER"
        ]
    );
}
