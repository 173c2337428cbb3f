//! What can go wrong below: for the operator's eyes, never for a caller's.

/// A fault of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or written just now: disk full, locked, gone.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// More writes are waiting than may wait.
    #[error("too many writes are waiting")]
    Overloaded,
    /// A value is not what the schema promises.
    #[error("{table}.{column} of row {id} is corrupt: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, if its id could be read.
        id: String,
        /// What is wrong with the value.
        problem: String,
    },
    /// The driver refused a statement: a fault of this program.
    #[error("the database refused a statement: {0}")]
    Driver(String),
    /// A text holds a NUL, which no engine may store.
    #[error("a text with NUL cannot be stored")]
    Unstorable,
    /// The data folder or the database belongs to another version.
    #[error("{0}")]
    Version(String),
    /// The database cannot be used as it was configured.
    #[error("{0}")]
    Settings(String),
}

/// What the store's functions give.
pub type Result<T> = std::result::Result<T, StoreError>;
