//! What the service promises, seen from outside, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod browse;
mod catalogues;
mod cookies;
mod custom_fields;
mod email_change;
mod endpoints;
mod exchange;
mod hooks;
mod house;
mod import;
mod journey;
mod keys;
mod languages;
mod login;
mod logout;
mod mail;
mod names;
mod old_system;
mod openapi;
mod options;
mod outbox;
mod owners;
mod pages;
mod panics;
mod password_change;
mod problem;
mod profiles;
mod races;
mod reauthenticate;
mod refresh;
mod registration;
mod sessions;
mod settings_page;
#[cfg(feature = "social")]
mod social;
mod threats;
mod tokens;
mod typed;
mod user;
