//! Reads the layers of the configuration and keeps, for each key, the value of the highest layer and its origin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::error::{ConfigError, Origin, Problem};
use super::nearest::nearest;
use super::rule::{Leaf, Rule, Section, env_name};
use super::secret::REDACTED;
use super::{Config, Entries, Entry, Overrides, pick};

/// All our environment variables begin like this.
pub(super) const PREFIX: &str = "DOORWARD_";
/// Names the configuration file, and is no key of it.
const FILE_VARIABLE: &str = "DOORWARD_CONFIG";
const FILE_NAME: &str = "doorward.toml";

/// Those variables of the environment that are meant for us, sorted by name so that messages have a stable order.
pub(super) fn ours(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(String, OsString)> {
    let mut ours: Vec<(String, OsString)> = environment
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.strip_prefix(PREFIX).is_some_and(|rest| !is_service_link(rest)))
        .collect();
    ours.sort();
    ours
}

/// Kubernetes gives every container variables that describe each service of its namespace. A service with the name
/// "doorward" would otherwise keep the server from starting.
fn is_service_link(rest: &str) -> bool {
    let numbered =
        rest.strip_prefix("PORT_").is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
    rest == "SERVICE_HOST" || rest == "PORT" || rest.starts_with("SERVICE_PORT") || numbered
}

/// The configuration file, if there is one. A file that was asked for by name must exist.
pub(super) fn file_path(
    overrides: &Overrides,
    environment: &[(String, OsString)],
    working_dir: &Path,
) -> Result<Option<PathBuf>, ConfigError> {
    let variable = environment.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
    let (named, origin) = match (&overrides.config, variable) {
        (Some(path), _) => (path.clone(), Origin::Flag("--config".to_owned())),
        (None, Some((name, value))) => (PathBuf::from(value), Origin::Environment(name.clone())),
        (None, None) => {
            let path = working_dir.join(FILE_NAME);
            return Ok(path.is_file().then_some(path));
        }
    };
    let path = working_dir.join(named);
    if path.is_file() {
        Ok(Some(path))
    } else {
        Err(Problem::new(format!("{}: there is no such file", path.display()), Some(origin)).into())
    }
}

/// The values so far, and what was wrong with others.
pub(super) struct Layers {
    leaves: Vec<Leaf>,
    entries: Entries,
    problems: Vec<Problem>,
}

impl Layers {
    pub fn new() -> Self {
        Self { leaves: Config::SECTION.leaves(), entries: Entries::new(), problems: Vec::new() }
    }

    pub fn finish(self) -> (Entries, Vec<Problem>) {
        (self.entries, self.problems)
    }

