//! Not built yet.

pub mod passwords;
