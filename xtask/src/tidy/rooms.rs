//! What may not be said in a room: the layers of the house, held apart word by word.

use super::Findings;
use super::sources::Source;

/// A word, and where it has no business.
struct Ban {
    /// Paths that begin so.
    room: &'static str,
    /// But for paths that begin so.
    but: &'static [&'static str],
    /// Whole words; `http::` is a path, not a mere mention.
    words: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        room: "crates/core/src/",
        but: &[],
        words: &["tokio", "rusqlite", "http", "doorward_proto", "SystemTime"],
        why: "the rules wait for nobody and talk to nobody",
    },
    Ban {
        room: "crates/store/src/",
        but: &[],
        words: &["http", "doorward_proto"],
        why: "the store does not know the wire",
    },
    Ban {
        room: "crates/server/src/app",
        but: &[],
        words: &["doorward_proto", "http"],
        why: "the stories do not know the wire",
    },
    Ban {
        room: "crates/server/src/",
        but: &[
            "crates/server/src/api/status.rs",
            "crates/server/src/api/rest.rs",
            "crates/server/src/api/http.rs",
            "crates/server/src/api/answer.rs",
            "crates/server/src/api/idp_callback.rs",
            "crates/server/src/api/oauth",
            "crates/server/src/transport",
        ],
        words: &["ErrorCode", "StatusCode"],
        why: "codes are the business of the edge alone",
    },
];

/// Where statements of the database may stand.
const SQL_ROOMS: &[&str] = &["crates/store/", "crates/postgres-rig/", "bench/", "xtask/"];

/// Each word in its room.
pub fn check(sources: &[Source], findings: &mut Findings) {
    for source in sources.iter().filter(|source| !source.is_test()) {
        for ban in BANS.iter().filter(|ban| ban.covers(&source.path)) {
            for word in ban.words.iter().filter(|word| says(&source.code, word)) {
                findings.wrong.push(format!("{} says `{word}`: {}", source.path, ban.why));
            }
        }
        if !SQL_ROOMS.iter().any(|room| source.path.starts_with(room)) {
            for line in source.plain.lines().filter(|line| is_sql(line)) {
                findings.wrong.push(format!(
                    "{} speaks to the database itself: {}",
                    source.path,
                    line.trim()
                ));
            }
        }
    }
}

impl Ban {
    fn covers(&self, path: &str) -> bool {
        path.starts_with(self.room) && !self.but.iter().any(|but| path.starts_with(but))
    }
}

/// Whether a word stands in code; a crate's name counts only as the start of a path.
fn says(code: &str, word: &str) -> bool {
    let is_crate = word.starts_with(char::is_lowercase);
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + word.len()..).unwrap_or_default();
        let in_word = |char: char| char.is_alphanumeric() || char == '_';
        let whole = !before.ends_with(in_word) && !after.starts_with(in_word);
        let starts_path = !before.ends_with("::") && after.starts_with("::") || before.ends_with("use ");
        whole && (!is_crate || starts_path)
    })
}

fn is_sql(line: &str) -> bool {
    let update =
        line.find("UPDATE ").is_some_and(|at| line.get(at..).is_some_and(|rest| rest.contains(" SET")));
    line.contains("SELECT ") || line.contains("INSERT INTO") || update
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> usize {
        let mut findings = Findings::default();
        check(&[Source::new(path.to_owned(), text.to_owned())], &mut findings);
        findings.wrong.len()
    }

    #[test]
    fn a_word_is_wrong_in_its_room_alone() {
        assert_eq!(wrong("crates/core/src/a.rs", "use tokio::time;"), 1);
        assert_eq!(wrong("crates/server/src/api/a.rs", "use tokio::time;"), 0);
        assert_eq!(wrong("crates/server/src/app/a.rs", "fn f(x: http::Uri) {}"), 1);
        assert_eq!(wrong("crates/server/src/api/a.rs", "use http::StatusCode;"), 1);
        assert_eq!(wrong("crates/server/src/api/rest.rs", "use http::StatusCode;"), 0);
    }

    #[test]
    fn mentions_are_no_uses() {
        assert_eq!(wrong("crates/core/src/a.rs", "// tokio::spawn\nlet http = \"http::x\"; self.http();"), 0);
        assert_eq!(wrong("crates/core/src/a.rs", "use crate::http::X; my_http::x();"), 0);
    }

    #[test]
    fn statements_of_the_database_stay_in_the_store() {
        let text = "let a = \"SELECT 1\";\nlet b = \"UPDATE t SET x = 1\";";
        assert_eq!(wrong("crates/server/src/app/a.rs", text), 2);
        assert_eq!(wrong("crates/store/src/a.rs", text), 0);
        assert_eq!(wrong("crates/server/tests/a.rs", text), 0);
    }
}
