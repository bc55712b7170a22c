//! What the service promises, seen from outside, on both databases.

mod exchange;
mod journey;
mod login;
mod logout;
mod options;
mod password_change;
mod problem;
mod profiles;
mod registration;
mod user;
