//! Statements on one PostgreSQL connection, values on their way there and back, and what its errors mean.

use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Error, Row as Reply};

use super::super::row::{Param, Row, Value};
use crate::error::StoreError;

/// How statements are sent: prepared once a connection, or whole each time, which a pooler in between may demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Prepared once, then called.
    Prepared,
    /// Sent whole, with its values, in one round trip.
    Whole,
}

/// All rows of a query.
pub async fn query(
    client: &ClientWrapper,
    manner: Manner,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Vec<Row>, Error> {
    let replies = match manner {
        Manner::Prepared => client.query(&client.prepare_cached(sql).await?, &by_reference(params)).await?,
        Manner::Whole => client.query_typed(sql, &with_types(params)).await?,
    };
    replies.iter().map(row_of).collect()
}

/// Runs a statement; gives how many rows it changed.
pub async fn execute(
    client: &ClientWrapper,
    manner: Manner,
    sql: &str,
    params: &[Param<'_>],
) -> Result<u64, Error> {
    match manner {
        Manner::Prepared => client.execute(&client.prepare_cached(sql).await?, &by_reference(params)).await,
        Manner::Whole => client.execute_typed(sql, &with_types(params)).await,
    }
}

fn by_reference<'a>(params: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

fn with_types<'a>(params: &'a [Param<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (param as &(dyn ToSql + Sync), type_of(param))).collect()
}

const fn type_of(param: &Param<'_>) -> Type {
    match param {
        // The server finds out from the place.
        Param::Null => Type::UNKNOWN,
        Param::Text(_) => Type::TEXT,
        Param::Int(_) => Type::INT8,
        Param::Bool(_) => Type::BOOL,
        Param::Bytes(_) => Type::BYTEA,
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Text(text) => text.as_ref().to_sql(kind, out),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Bool(flag) => flag.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.as_ref().to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let fits = match self {
            Self::Null => true,
            Self::Text(_) => <&str as ToSql>::accepts(kind),
            Self::Int(_) => *kind == Type::INT8 || *kind == Type::INT4,
            Self::Bool(_) => *kind == Type::BOOL,
            Self::Bytes(_) => *kind == Type::BYTEA,
        };
        if fits { self.to_sql(kind, out) } else { Err(format!("a value does not fit {kind}").into()) }
    }
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::TEXT | Type::VARCHAR => Self::Text(String::from_sql(kind, raw)?),
            Type::INT8 => Self::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Int(i64::from(i32::from_sql(kind, raw)?)),
            Type::BOOL => Self::Int(i64::from(bool::from_sql(kind, raw)?)),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            _ => Self::Odd("a value of another type"),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn row_of(reply: &Reply) -> Result<Row, Error> {
    (0..reply.len()).map(|column| reply.try_get(column)).collect::<Result<_, _>>().map(Row)
}

/// What an error of the driver means for what was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The connection is gone, or good for nothing. Whatever was not committed is not there.
    Lost,
    /// Another transaction got in the way; the same story may come through when it is told again.
    Conflict,
    /// Anything else: telling it again would not help.
    Final,
}

/// Sorts an error of the driver.
pub fn meaning(error: &Error) -> Meaning {
    let Some(code) = error.code() else {
        // What the server did not say came from the way there, or from this side of it.
        return if error.is_closed() || is_io(error) { Meaning::Lost } else { Meaning::Final };
    };
    match code {
        // A name that another transaction took at the same moment is seen by the next attempt.
        &SqlState::T_R_SERIALIZATION_FAILURE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::UNIQUE_VIOLATION => Meaning::Conflict,
        // A server that only reads was the first among its copies, and is no more.
        &SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN | &SqlState::READ_ONLY_SQL_TRANSACTION => {
            Meaning::Lost
        }
        code if code.code().starts_with("08") => Meaning::Lost,
        _ => Meaning::Final,
    }
}

fn is_io(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// What an error of the driver is to the rest of the program: what may pass by itself is unavailability.
pub fn fault(error: &Error) -> StoreError {
    let text = error
        .as_db_error()
        .map_or_else(|| with_causes(error), |told| format!("{} ({})", told.message(), told.code().code()));
    let passing = match error.code() {
        None => meaning(error) == Meaning::Lost,
        Some(code) => {
            // Connections, rollbacks, resources, operator's doing, the system beneath.
            let passing_classes = ["08", "40", "53", "57", "58"];
            passing_classes.iter().any(|class| code.code().starts_with(class))
                || *code == SqlState::LOCK_NOT_AVAILABLE
                || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        }
    };
    if passing { StoreError::Unavailable(text) } else { StoreError::Driver(text) }
}

/// An error with what lies behind it, since the driver's own text is only «error connecting to server».
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
