//! What messages say: templates by purpose and language, the built-in ones and those of the operator.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context;
use doorward_core::base::Timestamp;
use doorward_core::failure::Failure;
use doorward_core::url_template::Template;

use super::builtin;
use crate::app::outbox::{Channel, Message, Purpose};

/// The fields that templates may use.
const FIELDS: [&str; 9] = [
    "Code",
    "Link",
    "UserID",
    "SessionID",
    "LoginName",
    "DisplayName",
    "PreferredLanguage",
    "ApplicationName",
    "Expires",
];

/// The language of whoever prefers one that is not there.
const FALLBACK: &str = "en";

/// A part of a message, each in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Subject,
    Text,
    Html,
    Sms,
}

impl Part {
    /// Those with longer endings before those whose ending is a part of theirs.
    const ALL: [Self; 4] = [Self::Subject, Self::Sms, Self::Text, Self::Html];

    const fn ending(self) -> &'static str {
        match self {
            Self::Subject => ".subject.txt",
            Self::Sms => ".sms.txt",
            Self::Text => ".txt",
            Self::Html => ".html",
        }
    }

    const fn of(channel: Channel) -> &'static [Self] {
        match channel {
            Channel::Email => &[Self::Subject, Self::Text, Self::Html],
            Channel::Sms => &[Self::Sms],
        }
    }
}

/// All templates.
#[derive(Debug)]
pub(super) struct Templates(HashMap<(Purpose, Part), BTreeMap<String, Template>>);

/// A mail as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Templates {
    /// The built-in ones, and over them those of a folder.
    ///
    /// # Errors
    /// When a file of the folder is no template, has an unknown name, or lacks its other parts.
    pub fn load(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut all = Self(HashMap::new());
        for (purpose, language, texts) in builtin::mails() {
            all.put((purpose, Part::Subject), language, &texts.subject)?;
            all.put((purpose, Part::Text), language, &texts.text)?;
            all.put((purpose, Part::Html), language, &texts.html)?;
        }
        for (purpose, language, text) in builtin::sms() {
            all.put((purpose, Part::Sms), language, text)?;
        }
        if let Some(folder) = folder {
            all.read_folder(folder).with_context(|| format!("templates in {}", folder.display()))?;
        }
        Ok(all)
    }

    fn put(&mut self, key: (Purpose, Part), language: &str, text: &str) -> anyhow::Result<()> {
        let template = Template::parse(text);
        let template = template.map_err(|_| {
            anyhow::anyhow!("between {{{{ and }}}} there can be nothing but a field, such as {{{{.Code}}}}")
        })?;
        if template.allow(&FIELDS).is_err() {
            let unknown = template.fields().find(|field| !FIELDS.contains(field)).unwrap_or_default();
            anyhow::bail!("there is no field {unknown}, but {}", FIELDS.join(", "));
        }
        self.0.entry(key).or_default().insert(language.to_lowercase(), template);
        Ok(())
    }

    fn read_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        let ours =
            |name: &String| !name.starts_with('.') && (name.ends_with(".txt") || name.ends_with(".html"));
        for name in names.iter().filter(|name| ours(name)) {
            let (key, language) = self.meaning(name).with_context(|| {
                format!("{name} is the name of no template; they are called such as otp_email.de.html")
            })?;
            let read = std::fs::read_to_string(folder.join(name));
            let text = read.with_context(|| format!("{name} cannot be read"))?;
            self.put(key, language, &text).with_context(|| name.clone())?;
        }
        self.check_whole()
    }

    /// What a file is, by its name. Messages of that kind must exist.
    fn meaning<'n>(&self, name: &'n str) -> Option<((Purpose, Part), &'n str)> {
        let (part, rest) =
            Part::ALL.into_iter().find_map(|part| Some((part, name.strip_suffix(part.ending())?)))?;
        let (purpose, language) = rest.split_once('.')?;
        let key = (Purpose::named(purpose)?, part);
        let is_tag = !language.is_empty() && language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (is_tag && self.0.contains_key(&key)).then_some((key, language))
    }

    /// A language has all parts of a message or none.
    fn check_whole(&self) -> anyhow::Result<()> {
        for ((purpose, part), languages) in &self.0 {
            let others = Channel::ALL.into_iter().map(Part::of).find(|parts| parts.contains(part));
            for (language, other) in languages
                .keys()
                .flat_map(|language| others.unwrap_or_default().iter().map(move |other| (language, *other)))
            {
                let whole = self.0.get(&(*purpose, other)).is_some_and(|found| found.contains_key(language));
                let name = |part: Part| format!("{}.{language}{}", purpose.name(), part.ending());
                anyhow::ensure!(whole, "{} is there, but {} is missing", name(*part), name(other));
            }
        }
        Ok(())
    }

    /// The mail for a message.
    pub fn mail(&self, message: &Message, login_url: &str) -> Result<Letter, Failure> {
        let values = |field: &str| value(message, login_url, field);
        let escaped = |field: &str| values(field).map(|value| escape(&value));
        let subject = self.find(message, Part::Subject).render(values)?;
        Ok(Letter {
            // A line break would end the header.
            subject: subject.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            text: self.find(message, Part::Text).render(values)?,
            html: self.find(message, Part::Html).render(escaped)?,
        })
    }

    /// The text of an SMS for a message.
    pub fn sms(&self, message: &Message, login_url: &str) -> Result<String, Failure> {
        let text = self.find(message, Part::Sms).render(|field| value(message, login_url, field))?;
        Ok(text.trim().to_owned())
    }

    /// The template in the language of the user: with its region, without it, or else in English.
    fn find(&self, message: &Message, part: Part) -> Found<'_> {
        let wanted = message.language.as_deref().unwrap_or(FALLBACK).to_lowercase();
        let primary = wanted.split(['-', '_']).next().unwrap_or(FALLBACK);
        let languages = self.0.get(&(message.purpose, part));
        let found = [wanted.as_str(), primary, FALLBACK].into_iter().find_map(|tag| languages?.get(tag));
        Found(found)
    }
}

/// A template, or nothing where messages of that kind do not go that way.
struct Found<'a>(Option<&'a Template>);

impl Found<'_> {
    fn render(&self, value: impl FnMut(&str) -> Option<String>) -> Result<String, Failure> {
        match self.0 {
            Some(template) => template.render(value),
            // The least that is of use to whoever waits for it.
            None => Template::parse("{{.Code}}")?.render(value),
        }
    }
}

fn value(message: &Message, login_url: &str, field: &str) -> Option<String> {
    Some(match field {
        "Code" => message.code.expose().to_owned(),
        "Link" => message.link.clone().unwrap_or_else(|| login_url.to_owned()),
        "UserID" => message.user_id.clone(),
        "SessionID" => message.session_id.clone().unwrap_or_default(),
        "LoginName" => message.login_name.clone(),
        "DisplayName" => message.display_name.clone(),
        "PreferredLanguage" => message.language.clone().unwrap_or_default(),
        "ApplicationName" => message.application.clone().unwrap_or_else(|| host(login_url)),
        "Expires" => until(message.expires),
        _ => return None,
    })
}

/// What a place without a name is called.
fn host(login_url: &str) -> String {
    login_url.split('/').nth(2).unwrap_or(login_url).to_owned()
}

fn until(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
