//! Not built yet.

pub mod limits;
