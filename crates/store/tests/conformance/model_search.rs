//! Random searches find exactly what their definition says, in its order, on its page, with its total.

use doorward_core::caller::Reach;
use doorward_core::search::{
    Comparison, Page, SessionFilter, SessionView, TextFilter, TextMatch, UserFilter, UserOrder, UserText,
    UserView,
};
use doorward_core::session::{Session, UserAgent};
use doorward_core::user::{User, UserKind};
use doorward_store::{session, session_search, user, user_search};
use proptest::prelude::*;

use crate::rig::Rig;
use crate::sample::{human, later, machine, of, person, session as plain};

const SHORT: [&str; 4] = ["a", "A", "ä", "b%"];
const PLACES: [&str; 2] = ["home", "away"];

fn short() -> impl Strategy<Value = String> {
    prop::sample::select(&SHORT[..]).prop_map(str::to_owned)
}

fn compared() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
    ]
}

fn reach() -> impl Strategy<Value = Reach> {
    let some = prop::sample::subsequence(&PLACES[..], 0..=2);
    let some = some.prop_map(|places| Reach::Organisations(places.into_iter().map(str::to_owned).collect()));
    prop_oneof![Just(Reach::Everything), some]
}

fn page() -> impl Strategy<Value = Page> {
    (0_u64..6, 1_u32..8, any::<bool>()).prop_map(|(offset, limit, ascending)| Page {
        offset,
        limit,
        ascending,
    })
}

prop_compose! {
    fn sessions()(parts in prop::collection::vec(
        (short(), prop::option::of((short(), prop::sample::select(&PLACES[..]))), prop::option::of(short()),
         prop::option::of(0_i64..4), prop::bool::weighted(0.2)), 0..10,
    )) -> Vec<Session> {
        (0..).zip(parts).map(|(age, (creator, user, fingerprint, expires, ended))| Session {
            creator,
            user: user.map(|(id, place)| of(&id, place, later(0))),
            user_agent: UserAgent { fingerprint, ..UserAgent::default() },
            expires: expires.map(later),
            ended: ended.then_some(later(0)),
            ..plain(age)
        }).collect()
    }
}

fn session_filter() -> impl Strategy<Value = SessionFilter> {
    let ids = prop::collection::vec((0_i64..10).prop_map(|age| plain(age).id), 0..9);
    prop_oneof![
        ids.prop_map(SessionFilter::Ids),
        short().prop_map(SessionFilter::User),
        short().prop_map(SessionFilter::Creator),
        short().prop_map(SessionFilter::Fingerprint),
        (-1_i64..11, compared()).prop_map(|(age, how)| SessionFilter::Created(later(age), how)),
        (-1_i64..5, compared()).prop_map(|(age, how)| SessionFilter::Expires(later(age), how)),
    ]
}

fn holds<T: Ord>(left: T, how: Comparison, right: T) -> bool {
    match how {
        Comparison::Equal => left == right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
    }
}

fn finds(filter: &SessionFilter, session: &Session) -> bool {
    match filter {
        SessionFilter::Ids(ids) => ids.contains(&session.id),
        SessionFilter::User(id) => session.user.as_ref().is_some_and(|user| user.id == *id),
        SessionFilter::Creator(id) => session.creator == *id,
        SessionFilter::Fingerprint(id) => session.user_agent.fingerprint.as_ref() == Some(id),
        SessionFilter::Created(at, how) => holds(session.created, *how, *at),
        SessionFilter::Expires(at, how) => match session.expires {
            Some(expires) => holds(expires, *how, *at),
            None => matches!(how, Comparison::Greater | Comparison::GreaterOrEqual),
        },
    }
}

fn shows(view: &SessionView, session: &Session) -> bool {
    let Reach::Organisations(places) = &view.reach else { return true };
    let user = session.user.as_ref();
    session.creator == view.caller
        || user.is_some_and(|user| user.id == view.caller || places.contains(&user.organisation))
        || view.agent.as_ref().is_some_and(|agent| session.user_agent.fingerprint.as_ref() == Some(agent))
}

fn user_filter() -> impl Strategy<Value = UserFilter> {
    let text = (short(), 0..4_usize, any::<bool>()).prop_map(|(text, matching, ignore_case)| {
        let matching =
            [TextMatch::Equals, TextMatch::StartsWith, TextMatch::Contains, TextMatch::EndsWith][matching];
        TextFilter { text, matching, ignore_case }
    });
    let field = prop::sample::select(vec![UserText::GivenName, UserText::NickName, UserText::Email]);
    let leaf = prop_oneof![
        (field, text).prop_map(|(field, filter)| UserFilter::Text(field, filter)),
        any::<bool>().prop_map(UserFilter::Human),
        prop::collection::vec((0..8).prop_map(|id: i32| id.to_string()), 0..4).prop_map(UserFilter::Ids),
        prop::collection::vec(short(), 0..3).prop_map(UserFilter::Emails),
        prop::sample::select(&PLACES[..]).prop_map(|place| UserFilter::Organisation(place.to_owned())),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(UserFilter::Any),
            prop::collection::vec(inner.clone(), 0..3).prop_map(UserFilter::All),
            inner.prop_map(|inner| UserFilter::Not(Box::new(inner))),
        ]
    })
}

