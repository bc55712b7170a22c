//! Passwords.

pub mod common;
pub mod policy;
mod similarity;
