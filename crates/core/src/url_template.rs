//! Templates of links and messages: the plain fields of Go's text templates, and nothing else of them.
//!
//! `{{.Code}}` stands for a value, with blanks inside the braces or not; everything outside of them is text. A template
//! comes from a caller, so there is nothing in it that could compute, loop or look anything up. Values are inserted
//! as they are.

use crate::failure::{self, Failure};

/// A template that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// Understands a template.
    ///
    /// # Errors
    /// `DOMAIN-oGh5e` when there is anything between braces but one field.
    pub fn parse(template: &str) -> Result<Self, Failure> {
        let (mut parts, mut rest) = (Vec::new(), template);
        while let Some((text, action)) = rest.split_once("{{") {
            let (inside, after) = action.split_once("}}").ok_or(failure::TEMPLATE_MALFORMED)?;
            let name = inside.trim_matches([' ', '\t']).strip_prefix('.').filter(|name| is_name(name));
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(Part::Field(name.ok_or(failure::TEMPLATE_MALFORMED)?.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The fields that it uses, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Checks that it uses no other fields than these.
    ///
    /// # Errors
    /// `DOMAIN-ieYa7` when it does.
    pub fn allow(&self, fields: &[&str]) -> Result<(), Failure> {
        if self.fields().all(|name| fields.contains(&name)) {
            Ok(())
        } else {
            Err(failure::TEMPLATE_UNKNOWN_FIELD)
        }
    }

    /// The text with the values of its fields.
    ///
    /// # Errors
    /// `DOMAIN-ieYa7` when a field has no value.
    pub fn render(&self, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, Failure> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Field(name) => text.push_str(&value(name).ok_or(failure::TEMPLATE_UNKNOWN_FIELD)?),
            }
        }
        Ok(text)
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> Result<String, Failure> {
        Template::parse(template)?.render(|field| match field {
            "Code" => Some("A&1{{.Code}}".to_owned()),
            "UserID" => Some("7".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn fields_are_replaced_by_their_values_as_they_are() {
        for (template, expected) in [
            ("", ""),
            ("https://a.example/?u={{.UserID}}", "https://a.example/?u=7"),
            ("{{ .UserID }}{{\t.UserID}}", "77"),
            ("{{.Code}}&{{.UserID}}", "A&1{{.Code}}&7"),
            ("a } b { c }} {x}", "a } b { c }} {x}"),
            ("ü{{.UserID}}ü", "ü7ü"),
        ] {
            assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn everything_but_a_plain_field_is_malformed() {
        for template in [
            "{{",
            "{{.Code",
            "{{.Code}",
            "{{}}",
            "{{ }}",
            "{{.}}",
            "{{Code}}",
            "{{.Code | printf}}",
            "{{printf \"%s\" .Code}}",
            "{{if .Code}}x{{end}}",
            "{{.Code.Length}}",
            "{{.Code .UserID}}",
            "{{- .Code -}}",
            "{{/* nothing */}}",
            "{{\"text\"}}",
            "{{$x := .Code}}",
            "{{{.Code}}}",
            "{{.Cöde}}",
            "{{.1}}",
            "{{\n.Code}}",
        ] {
            assert_eq!(Template::parse(template), Err(failure::TEMPLATE_MALFORMED), "{template}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_told_apart_from_a_template_that_makes_no_sense() {
        assert_eq!(render("{{.Password}}"), Err(failure::TEMPLATE_UNKNOWN_FIELD));
        let template = Template::parse("{{.Code}} {{.UserID}}").unwrap();
        assert_eq!(template.allow(&["UserID", "Code"]), Ok(()));
        assert_eq!(template.allow(&["UserID"]), Err(failure::TEMPLATE_UNKNOWN_FIELD));
        // Field names are those of the template's language, which knows upper and lower case.
        assert_eq!(render("{{.code}}"), Err(failure::TEMPLATE_UNKNOWN_FIELD));
    }
}
