//! Texts are compared by their characters: no character means anything else, and case is that of every script.

use doorward_core::search::{TextFilter, TextMatch, UserFilter, UserText};
use doorward_core::user::{Contact, User, UserKind};

use super::user_search::ids;
use crate::rig::Rig;
use crate::sample::{add_user, complete_human, machine, person};

const MATCHES: [TextMatch; 4] =
    [TextMatch::Equals, TextMatch::StartsWith, TextMatch::Contains, TextMatch::EndsWith];

fn holds(value: &str, filter: &TextFilter) -> bool {
    let fold = |text: &str| if filter.ignore_case { text.to_lowercase() } else { text.to_owned() };
    let (value, text) = (fold(value), fold(&filter.text));
    match filter.matching {
        TextMatch::Equals => value == text,
        TextMatch::StartsWith => value.starts_with(&text),
        TextMatch::Contains => value.contains(&text),
        TextMatch::EndsWith => value.ends_with(&text),
    }
}

const VALUES: [&str; 16] = [
    "mini",
    "Mini",
    "MINI MOUSE",
    "100%",
    "100 percent",
    "a_b",
    "aXb",
    "back\\slash",
    "Ärger",
    "ärger",
    "ЖУК",
    "жук",
    "straße",
    "\u{1f42d}\u{1f42d}",
    "e\u{301}",
    "it's",
];

const PATTERNS: [&str; 26] = [
    "",
    "mini",
    "MINI",
    "i",
    "%",
    "100%",
    "_",
    "a_b",
    "\\",
    "\\s",
    "ä",
    "Ä",
    "ärger",
    "ÄRGER",
    "жук",
    "Жу",
    "ук",
    "STRASSE",
    "straße",
    "ß",
    "\u{1f42d}",
    "e",
    "\u{301}",
    "'",
    "' OR '1'='1",
    "longer than any of the values",
];

#[tokio::test]
async fn every_way_to_compare_a_text_agrees_with_its_definition() {
    let rig = Rig::fresh().await;
    for (number, value) in VALUES.iter().enumerate() {
        let mut user = complete_human(&format!("{number:02}"), &number.to_string());
        person(&mut user).profile.given_name = (*value).to_owned();
        add_user(&rig, &user).await;
    }
    for text in PATTERNS {
        for matching in MATCHES {
            for ignore_case in [false, true] {
                let filter = TextFilter { text: text.to_owned(), matching, ignore_case };
                let expected: Vec<_> = VALUES
                    .iter()
                    .enumerate()
                    .filter(|(_, value)| holds(value, &filter))
                    .map(|(number, _)| format!("{number:02}"))
                    .collect();
                let found = ids(&rig, &UserFilter::Text(UserText::GivenName, filter.clone())).await;
                assert_eq!(found, expected, "{filter:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_text_of_a_user_is_looked_at_in_its_own_column() {
    let rig = Rig::fresh().await;
    let fields = [
        UserText::Username,
        UserText::GivenName,
        UserText::FamilyName,
        UserText::NickName,
        UserText::DisplayName,
        UserText::Email,
        UserText::Phone,
    ];
    for (number, field) in fields.iter().enumerate() {
        let mut user = complete_human(&number.to_string(), &format!("user{number}"));
        let mark = || "Marked".to_owned();
        match field {
            UserText::Username => user.username = mark(),
            UserText::GivenName => person(&mut user).profile.given_name = mark(),
            UserText::FamilyName => person(&mut user).profile.family_name = mark(),
            UserText::NickName => person(&mut user).profile.nick_name = Some(mark()),
            UserText::DisplayName => person(&mut user).profile.display_name = mark(),
            UserText::Email => person(&mut user).email.address = mark(),
            UserText::Phone => person(&mut user).phone = Some(Contact { address: mark(), verified: false }),
        }
        add_user(&rig, &user).await;
    }
    for (number, field) in fields.into_iter().enumerate() {
        for matching in MATCHES {
            let filter = TextFilter { text: "mARKED".to_owned(), matching, ignore_case: true };
            assert_eq!(ids(&rig, &UserFilter::Text(field, filter)).await, [number.to_string()], "{field:?}");
        }
    }
}

#[tokio::test]
async fn a_machine_has_empty_texts_where_a_person_has_more() {
    let rig = Rig::fresh().await;
    let robot: User = machine("1", "robot");
    assert!(matches!(robot.kind, UserKind::Machine(_)));
    add_user(&rig, &robot).await;
    for field in [UserText::GivenName, UserText::NickName, UserText::Email, UserText::Phone] {
        for matching in MATCHES {
            let filter = |text: &str| TextFilter { text: text.to_owned(), matching, ignore_case: false };
            assert_eq!(ids(&rig, &UserFilter::Text(field, filter(""))).await, ["1"], "{field:?}");
            assert!(ids(&rig, &UserFilter::Text(field, filter("x"))).await.is_empty(), "{field:?}");
        }
    }
}
