//! Rust texts with parts of them taken out.

/// What a piece of Rust is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    /// A string or a character, with its quotes.
    Literal,
}

/// The same text without comments.
pub fn without_comments(text: &str) -> String {
    pieces(text).filter(|(kind, _)| *kind != Kind::Comment).map(|(_, piece)| piece).collect()
}

/// The same text with empty strings in place of all strings and characters.
pub fn without_literals(text: &str) -> String {
    pieces(text).map(|(kind, piece)| if kind == Kind::Literal { "\"\"" } else { piece }).collect()
}

/// The same text up to its `#[cfg(test)] mod … {`, which stands at the end by custom.
pub fn without_tests(text: &str) -> &str {
    let marks = text.match_indices("#[cfg(test)]");
    let module = |at: usize, mark: &str| {
        let after = text.get(at + mark.len()..).unwrap_or_default().trim_start();
        after.starts_with("mod ")
            && after.find('{') < after.find(';').or(Some(usize::MAX))
            && after.contains('{')
    };
    let first = marks.into_iter().find(|(at, mark)| module(*at, mark));
    first.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

fn pieces(text: &str) -> impl Iterator<Item = (Kind, &str)> {
    let (mut rest, mut after_word) = (text, false);
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (kind, length) = next(rest, first, after_word);
        let (piece, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        // `b"…"`, `br"…"` and `c"…"` begin literals; any other word before `r` belongs to a name.
        after_word =
            kind == Kind::Code && first != 'b' && first != 'c' && (first.is_alphanumeric() || first == '_');
        rest = tail;
        Some((kind, piece))
    })
}

fn next(rest: &str, first: char, after_word: bool) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block(rest));
    }
    let literal = match first {
        '"' => Some(quoted(rest)),
        'r' if !after_word => raw(rest),
        '\'' => character(rest),
        _ => None,
    };
    literal.map_or((Kind::Code, first.len_utf8()), |length| (Kind::Literal, length))
}

/// The length of a block comment with those within it.
fn block(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in rest.char_indices() {
        let here = rest.get(at..).unwrap_or_default();
        let closed_before = rest.get(..at).is_some_and(|before| before.ends_with("*/"));
        if closed_before && depth == 0 {
            return at;
        }
        if here.starts_with("/*") {
            depth += 1;
        } else if here.starts_with("*/") {
            depth = depth.saturating_sub(1);
        }
    }
    rest.len()
}

/// The length of a string.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            '"' if !escaped => return at + 1,
            _ => escaped = char == '\\' && !escaped,
        }
    }
    rest.len()
}

/// The length of a raw string; nothing where none begins.
fn raw(rest: &str) -> Option<usize> {
    let hashes = rest.chars().skip(1).take_while(|char| *char == '#').count();
    let content = rest.get(hashes + 1..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 2 + content.find(&end).map_or(content.len(), |at| at + end.len()))
}

/// The length of a character in quotes; nothing for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.get(1..)?;
    let first = inside.chars().next()?;
    let content = if first == '\\' { 2 + inside.get(2..)?.find('\'')? } else { first.len_utf8() };
    inside.get(content..)?.starts_with('\'').then_some(content + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_strings_stay() {
        let text = "let a = \"// no\"; // yes\n/* one /* two */ */let b = r#\"\" // no\"#; // last";
        assert_eq!(without_comments(text), "let a = \"// no\"; \nlet b = r#\"\" // no\"#; ");
    }

    #[test]
    fn strings_go_and_lifetimes_are_no_strings() {
        let text = "fn f<'a>(x: &'a str) { g('\"', \"http::x\\\" y\", '\\'', '\\u{22}', b\"z\", for_r\"#) }";
        assert_eq!(
            without_literals(text),
            "fn f<'a>(x: &'a str) { g(\"\", \"\", \"\", \"\", b\"\", for_r\"\""
        );
    }

    #[test]
    fn tests_within_a_file_go_and_what_is_only_marked_stays() {
        let text = "#[cfg(test)]\nmod far;\nfn a() {}\n#[cfg(test)]\nmod tests {\nfn b() {}\n}\n";
        assert_eq!(without_tests(text), "#[cfg(test)]\nmod far;\nfn a() {}\n");
    }
}