    pub fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new(format!("{}: the file cannot be read: {error}", path.display()), None)
        })?;
        let source = Source { path, text: &text };
        // The display form of these errors quotes the line, which may hold a secret: only the message is kept.
        let refuse = |error: toml::de::Error| {
            let origin = error.span().map(|span| source.origin(span.start));
            Problem::new(error.message().to_owned(), origin)
        };
        let spans = DeTable::parse(&text).map_err(refuse)?;
        let values: Table = toml::from_str(&text).map_err(refuse)?;
        self.walk(&source, &Config::SECTION, (spans.get_ref(), &values));
        Ok(())
    }

    /// Takes the keys of one section; the first table knows where they stand and the second what they say.
    fn walk(&mut self, source: &Source<'_>, section: &'static Section, tables: (&DeTable<'_>, &Table)) {
        let (spans, values) = tables;
        for (name, spanned) in spans {
            let path = section.path_of(name.get_ref());
            let inner = section.inner.iter().find(|inner| inner.path == path);
            match (inner, spanned.get_ref(), pick(values, name.get_ref())) {
                (Some(inner), DeValue::Table(spans), Some(Value::Table(values))) => {
                    self.walk(source, inner, (spans, values));
                }
                (None, spans, Some(value)) if section.many.iter().any(|many| many.path == path) => {
                    let origin = source.origin(name.span().start);
                    self.take_many(source, &path, (spans, value), origin);
                }
                (Some(_), _, _) => {
                    let message = format!("{path} is a section, not a key: it is written [{path}]");
                    self.problems.push(Problem::new(message, Some(source.origin(name.span().start))));
                }
                (None, _, Some(value)) if self.knows(&path) => {
                    self.take(&path, value.clone(), source.origin(start(spanned)));
                }
                _ => self.unknown(&path, source.origin(name.span().start)),
            }
        }
    }

    pub fn add_environment(&mut self, environment: Vec<(String, OsString)>) {
        for (name, value) in environment {
            if name == FILE_VARIABLE {
                continue;
            }
            if self.take_of_many(&name, &value) {
                continue;
            }
            let Some(leaf) = self.leaves.iter().find(|leaf| env_name(&leaf.path) == name) else {
                let names: Vec<String> = self.leaves.iter().map(|leaf| env_name(&leaf.path)).collect();
                let hint = suggestion(nearest(&name, names.iter().map(String::as_str)));
                self.problems.push(Problem::new(format!("unknown environment variable {name}{hint}"), None));
                continue;
            };
            let (path, rule) = (leaf.path.clone(), leaf.key.rule);
            let origin = Origin::Environment(name);
            match value.into_string() {
                Ok(text) => self.take(&path, rule.read(&text), origin),
                Err(_) => self.problems.push(Problem::new(format!("{path}: not valid UTF-8"), Some(origin))),
            }
        }
    }

    pub fn add_flags(&mut self, overrides: &Overrides) {
        for setting in &overrides.set {
            // Without a key in front the whole text could be a secret, such as the URL of a database, which may well
            // hold a `=`. So the message does not repeat it.
            match setting.split_once('=').filter(|(path, _)| is_name(path.trim())) {
                Some((path, text)) => self.flag("--set", path.trim(), text),
                None => self.problems.push(Problem::new("--set is written --set key=value", None)),
            }
        }
        let named = [
            ("--data-dir", "data_dir", &overrides.data_dir),
            ("--listen", "listen", &overrides.listen),
            ("--log", "log", &overrides.log),
        ];
        for (flag, path, text) in named {
            if let Some(text) = text {
                self.flag(flag, path, text);
            }
        }
    }

    fn flag(&mut self, flag: &str, path: &str, text: &str) {
        let origin = Origin::Flag(flag.to_owned());
        match self.rule(path) {
            Some(rule) => self.take(path, rule.read(text), origin),
            None => self.unknown(path, origin),
        }
    }

    /// Lays a value over those of lower layers, if its rule accepts it.
    fn take(&mut self, path: &str, value: Value, origin: Origin) {
        match self.rule(path) {
            Some(rule) => self.accept(rule, (path, path), value, origin),
            None => self.unknown(path, origin),
        }
    }

    /// Takes a value if its rule accepts it: the first name is for messages, the second for the entry.
    pub(super) fn accept(&mut self, rule: Rule, (name, path): (&str, &str), value: Value, origin: Origin) {
        if !rule.accepts(&value) {
            let shown = if rule.is_secret() { REDACTED.to_owned() } else { show(&value) };
            let message = format!("{name}: {shown} is not allowed; allowed is {}", rule.allowed());
            self.problems.push(Problem::new(message, Some(origin)));
        } else if rule.is_unset(&value) {
            self.entries.remove(path);
        } else {
            self.entries.insert(path.to_owned(), Entry { value, origin });
        }
    }

    /// Notes something that is wrong.
    pub(super) fn complain(&mut self, message: String, origin: Option<Origin>) {
        self.problems.push(Problem::new(message, origin));
    }

    /// The values so far.
    pub(super) const fn entries(&self) -> &Entries {
        &self.entries
    }

    fn rule(&self, path: &str) -> Option<Rule> {
        self.leaves.iter().find(|leaf| leaf.path == path).map(|leaf| leaf.key.rule)
    }

    fn knows(&self, path: &str) -> bool {
        self.rule(path).is_some()
    }

    fn unknown(&mut self, path: &str, origin: Origin) {
        let hint = suggestion(nearest(path, self.leaves.iter().map(|leaf| leaf.path.as_str())));
        self.problems.push(Problem::new(format!("unknown key {path}{hint}"), Some(origin)));
    }
}

/// The text of a file, for turning offsets into lines and columns.
pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    pub(super) fn origin(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().count()
                - before.get(..line_start).map_or(0, |lines| lines.chars().count())
                + 1,
        }
    }
}

pub(super) fn start(value: &Spanned<DeValue<'_>>) -> usize {
    value.span().start
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

pub(super) fn suggestion(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// A refused value as it would stand in the file. Long ones are cut: they are somebody's mistake, not information.
fn show(value: &Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
