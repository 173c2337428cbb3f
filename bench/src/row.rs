//! A row of a table as both engines can take it.

use anyhow::{Context, Result, bail};
use rusqlite::types::{ToSqlOutput, Value as Sqlite, ValueRef};

use crate::text::say;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of PostgreSQL to copy, for [`from_json`].
pub const PATTERN_JSON: &str =
    "SELECT row_to_json(s) FROM sessions s WHERE user_id IS NOT NULL ORDER BY id DESC LIMIT 1";

/// Names of columns and their values.
pub type Row = Vec<(String, Field)>;

impl Field {
    /// As it stands in a statement of PostgreSQL.
    pub fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(bytes) => format!("'\\x{}'", hex(bytes)),
        }
    }

    /// As COPY reads it.
    pub fn copy_to(&self, line: &mut String) {
        match self {
            Self::Null => line.push_str("\\N"),
            Self::Flag(flag) => line.push(if *flag { 't' } else { 'f' }),
            Self::Number(number) => say(line, format_args!("{number}")),
            Self::Text(text) => {
                for char in text.chars() {
                    match char {
                        '\\' => line.push_str("\\\\"),
                        '\t' => line.push_str("\\t"),
                        '\n' => line.push_str("\\n"),
                        '\r' => line.push_str("\\r"),
                        other => line.push(other),
                    }
                }
            }
            Self::Bytes(bytes) => {
                line.push_str("\\\\x");
                line.push_str(&hex(bytes));
            }
        }
    }
}

impl rusqlite::ToSql for Field {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Flag(flag) => i64::from(*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// The first row that a statement of SQLite gives.
pub fn from_sqlite(connection: &rusqlite::Connection, sql: &str) -> Result<Row> {
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    let row = rows.next()?.context("a row of the server")?;
    let field = |(column, name): (usize, String)| {
        let value = match row.get::<_, Sqlite>(column)? {
            Sqlite::Null => Field::Null,
            Sqlite::Integer(number) => Field::Number(number),
            Sqlite::Text(text) => Field::Text(text),
            Sqlite::Blob(bytes) => Field::Bytes(bytes),
            Sqlite::Real(number) => bail!("{name} is {number}, and no row of ours has such a number"),
        };
        Ok((name, value))
    };
    names.into_iter().enumerate().map(field).collect()
}

/// A row as PostgreSQL writes it as JSON; columns come in no particular order, and bytes as text that it reads again.
pub fn from_json(text: &str) -> Result<Row> {
    let row: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).with_context(|| format!("a row of the server: {text}"))?;
    let field = |(name, value): (String, serde_json::Value)| {
        let value = match value {
            serde_json::Value::Null => Field::Null,
            serde_json::Value::Bool(flag) => Field::Flag(flag),
            serde_json::Value::Number(number) => Field::Number(number.as_i64().context("a whole number")?),
            serde_json::Value::String(text) => Field::Text(text),
            other => bail!("{name} is {other}, and no row of ours has such a value"),
        };
        Ok((name, value))
    };
    row.into_iter().map(field).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        say(&mut text, format_args!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_so_that_postgresql_reads_them_again() {
        let copy = |field: Field| {
            let mut line = String::new();
            field.copy_to(&mut line);
            line
        };
        assert_eq!(copy(Field::Text("a\tb\\\n".to_owned())), "a\\tb\\\\\\n");
        assert_eq!(copy(Field::Bytes(vec![1, 255])), "\\\\x01ff");
        assert_eq!(copy(Field::Null), "\\N");
        assert_eq!(Field::Text("it's".to_owned()).literal(), "'it''s'");
        assert_eq!(Field::Bytes(vec![16]).literal(), "'\\x10'");
    }
}
