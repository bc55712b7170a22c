//! What the service promises, seen from outside, on both databases.

mod house;
mod journey;
