//! Not built yet.

pub mod peer;
