//! The rooms: one folder for each flow that a client sees. A room stands on `accounts` and never imports another room.
//!
//! Opened, a room has `mod.rs` (what it promises, its endpoints), `flow.rs` (the rules, without HTTP) and `http.rs` (read, call,
//! answer). A small one is a single file.

pub mod account;
pub mod email_change;
pub mod email_verification;
pub mod login;
pub mod logout;
pub mod openapi;
pub mod password_change;
pub mod password_reset;
pub mod reauthenticate;
pub mod registration;
pub mod sessions;
#[cfg(feature = "social")]
pub mod social;
pub mod token;
pub mod user;
