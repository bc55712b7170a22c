//! Mail: its texts and its ways out. Nothing here knows a request, an account's rows or SQL.

pub mod convert;
pub mod templates;
