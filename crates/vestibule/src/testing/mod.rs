//! What tests stand on: throw-away databases.

pub mod databases;
