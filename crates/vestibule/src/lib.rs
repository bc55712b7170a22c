//! Vestibule: the front room of an application.
//!
//! Registration, login and everything an account needs, as REST endpoints that a front end written for dj-rest-auth can use
//! unchanged. Mount it in an axum application, or run the server binary `vestibule` beside an application in any language.
//!
//! Read in this order: [`ground`] (clock, randomness, secrets, names, messages, errors), `forms` (one description per form),
//! `db` (one SQL text for two databases), `accounts` (the floor: users, passwords, sessions, the one login door), then any
//! folder of `features` (one visible flow each), and last `app`, which lists them.

pub mod accounts;
mod app;
mod builder;
pub mod db;
#[cfg(doctest)]
mod documentation;
pub mod features;
pub mod forms;
pub mod ground;
pub mod hooks;
pub mod http;
pub mod jobs;
pub mod mail;
pub mod outgoing;
pub mod pages;
pub mod settings;
#[cfg(feature = "social")]
pub mod social;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use accounts::{Auth, NewUser, User, UserId};
pub use builder::{BuildError, Builder};
pub use ground::names::{EmailAddress, PhoneNumber};
pub use ground::{Error, Message, Secret};
pub use hooks::Hooks;
pub use http::{CurrentUser, OptionalUser, RequireStaff};
/// The crate that describes types here, so that a host derives `JsonSchema` with the same version: `#[schemars(crate =
/// "vestibule::schemars")]`.
pub use schemars;
pub use settings::Settings;
