//! What a caller may not see is not found, and not counted.

use doorward_core::caller::{Caller, Membership, Reach, Role};
use doorward_core::search::{Page, SessionFilter, SessionView};
use doorward_core::session::{Session, UserAgent};
use doorward_store::session_search;

use crate::rig::Rig;
use crate::sample::ALL;
use crate::sample::{add_session, later, of, session as plain};

/// A session of each kind: nobody's, made by the caller, of the caller, of the caller's browser, at home, away.
fn kinds() -> [(&'static str, Session); 6] {
    let user = |id: &str, organisation: &str| Some(of(id, organisation, later(0)));
    let agent = UserAgent { fingerprint: Some("browser".to_owned()), ..UserAgent::default() };
    [
        ("nobody's", plain(0)),
        ("created", Session { creator: "me".to_owned(), ..plain(1) }),
        ("own", Session { user: user("me", "elsewhere"), ..plain(2) }),
        ("browser", Session { user_agent: agent, ..plain(3) }),
        ("home", Session { user: user("you", "home"), ..plain(4) }),
        ("away", Session { user: user("they", "away"), ..plain(5) }),
    ]
}

async fn seen(rig: &Rig, view: &SessionView, filters: &[SessionFilter]) -> Vec<&'static str> {
    let found = reading!(rig, session_search::search(filters, view, ALL)).unwrap();
    let names: Vec<_> = kinds()
        .into_iter()
        .filter(|(_, kind)| found.entries.iter().any(|shown| shown.session == *kind))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), found.entries.len());
    if let Some(limit @ 1..) = u32::try_from(names.len()).ok().map(|seen| seen.saturating_sub(1)) {
        let short = Page { limit, ..ALL };
        let page = reading!(rig, session_search::search(filters, view, short)).unwrap();
        assert_eq!((page.entries.len() as u64, page.total), (u64::from(limit), found.total), "counted alike");
    }
    names
}

fn view(reach: Reach, agent: Option<&str>) -> SessionView {
    SessionView { reach, caller: "me".to_owned(), agent: agent.map(str::to_owned) }
}

fn only(organisations: &[&str]) -> Reach {
    Reach::Organisations(organisations.iter().map(|&id| id.to_owned()).collect())
}

async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    for (_, session) in kinds() {
        add_session(&rig, &session).await;
    }
    rig
}

#[tokio::test]
async fn each_way_to_a_session_shows_just_its_own() {
    let rig = filled().await;
    let own = ["created", "own"];
    assert_eq!(seen(&rig, &view(only(&[]), None), &[]).await, own);
    assert_eq!(seen(&rig, &view(only(&[]), Some("browser")), &[]).await, ["created", "own", "browser"]);
    assert_eq!(seen(&rig, &view(only(&[]), Some("other")), &[]).await, own);
    assert_eq!(seen(&rig, &view(only(&["home"]), None), &[]).await, ["created", "own", "home"]);
    let both = only(&["home", "away"]);
    assert_eq!(seen(&rig, &view(both, None), &[]).await, ["created", "own", "home", "away"]);
    assert_eq!(seen(&rig, &view(Reach::Everything, None), &[]).await.len(), 6);
    let stranger = SessionView { caller: "stranger".to_owned(), ..view(only(&[]), None) };
    assert!(seen(&rig, &stranger, &[]).await.is_empty());
}

#[tokio::test]
async fn no_filter_shows_what_the_view_hides() {
    let rig = filled().await;
    let mine = view(only(&[]), None);
    let all_ids = SessionFilter::Ids(kinds().map(|(_, session)| session.id).into());
    assert_eq!(seen(&rig, &mine, &[all_ids]).await, ["created", "own"]);
    assert!(seen(&rig, &mine, &[SessionFilter::User("you".to_owned())]).await.is_empty());
    assert!(seen(&rig, &mine, &[SessionFilter::Fingerprint("browser".to_owned())]).await.is_empty());
}

#[tokio::test]
async fn the_view_and_the_rule_for_one_session_agree() {
    let rig = filled().await;
    let role =
        |organisation: Option<&str>, role| Membership { organisation: organisation.map(str::to_owned), role };
    let memberships = [
        vec![],
        vec![role(None, Role::IamOwnerViewer)],
        vec![role(Some("home"), Role::OrgOwner)],
        vec![role(Some("home"), Role::OrgOwnerViewer), role(Some("away"), Role::OrgOwner)],
    ];
    for memberships in memberships {
        for agent in [None, Some(String::new()), Some("browser".to_owned())] {
            let caller = Caller {
                user_id: "me".to_owned(),
                organisation: "home".to_owned(),
                memberships: memberships.clone(),
                agent,
            };
            let allowed: Vec<_> = kinds()
                .into_iter()
                .filter(|(_, session)| session.require_read(&caller).is_ok())
                .map(|(name, _)| name)
                .collect();
            assert_eq!(seen(&rig, &SessionView::of(&caller), &[]).await, allowed, "{caller:?}");
        }
    }
}
