//! What the service promises, seen from outside, on both databases.

mod journey;
mod races;
