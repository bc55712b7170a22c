//! The values that go into a statement.

use serde_json::Value;

use crate::ground::Time;
use crate::ground::secrets::Digest;

/// One parameter of a statement: `$1` is the first. Borrowed, so that binding copies nothing; see [`params!`](crate::params).
///
/// A bare `$1 IS NULL` needs a cast (`$1::bytea`) on PostgreSQL, and a JSON parameter is written `$1::jsonb`; SQLite reads past both.
#[derive(Clone, Copy, Debug)]
pub enum Param<'a> {
    /// No value, for a column of any type.
    Null,
    /// BOOLEAN; on SQLite 0 or 1.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// TEXT. PostgreSQL refuses the character NUL in it.
    Text(&'a str),
    /// BYTEA or BLOB.
    Bytes(&'a [u8]),
    /// JSONB; on SQLite its text.
    Json(&'a Value),
}

/// The parameters of a statement: `params![id, &name, time]`. Whatever has a `From` to [`Param`](crate::db::Param) can stand in it.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Param::from($value)),*] };
}

macro_rules! from {
    ($($kind:ty: $value:ident => $param:expr;)*) => {$(
        impl<'a> From<$kind> for Param<'a> {
            fn from($value: $kind) -> Self {
                $param
            }
        }
    )*};
}

from! {
    bool: value => Self::Bool(value);
    i64: value => Self::Int(value);
    i32: value => Self::Int(value.into());
    u32: value => Self::Int(value.into());
    Time: value => Self::Int(value.millis());
    &'a str: value => Self::Text(value);
    &'a String: value => Self::Text(value);
    &'a [u8]: value => Self::Bytes(value);
    &'a Vec<u8>: value => Self::Bytes(value);
    &'a Digest: value => Self::Bytes(value.as_bytes());
    &'a Value: value => Self::Json(value);
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(feature = "sqlite")]
impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer((*value).into()),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
            Self::Json(value) => return Ok(ToSqlOutput::Owned(value.to_string().into())),
        }))
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::error::Error;

    use bytes::BytesMut;
    use postgres_types::{IsNull, ToSql, Type, to_sql_checked};

    use super::Param;

    impl ToSql for Param<'_> {
        // A null fits every type; the other kinds check theirs below, since `accepts` cannot see the value.
        fn accepts(_: &Type) -> bool {
            true
        }

        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            match self {
                Self::Null => Ok(IsNull::Yes),
                Self::Bool(value) => value.to_sql_checked(ty, out),
                Self::Int(value) => value.to_sql_checked(ty, out),
                Self::Text(value) => value.to_sql_checked(ty, out),
                Self::Bytes(value) => value.to_sql_checked(ty, out),
                Self::Json(value) => value.to_sql_checked(ty, out),
            }
        }

        to_sql_checked!();
    }
}
