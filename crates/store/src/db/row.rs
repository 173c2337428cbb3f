//! Values on their way to and from the database.

use std::borrow::Cow;

use doorward_core::base::Timestamp;

use crate::error::{Result, StoreError};

/// A value for a placeholder.
#[derive(Clone, Debug, PartialEq)]
pub enum Param<'a> {
    /// NULL.
    Null,
    /// TEXT.
    Text(Cow<'a, str>),
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// BYTEA.
    Bytes(Cow<'a, [u8]>),
}

macro_rules! into_param {
    ($($from:ty => |$value:ident| $make:expr;)*) => {
        $(impl<'a> From<$from> for Param<'a> {
            fn from($value: $from) -> Self {
                $make
            }
        })*
    };
}

into_param! {
    &'a str => |value| Self::Text(Cow::Borrowed(value));
    &'a String => |value| Self::Text(Cow::Borrowed(value.as_str()));
    String => |value| Self::Text(Cow::Owned(value));
    i64 => |value| Self::Int(value);
    u32 => |value| Self::Int(i64::from(value));
    u64 => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    bool => |value| Self::Bool(value);
    Timestamp => |value| Self::Int(value.0);
    &'a [u8] => |value| Self::Bytes(Cow::Borrowed(value));
    &'a [u8; 32] => |value| Self::Bytes(Cow::Borrowed(value.as_slice()));
    &'a Vec<u8> => |value| Self::Bytes(Cow::Borrowed(value.as_slice()));
}

impl<'a, T: Into<Self>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value that came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// TEXT.
    Text(String),
    /// BIGINT, and BOOLEAN where the engine has none.
    Int(i64),
    /// BYTEA.
    Bytes(Vec<u8>),
    /// Something that no column holds, by its kind.
    Odd(&'static str),
}

impl Value {
    /// How many bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) | Self::Odd(_) => size_of::<Self>(),
            Self::Text(text) => size_of::<Self>() + text.len(),
            Self::Bytes(bytes) => size_of::<Self>() + bytes.len(),
        }
    }

    /// What it is, never what it holds: a value may be a secret.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text(_) => "a text",
            Self::Int(_) => "a number",
            Self::Bytes(_) => "bytes",
            Self::Odd(kind) => kind,
        }
    }
}

/// A row that came back.
#[derive(Debug)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// Reads the columns from left to right. `table` is for messages.
    pub fn read(self, table: &'static str) -> Columns {
        Columns { values: self.0.into_iter(), table, id: String::new() }
    }

    /// The values as they came.
    pub(crate) fn values_ref(&self) -> &[Value] {
        &self.0
    }

    /// The values as they came.
    pub(crate) fn values(self) -> Vec<Value> {
        self.0
    }
}

/// A row that is being read from left to right.
#[derive(Debug)]
pub struct Columns {
    values: std::vec::IntoIter<Value>,
    table: &'static str,
    id: String,
}

impl Columns {
    /// The id of the row, which later complaints name.
    pub fn id(&mut self) -> Result<String> {
        self.id = self.text("id")?;
        Ok(self.id.clone())
    }

    /// Whether the next column is empty.
    pub fn is_null(&self) -> bool {
        matches!(self.values.as_slice().first(), Some(Value::Null))
    }

    /// Names the row in later complaints, where its id is known but not read.
    pub fn about(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// A text.
    pub fn text(&mut self, column: &'static str) -> Result<String> {
        self.maybe_text(column)?.ok_or_else(|| self.corrupt(column, "is missing"))
    }

    /// A text or nothing.
    pub fn maybe_text(&mut self, column: &'static str) -> Result<Option<String>> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            other => Err(self.mistaken(column, "a text", other.as_ref())),
        }
    }

    /// A number.
    pub fn int(&mut self, column: &'static str) -> Result<i64> {
        self.maybe_int(column)?.ok_or_else(|| self.corrupt(column, "is missing"))
    }

    /// A number or nothing.
    pub fn maybe_int(&mut self, column: &'static str) -> Result<Option<i64>> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            other => Err(self.mistaken(column, "a number", other.as_ref())),
        }
    }

    /// A number that cannot be negative.
    pub fn count(&mut self, column: &'static str) -> Result<u64> {
        let number = self.int(column)?;
        u64::try_from(number).map_err(|_| self.corrupt(column, "is negative"))
    }

    /// Yes or no.
    pub fn flag(&mut self, column: &'static str) -> Result<bool> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column, "is neither yes nor no")),
        }
    }

    /// A time.
    pub fn time(&mut self, column: &'static str) -> Result<Timestamp> {
        self.int(column).map(Timestamp)
    }

    /// A time or nothing.
    pub fn maybe_time(&mut self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.maybe_int(column)?.map(Timestamp))
    }

    /// Bytes.
    pub fn bytes(&mut self, column: &'static str) -> Result<Vec<u8>> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(self.mistaken(column, "bytes", other.as_ref())),
        }
    }

    /// Bytes or nothing.
    pub fn maybe_bytes(&mut self, column: &'static str) -> Result<Option<Vec<u8>>> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            other => Err(self.mistaken(column, "bytes", other.as_ref())),
        }
    }

    /// A digest or nothing.
    pub fn maybe_digest(&mut self, column: &'static str) -> Result<Option<[u8; 32]>> {
        let bytes = self.maybe_bytes(column)?;
        let digest = bytes.map(|bytes| <[u8; 32]>::try_from(bytes.as_slice())).transpose();
        digest.map_err(|_| self.corrupt(column, "should be 32 bytes"))
    }

    /// A digest.
    pub fn digest(&mut self, column: &'static str) -> Result<[u8; 32]> {
        let bytes = self.bytes(column)?;
        <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| self.corrupt(column, "should be 32 bytes"))
    }

    /// A complaint about the value that was just read. It must not tell what the value is, which may be a secret.
    pub fn corrupt(&self, column: &'static str, problem: &str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, id: self.id.clone(), problem: problem.to_owned() }
    }

    fn mistaken(&self, column: &'static str, wanted: &str, got: Option<&Value>) -> StoreError {
        let got = got.map_or("not there", Value::kind);
        self.corrupt(column, &format!("should be {wanted} but is {got}"))
    }
}
