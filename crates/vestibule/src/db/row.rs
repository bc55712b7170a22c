//! What comes out of a statement.

use super::error::{Error, Result};

/// One row of an answer; valid while it is looked at.
pub enum Row<'a> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(&'a rusqlite::Row<'a>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(&'a tokio_postgres::Row),
    /// From nowhere: built without a database, no row can be made.
    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    Never(&'a std::convert::Infallible),
}

/// A type that a column can be read as on both databases: `bool`, `i64`, `String`, `Vec<u8>`, `serde_json::Value`, and `Option` of
/// each where the column may be null.
#[cfg(all(feature = "sqlite", feature = "postgres"))]
pub trait Column: rusqlite::types::FromSql + for<'x> postgres_types::FromSql<'x> {}
#[cfg(all(feature = "sqlite", feature = "postgres"))]
impl<T: rusqlite::types::FromSql + for<'x> postgres_types::FromSql<'x>> Column for T {}

/// A type that a column can be read as: `bool`, `i64`, `String`, `Vec<u8>`, `serde_json::Value`, and `Option` of each.
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
pub trait Column: rusqlite::types::FromSql {}
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
impl<T: rusqlite::types::FromSql> Column for T {}

/// A type that a column can be read as: `bool`, `i64`, `String`, `Vec<u8>`, `serde_json::Value`, and `Option` of each.
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
pub trait Column: for<'x> postgres_types::FromSql<'x> {}
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
impl<T: for<'x> postgres_types::FromSql<'x>> Column for T {}

/// A type that a column could be read as, if there were a database.
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
pub trait Column {}
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
impl<T> Column for T {}

impl Row<'_> {
    /// The value of a column, counted from 0.
    ///
    /// # Errors
    /// [`Error::Other`] when there is no such column or it holds another type. The value itself is never in the text.
    pub fn get<T: Column>(&self, column: usize) -> Result<T> {
        let unfit = || Error::Other(format!("column {column} cannot be read as {}", std::any::type_name::<T>()));
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.get(column).map_err(|_| unfit()),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(column).map_err(|_| unfit()),
            #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
            Self::Never(never) => match **never {},
        }
    }
}

/// Something that is made from a row: tuples of up to 16 columns, and whatever the rooms read.
pub trait FromRow: Sized + Send + 'static {
    /// Makes the value.
    ///
    /// # Errors
    /// Whatever [`Row::get`] says.
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

/// A large one, of which only the address is handed on.
impl<T: FromRow> FromRow for Box<T> {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        T::from_row(row).map(Box::new)
    }
}

macro_rules! tuples {
    ($($name:ident $at:tt),*; $($next:ident $next_at:tt),*) => {
        impl<$($name: Column + Send + 'static),*> FromRow for ($($name,)*) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$name>($at)?,)*))
            }
        }
        tuples!(@ $($name $at),*; $($next $next_at),*);
    };
    (@ $($name:ident $at:tt),*; $first:ident $first_at:tt $(, $next:ident $next_at:tt)*) => {
        tuples!($($name $at,)* $first $first_at; $($next $next_at),*);
    };
    (@ $($name:ident $at:tt),*;) => {};
}

tuples!(A 0; B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15);
