//! The shapes of email addresses and URI references.

/// Checks an email address, which may come with a name: `Ada <ada@example.com>`.
///
/// The texts and the order are those of Go's mail parser and of protoc-gen-validate, as far as plain
/// addresses go. Quoted words, comments and groups are refused.
pub fn email(text: &str) -> Result<(), String> {
    let address = parse(text.trim_start_matches(SPACE))?;
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    if address.len() > 254 {
        return Err("email addresses cannot exceed 254 characters".to_owned());
    }
    if local.len() > 64 {
        return Err("email address local phrase cannot exceed 64 characters".to_owned());
    }
    hostname(domain)
}

const SPACE: [char; 2] = [' ', '\t'];

fn parse(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Err("mail: no address".to_owned());
    }
    let (address, rest) = match addr_spec(text) {
        Ok(found) => found,
        Err(_) => after_name(text)?,
    };
    match rest.trim_start_matches(SPACE) {
        "" => Ok(address),
        rest => Err(format!("mail: expected single address, got {rest:?}")),
    }
}

/// An address in angle brackets with a name before it. Gives the address and what follows the bracket.
fn after_name(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|c| !is_ordinary(c) && !SPACE.contains(&c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = name.trim_matches(SPACE);
    let Some(bracketed) = rest.strip_prefix('<') else {
        return Err(match name {
            "" => "mail: missing word in phrase: mail: invalid string",
            name if name.chars().all(is_ordinary) => "mail: missing '@' or angle-addr",
            _ => "mail: no angle-addr",
        }
        .to_owned());
    };
    let (address, rest) = addr_spec(bracketed.trim_start_matches(SPACE))?;
    let rest = rest.trim_start_matches(SPACE).strip_prefix('>');
    Ok((address, rest.ok_or_else(|| "mail: unclosed angle-addr".to_owned())?))
}

/// The address at the start of the text, and what follows it.
fn addr_spec(text: &str) -> Result<(&str, &str), String> {
    let local = atom(text)?;
    let rest = text.get(local.len()..).unwrap_or_default();
    let domain = rest.strip_prefix('@').ok_or_else(|| "mail: missing @ in addr-spec".to_owned())?;
    if domain.is_empty() {
        return Err("mail: no domain in addr-spec".to_owned());
    }
    let length = local.len() + 1 + atom(domain)?.len();
    Ok(text.split_at(length))
}

/// Words of ordinary characters with single dots between them (RFC 5322, section 3.2.3).
fn atom(text: &str) -> Result<&str, String> {
    let end = text.find(|c| !is_ordinary(c)).unwrap_or(text.len());
    let (atom, _) = text.split_at(end);
    let wrong = if atom.is_empty() {
        "mail: invalid string"
    } else if atom.starts_with('.') {
        "mail: leading dot in atom"
    } else if atom.contains("..") {
        "mail: double dot in atom"
    } else if atom.ends_with('.') {
        "mail: trailing dot in atom"
    } else {
        return Ok(atom);
    };
    Err(wrong.to_owned())
}

fn is_ordinary(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn hostname(host: &str) -> Result<(), String> {
    if host.len() > 253 {
        return Err("hostname cannot exceed 253 characters".to_owned());
    }
    for part in host.strip_suffix('.').unwrap_or(host).split('.') {
        if part.is_empty() || part.len() > 63 {
            return Err("hostname part must be non-empty and cannot exceed 63 characters".to_owned());
        }
        if part.starts_with('-') {
            return Err("hostname parts cannot begin with hyphens".to_owned());
        }
        if part.ends_with('-') {
            return Err("hostname parts cannot end with hyphens".to_owned());
        }
        if let Some(letter) = part.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(format!(
                "hostname parts can only contain alphanumeric characters or hyphens, got \"{letter}\""
            ));
        }
    }
    Ok(())
}

/// Checks a URI that may be relative. Nearly every text is one (RFC 3986, section 4.1).
pub fn uri_ref(text: &str) -> Result<(), String> {
    let quoted = format!("parse {text:?}");
    if text.chars().any(|c| c.is_ascii_control()) {
        return Err(format!("{quoted}: net/url: invalid control character in URL"));
    }
    let (before_fragment, _) = text.split_once('#').unwrap_or((text, ""));
    if before_fragment.starts_with(':') {
        return Err(format!("{quoted}: missing protocol scheme"));
    }
    let (path, _) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    let first_segment = path.split('/').next().unwrap_or_default();
    if let Some((scheme, _)) = first_segment.split_once(':') {
        let first_is_letter = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
        if !first_is_letter || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
            return Err(format!("{quoted}: first path segment in URL cannot contain colon"));
        }
    }
    match bad_escape(path) {
        Some(escape) => Err(format!("{quoted}: invalid URL escape {escape:?}")),
        None => Ok(()),
    }
}

/// A percent sign that is not followed by two hexadecimal digits, with what follows it.
fn bad_escape(text: &str) -> Option<String> {
    text.match_indices('%').find_map(|(at, _)| {
        let escape: String = text.get(at..)?.chars().take(3).collect();
        let digits = escape.chars().skip(1).filter(char::is_ascii_hexdigit).count();
        (digits != 2).then_some(escape)
    })
}

#[cfg(test)]
mod tests {
    use super::uri_ref;

    #[test]
    fn nearly_every_text_is_a_reference() {
        for good in ["", "/a/b?c=%zz#d", "https://example.com/a%20b", "a b", "../x", "?a:b", "a/b:c"] {
            assert_eq!(uri_ref(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("/a%zz", r#"parse "/a%zz": invalid URL escape "%zz""#),
            ("/a%2", r#"parse "/a%2": invalid URL escape "%2""#),
            (":a", r#"parse ":a": missing protocol scheme"#),
            ("1a:b", r#"parse "1a:b": first path segment in URL cannot contain colon"#),
            ("a\n", r#"parse "a\n": net/url: invalid control character in URL"#),
        ] {
            assert_eq!(uri_ref(bad), Err(why.to_owned()), "{bad}");
        }
    }
}
