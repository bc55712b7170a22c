//! The floor: users, passwords, sessions, limits, the audit trail, and the one login door.
//!
//! Rooms in `features` stand on it and never on each other. Nothing here knows axum. Start with [`login`]: every way in ends
//! in [`login::finish`].

pub mod admin;
pub mod audit;
pub mod auth;
pub mod browsers;
pub mod client;
pub mod deletion;
pub mod device;
pub mod enrolment;
pub mod facts;
pub mod housekeeping;
pub mod identities;
pub mod import;
pub mod last_seen;
pub mod limits;
pub mod links;
pub(crate) mod listener;
pub mod login;
pub mod misfits;
pub mod old_system;
pub mod pairs;
pub mod passwords;
pub mod recent;
pub mod refresh;
pub mod returns;
pub mod session_list;
pub mod sessions;
pub mod shapes;
pub mod shown;
pub mod signing;
pub mod tokens;
pub(crate) mod typed;
pub mod uid;
pub mod unique;
pub mod users;
pub mod verification;

pub use auth::Auth;
pub use client::Client;
pub use users::{NewUser, User, UserId};