fn matches(filter: &UserFilter, user: &User) -> bool {
    let human = user.human();
    let text = |field: &UserText| match (field, human) {
        (UserText::GivenName, Some(human)) => human.profile.given_name.clone(),
        (UserText::NickName, Some(human)) => human.profile.nick_name.clone().unwrap_or_default(),
        (UserText::Email, Some(human)) => human.email.address.clone(),
        _ => String::new(),
    };
    match filter {
        UserFilter::Text(field, filter) => {
            let fold = |text: String| if filter.ignore_case { text.to_lowercase() } else { text };
            let (value, text) = (fold(text(field)), fold(filter.text.clone()));
            match filter.matching {
                TextMatch::Equals => value == text,
                TextMatch::StartsWith => value.starts_with(&text),
                TextMatch::Contains => value.contains(&text),
                TextMatch::EndsWith => value.ends_with(&text),
            }
        }
        UserFilter::Human(wanted) => *wanted == matches!(user.kind, UserKind::Human(_)),
        UserFilter::Ids(ids) => ids.contains(&user.id),
        UserFilter::Emails(emails) => human.is_some_and(|human| emails.contains(&human.email.address)),
        UserFilter::Organisation(id) => user.organisation == *id,
        UserFilter::Any(filters) => filters.iter().any(|filter| matches(filter, user)),
        UserFilter::All(filters) => filters.iter().all(|filter| matches(filter, user)),
        UserFilter::Not(filter) => !matches(filter, user),
        other => panic!("not drawn: {other:?}"),
    }
}

prop_compose! {
    fn users()(parts in prop::collection::vec(
        (any::<bool>(), short(), short(), prop::option::of(short()), prop::sample::select(&PLACES[..])), 0..8,
    )) -> Vec<User> {
        (0..).zip(parts).map(|(id, (is_human, given, email, nick, place)): (i32, _)| {
            let (id, name) = (id.to_string(), format!("name{id}"));
            let mut user = if is_human { human(&id, &name) } else { machine(&id, &name) };
            if is_human {
                let human = person(&mut user);
                (human.profile.given_name, human.profile.nick_name, human.email.address) = (given, nick, email);
            }
            user.organisation = place.to_owned();
            user
        }).collect()
    }
}

/// The part of all matches that a page shows, and the total.
fn paged(mut all: Vec<String>, page: Page) -> (Vec<String>, u64) {
    if !page.ascending {
        all.reverse();
    }
    let total = all.len() as u64;
    let shown: Vec<_> =
        all.into_iter().skip(usize::try_from(page.offset).unwrap()).take(page.limit as usize).collect();
    let total = if shown.is_empty() { 0 } else { total };
    (shown, total)
}

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(story);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_search_for_sessions_finds_what_its_definition_says(
        sessions in sessions(),
        searches in prop::collection::vec(
            (prop::collection::vec(session_filter(), 0..3), reach(), short(), prop::option::of(short()), page()), 12,
        ),
    ) {
        run(async {
            let rig = Rig::fresh().await;
            let all = sessions.clone();
            let filled = rig.db.write(move |conn| Box::pin(async move {
                for session in &all {
                    session::insert(conn, session).await?;
                }
                Ok(())
            }));
            filled.await.unwrap();
            for (filters, reach, caller, agent, page) in searches {
                let view = SessionView { reach, caller, agent };
                let wanted = sessions.iter().filter(|session| session.ended.is_none() && shows(&view, session)
                    && filters.iter().all(|filter| finds(filter, session)));
                let expected = paged(wanted.map(|session| session.id.clone()).collect(), page);
                let found = reading!(rig, session_search::search(&filters, &view, page)).unwrap();
                let ids: Vec<_> = found.entries.into_iter().map(|shown| shown.session.id).collect();
                assert_eq!((ids, found.total), expected, "{filters:?} {view:?} {page:?}");
            }
        });
    }

    #[test]
    fn a_search_for_users_finds_what_its_definition_says(
        users in users(),
        searches in prop::collection::vec((user_filter(), reach(), 0..8_i32, page()), 12),
    ) {
        run(async {
            let rig = Rig::fresh().await;
            let all = users.clone();
            let filled = rig.db.write(move |conn| Box::pin(async move {
                for user in &all {
                    user::insert(conn, user).await?;
                }
                Ok(())
            }));
            filled.await.unwrap();
            for (filter, reach, caller, page) in searches {
                let view = UserView { reach, caller: caller.to_string() };
                let seen = |user: &User| match &view.reach {
                    Reach::Everything => true,
                    Reach::Organisations(places) => user.id == view.caller || places.contains(&user.organisation),
                };
                let wanted = users.iter().filter(|user| seen(user) && matches(&filter, user));
                let expected = paged(wanted.map(|user| user.id.clone()).collect(), page);
                let found = reading!(rig, user_search::search(&filter, &view, UserOrder::Id, page)).unwrap();
                let ids: Vec<_> = found.entries.into_iter().map(|user| user.id).collect();
                assert_eq!((ids, found.total), expected, "{filter:?} {view:?} {page:?}");
            }
        });
    }
}
