//! What a database can answer instead of rows, told apart as far as a flow or a client can act on it.
//!
//! No text here ever holds a value of a parameter: PostgreSQL's DETAIL, the texts of its class 22 (which quote the input) and the
//! causes of conversion errors are left out.

use std::time::Duration;

use crate::ground;

/// The result of a statement.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a statement or a unit failed. A failed unit has written nothing, with one exception: [`Error::Lost`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A unique constraint, the same on both databases: `auth_users.username_key`, or `table.first_second` for two columns.
    #[error("{0} is taken")]
    Unique(String),
    /// Somebody else holds the lock, or too many are waiting.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached. Lost during COMMIT, the unit may have happened or not.
    #[error("the database cannot be reached")]
    Lost,
    /// There is no room left to write.
    #[error("the database's disk is full")]
    Full,
    /// A statement of this unit had failed before, so the unit cannot go on, nor be kept.
    #[error("a statement failed earlier in this unit")]
    Poisoned,
    /// The unit awaited something other than its own statements for too long.
    #[error("the unit took too long")]
    Slow,
    /// A fault of ours, in words for the log.
    #[error("{0}")]
    Other(String),
}

/// The fault of a statement that was said to give at most one row.
pub(super) fn two_rows() -> Error {
    Error::Other("a statement that may give one row gave more".into())
}

/// Why the database cannot be opened: a sentence for the operator, who can do something about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub(super) String);

impl From<Error> for ground::Error {
    fn from(error: Error) -> Self {
        let seconds = match error {
            Error::Busy => 1,
            Error::Slow => 2,
            Error::Lost => 3,
            Error::Full => 5,
            Error::Unique(_) | Error::Poisoned | Error::Other(_) => return Self::internal(format!("database: {error}")),
        };
        Self::Unavailable(Duration::from_secs(seconds))
    }
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error as Sqlite, ErrorCode, ffi};
        let text = error.to_string();
        let Some(code) = error.sqlite_error() else {
            return Self::Other(match error {
                Sqlite::FromSqlConversionFailure(column, ..) => format!("column {column} cannot be converted"),
                Sqlite::ToSqlConversionFailure(_) => "a parameter cannot be converted".into(),
                _ => text,
            });
        };
        match (code.extended_code, code.code) {
            (ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID, _) => {
                Self::Unique(unique_columns(&text))
            }
            (_, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            (_, ErrorCode::DiskFull) => Self::Full,
            (_, ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed) => Self::Lost,
            _ => Self::Other(text),
        }
    }
}

/// `UNIQUE constraint failed: t.a, t.b` as `t.a_b`.
#[cfg(feature = "sqlite")]
fn unique_columns(text: &str) -> String {
    let columns = text.rsplit_once("failed: ").map_or(text, |(_, columns)| columns);
    let (first, rest) = columns.split_once(", ").unwrap_or((columns, ""));
    let mut name = first.to_owned();
    for column in rest.split(", ").filter(|column| !column.is_empty()) {
        name.push('_');
        name.push_str(column.rsplit_once('.').map_or(column, |(_, column)| column));
    }
    name
}

#[cfg(feature = "postgres")]
impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        use std::error::Error as _;
        let Some(said) = error.as_db_error() else {
            let io = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
            return if error.is_closed() || io { Self::Lost } else { Self::Other(error.to_string()) };
        };
        match said.code().code() {
            "23505" => Self::Unique(unique_constraint(said.table(), said.constraint())),
            "55P03" | "57014" | "40P01" | "40001" => Self::Busy,
            "53100" => Self::Full,
            // 0A000: the cached plan no longer fits the table, after a migration by somebody else. A new connection has no plans.
            "53300" | "0A000" | "25P03" => Self::Lost,
            code if code.starts_with("57P") || code.starts_with("08") => Self::Lost,
            // These quote what was sent.
            code if code.starts_with("22") || code.starts_with("P0") => Self::Other(format!("PostgreSQL error {code}")),
            code => Self::Other(format!("PostgreSQL error {code}: {}", said.message())),
        }
    }
}

/// `t_a_b_key` of table `t` as `t.a_b`: PostgreSQL's own way to name a constraint, kept for primary keys too in our migrations.
#[cfg(feature = "postgres")]
fn unique_constraint(table: Option<&str>, constraint: Option<&str>) -> String {
    let (table, constraint) = (table.unwrap_or_default(), constraint.unwrap_or_default());
    match constraint.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')).and_then(|rest| rest.strip_suffix("_key")) {
        Some(columns) => format!("{table}.{columns}"),
        None => constraint.to_owned(),
    }
}
