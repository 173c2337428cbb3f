//! Deny by default: every method of every served descriptor is called by every kind of caller, and each call ends as
//! the table says. A method that is missing in the table fails here.

use std::collections::BTreeSet;

use doorward_proto::RPCS;

use crate::bearer::Kind;
use crate::client::Protocol;
use crate::factors::factors;
use crate::table::{Entry, Own, Rule, sessions};
use crate::users::users;
use crate::world::{Who, World};

/// Calls everything in the name of everybody; gives what ended otherwise than expected.
async fn run(world: &mut World, service: &str, entries: Vec<Entry>) -> Vec<String> {
    let mut wrong = Vec::new();
    for entry in entries {
        for caller in world.callers.clone() {
            let fresh = world.fresh(entry.target, caller.who == Who::Own).await;
            let own = Some(fresh.own.clone());
            let token = if caller.who == Who::Own { own } else { caller.token.clone() };
            let (method, request) = (format!("{service}.{}", entry.rpc), (entry.request)(&fresh));
            let shown = request.to_string();
            let called = world.rig.http.call(Protocol::ConnectJson, &method, token.as_deref(), request).await;
            let expected = world.expected(&caller, (entry.rule, entry.own), entry.creator);
            let expected = expected.and_then(|()| entry.ends.map_or(Ok(()), Err));
            let ended = called.map(drop).map_err(|refusal| refusal.id());
            if ended != expected.map_err(str::to_owned) {
                let name = &caller.name;
                wrong.push(format!("{method} {shown} by {name}: {ended:?} instead of {expected:?}"));
            }
        }
    }
    wrong
}

/// The same by everybody with tokens of a kind, over all methods of a table.
async fn everybody(kind: Kind, service: &str, entries: Vec<Entry>) {
    let wrong = run(&mut World::build(kind).await, service, entries).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A test for each table, of callers with tokens of a kind.
macro_rules! everybody {
    ($($module:ident = $kind:expr;)*) => { $(
        mod $module {
            use super::*;

            #[tokio::test]
            async fn every_caller_of_every_session_method_is_let_in_or_refused_as_written() {
                everybody($kind, "session", sessions()).await;
            }

            #[tokio::test]
            async fn every_caller_of_every_beta_session_method_is_let_in_or_refused_as_written() {
                everybody($kind, "beta", sessions()).await;
            }

            #[tokio::test]
            async fn every_caller_of_every_user_method_is_let_in_or_refused_as_written() {
                everybody($kind, "user", users()).await;
            }

            #[tokio::test]
            async fn every_caller_of_every_method_of_factors_is_let_in_or_refused_as_written() {
                everybody($kind, "user", factors()).await;
            }
        }
    )* };
}

everybody! {
    with_personal_access_tokens = Kind::Personal;
    with_access_tokens = Kind::Opaque;
    with_signed_access_tokens = Kind::Signed;
    with_tokens_of_a_trusted_issuer = Kind::Foreign;
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
    let world = World::build(Kind::Personal).await;
    assert_eq!(world.callers.len(), 21);
    let rule = (Rule::Organisation("user.write"), Own::Ruled);
    let allowed = world.callers.iter().filter(|caller| world.expected(caller, rule, false).is_ok());
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
