//! Results on standard output: lines for people, JSON for scripts.

use std::io::Write;

use doorward_core::base::Timestamp;
use serde_json::{Value, json};

/// How results are written.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// As JSON.
    pub json: bool,
}

impl Output {
    /// One thing: a name and a value a line, or a JSON object.
    pub fn one(self, fields: &[(&str, Value)]) {
        if self.json {
            let object: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            say(&Value::Object(object).to_string());
            return;
        }
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            say(&format!("{name:width$}  {}", plain(value)));
        }
    }

    /// Several things of one kind: a table, or a JSON array of objects.
    pub fn many(self, columns: &[&str], rows: &[Vec<Value>]) {
        if self.json {
            let object = |row: &Vec<Value>| -> Value {
                columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
            };
            say(&Value::Array(rows.iter().map(object).collect()).to_string());
            return;
        }
        let widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let cells = rows.iter().filter_map(|row| row.get(index));
                cells.map(|cell| plain(cell).chars().count()).chain([name.len()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: Vec<String>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        say(&line(columns.iter().map(|name| name.to_uppercase()).collect()));
        for row in rows {
            say(&line(row.iter().map(plain).collect()));
        }
    }

    /// The version.
    pub fn version(self) {
        let version = env!("CARGO_PKG_VERSION");
        if self.json {
            say(&json!({ "name": "doorward", "version": version }).to_string());
        } else {
            say(&format!("doorward {version}"));
        }
    }
}

/// A line on standard output. Whoever reads it may have gone away, as `head` does; that is no failure.
pub fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// A time as RFC 3339, to the second; nothing for an end that never comes.
pub fn time(at: Timestamp) -> Value {
    if at == Timestamp::LATEST {
        return Value::Null;
    }
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Value::String(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
