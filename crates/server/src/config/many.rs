//! Sections that there may be any number of: each is a table of a list. Most go by the id that they have in themselves.
//!
//! Among the entries their keys have paths such as `idp.000.issuer`, by their place in the list.

use std::ffi::OsString;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::error::Origin;
use super::layer::{Layers, PREFIX, Source, start, suggestion};
use super::nearest::nearest;
use super::rule::{Key, Section};
use super::{Config, Entries, pick};

/// The key by which a table of a list is known.
const ID: &str = "id";

/// The path of a key in the table at a place of a list.
pub(super) fn path(list: &str, place: usize, key: &str) -> String {
    format!("{list}.{place:03}.{key}")
}

/// The environment variable that sets a key in the table with that id.
pub(super) fn env_name_of(list: &str, id: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}_{}", upper(list), upper(id), upper(key))
}

fn upper(text: &str) -> String {
    text.replace('-', "_").to_uppercase()
}

impl Layers {
    /// Takes the tables of a list.
    pub(super) fn take_many(
        &mut self,
        source: &Source<'_>,
        list: &str,
        (spans, value): (&DeValue<'_>, &Value),
        origin: Origin,
    ) {
        let section = Config::SECTION.many.iter().find(|section| section.path == list);
        let (Some(section), DeValue::Array(spans), Value::Array(values)) = (section, spans, value) else {
            return self.complain(not_a_list(list), Some(origin));
        };
        let has_id = section.keys.iter().any(|key| key.name == ID);
        for (place, (spanned, value)) in spans.iter().zip(values).enumerate() {
            match (spanned.get_ref(), value) {
                (DeValue::Table(_), Value::Table(values)) if has_id && !values.contains_key(ID) => {
                    let message = format!("{list}.{ID}: every [[{list}]] needs one");
                    self.complain(message, Some(source.origin(start(spanned))));
                }
                (DeValue::Table(spans), Value::Table(values)) => {
                    self.take_table(source, (section, place), (spans, values));
                }
                _ => self.complain(not_a_list(list), Some(source.origin(start(spanned)))),
            }
        }
    }

    fn take_table(
        &mut self,
        source: &Source<'_>,
        (section, place): (&'static Section, usize),
        (spans, values): (&DeTable<'_>, &Table),
    ) {
        for (name, spanned) in spans {
            let shown = format!("{}.{}", section.path, name.get_ref());
            let key = section.keys.iter().find(|key| key.name == name.get_ref());
            match (key, pick(values, name.get_ref())) {
                (Some(key), Some(value)) => {
                    let path = path(section.path, place, key.name);
                    let origin = source.origin(start(spanned));
                    self.accept(key.rule, (&shown, &path), value.clone(), origin);
                }
                _ => {
                    let hint = nearest(name.get_ref(), section.keys.iter().map(|key| key.name));
                    let message = format!("unknown key {shown}{}", suggestion(hint));
                    self.complain(message, Some(source.origin(name.span().start)));
                }
            }
        }
    }

    /// Takes a variable of the environment that holds a secret of a table. Gives whether it is one.
    pub(super) fn take_of_many(&mut self, name: &str, value: &OsString) -> bool {
        for section in Config::SECTION.many {
            let prefix = format!("{PREFIX}{}_", upper(section.path));
            let secrets = section.keys.iter().filter(|key| key.rule.is_secret());
            for key in secrets {
                if name.starts_with(&prefix) && name.ends_with(&format!("_{}", upper(key.name))) {
                    self.take_secret(section, key, name, value);
                    return true;
                }
            }
        }
        false
    }

    fn take_secret(&mut self, section: &'static Section, key: &Key, name: &str, value: &OsString) {
        let origin = Origin::Environment(name.to_owned());
        let list = section.path;
        let ids = ids(self.entries(), list);
        let Some((place, _)) = ids.iter().find(|(_, id)| env_name_of(list, id, key.name) == name) else {
            let message = format!("environment variable {name}: no [[{list}]] of the file has such an id");
            return self.complain(message, None);
        };
        let shown = format!("{list}.{}", key.name);
        match value.to_str() {
            Some(text) => {
                let path = path(list, *place, key.name);
                self.accept(key.rule, (&shown, &path), Value::String(text.to_owned()), origin);
            }
            None => self.complain(format!("{shown}: not valid UTF-8"), Some(origin)),
        }
    }
}

/// The places of a list whose tables have an id, and the ids.
pub(super) fn ids(entries: &Entries, list: &str) -> Vec<(usize, String)> {
    let places = entries.iter().filter_map(|(path, entry)| {
        let (place, key) = path.strip_prefix(list)?.strip_prefix('.')?.split_once('.')?;
        let id = entry.value.as_str().filter(|_| key == ID)?;
        Some((place.parse().ok()?, id.to_owned()))
    });
    places.collect()
}

/// Turns the tables by place, as the entries make them, into lists.
pub(super) fn into_lists(table: &mut Table) {
    for section in Config::SECTION.many {
        if let Some(Value::Table(by_place)) = table.remove(section.path) {
            let mut places: Vec<(String, Value)> = by_place.into_iter().collect();
            places.sort_by(|(left, _), (right, _)| left.cmp(right));
            let tables = places.into_iter().map(|(_, value)| value).collect();
            table.insert(section.path.to_owned(), Value::Array(tables));
        }
    }
}

fn not_a_list(list: &str) -> String {
    format!("{list} is a list of tables: each is written [[{list}]]")
}
