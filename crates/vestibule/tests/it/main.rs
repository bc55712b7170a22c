//! What the service promises, seen from outside, on both databases.

mod exchange;
mod journey;
mod login;
mod registration;
