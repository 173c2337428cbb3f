//! What a request for a token holds: its form, and by what the client shows who it is.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::base::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::oauth_answer::{Refusal, Trial};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of a form, each there once.
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form.
    ///
    /// # Errors
    /// When a field is there twice.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Refusal::request("a parameter is there twice"));
            }
        }
        Ok(Self(fields))
    }

    /// A field. An empty one is as good as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn needed(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::request(format!("{name} is missing")))
    }
}

/// By what a client shows who it is.
#[derive(Debug)]
pub enum Shown {
    /// Names that it may mean, and its secret.
    Secret(Vec<String>, Secret),
    /// Something that it signed.
    Assertion(String),
    /// A bearer token in the header.
    Bearer,
    /// Nothing.
    Nothing,
}

impl Shown {
    /// Reads what a request shows.
    ///
    /// # Errors
    /// When it shows several things, or cannot be read.
    pub fn read(headers: &HeaderMap, form: &Form) -> Result<Self, Refusal> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (header, another) = (given.next(), given.next());
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        let several = [header.is_some(), another.is_some(), secret.is_some(), assertion.is_some()];
        if several.into_iter().filter(|there| *there).count() > 1 {
            return Err(Refusal::request("the client shows in more than one way who it is"));
        }
        if let Some(header) = header {
            let unreadable = || Refusal::client("the header cannot be read", Trial::of(headers));
            let text = header.to_str().map_err(|_| unreadable())?;
            return match text.split_once(' ') {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                    basic(rest.trim(), form.get("client_id")).ok_or_else(unreadable)
                }
                _ if text.contains("Bearer ") => Ok(Self::Bearer),
                _ => Err(unreadable()),
            };
        }
        if let Some(assertion) = assertion {
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(Refusal::request("client_assertion_type must be the one of RFC 7523"));
            }
            return Ok(Self::Assertion(assertion.to_owned()));
        }
        match (form.get("client_id"), secret) {
            (Some(name), Some(secret)) => Ok(Self::Secret(vec![name.to_owned()], Secret::new(secret))),
            (None, Some(_)) => Err(Refusal::request("client_id is missing")),
            (_, None) => Ok(Self::Nothing),
        }
    }
}

/// Name and secret of a header. The name is encoded like a form (RFC 6749, 2.3.1), but many clients leave that out: both
/// readings are tried. Nothing, if it cannot be read, or the form names another client.
fn basic(text: &str, named: Option<&str>) -> Option<Shown> {
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (name, secret) = pair.split_once(':')?;
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut names = vec![name.to_owned()];
    if decoded(name) != name {
        names.push(decoded(name));
    }
    if named.is_some_and(|named| names.iter().all(|name| name != named)) {
        return None;
    }
    // A secret of ours has only characters that stand for themselves.
    Some(Shown::Secret(names, Secret::new(decoded(secret))))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shown(header: &str, body: &str) -> String {
        let mut headers = HeaderMap::new();
        for header in header.split('|').filter(|header| !header.is_empty()) {
            headers.append(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        }
        let form = match Form::read(body.as_bytes()) {
            Ok(form) => form,
            Err(refusal) => return refusal.answer().status().to_string(),
        };
        match Shown::read(&headers, &form) {
            Ok(Shown::Secret(names, secret)) => format!("{names:?} {}", secret.expose()),
            Ok(Shown::Assertion(text)) => format!("signed {text}"),
            Ok(Shown::Bearer) => "bearer".to_owned(),
            Ok(Shown::Nothing) => "nothing".to_owned(),
            Err(refusal) => refusal.answer().status().as_u16().to_string(),
        }
    }

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn a_client_shows_who_it_is_in_one_way() {
        assert_eq!(shown(&header("bot:dwc_1"), ""), r#"["bot"] dwc_1"#);
        assert_eq!(shown(&header("a%40b:x").replace("Basic", "basic"), ""), r#"["a%40b", "a@b"] x"#);
        assert_eq!(shown(&header("a+b:x"), "client_id=a%2Bb"), r#"["a+b", "a b"] x"#);
        assert_eq!(shown("", "client_id=a%2Bb&client_secret=x"), r#"["a+b"] x"#);
        let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        assert_eq!(shown("", &format!("client_assertion=a.b.c&{kind}")), "signed a.b.c");
        assert_eq!(shown("Bearer x", ""), "bearer");
        assert_eq!(shown("", "client_id=bot"), "nothing");
        assert_eq!(shown("", "client_id=bot&client_secret="), "nothing");
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let basic = header("bot:x");
        for (header, body, status) in [
            (basic.as_str(), "client_secret=x&client_id=bot", "400"),
            (basic.as_str(), "client_assertion=x", "400"),
            (basic.as_str(), "client_id=other", "401"),
            ("Bearer a|Bearer b", "", "400"),
            ("Basic !", "", "401"),
            ("Basic Ym90", "", "401"),
            ("Digest x", "", "401"),
            ("", "client_secret=x", "400"),
            ("", "client_assertion=x", "400"),
            ("", "client_assertion=x&client_assertion_type=y", "400"),
            ("", "client_id=a&client_id=a", "400 Bad Request"),
        ] {
            assert_eq!(shown(header, body), status, "{header} {body}");
        }
    }
}
