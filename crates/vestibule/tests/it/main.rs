//! What the service promises, seen from outside, on both databases.

mod bodies;
mod custom_fields;
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
