//! What the service promises, seen from outside, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod house;
mod journey;
mod words;
