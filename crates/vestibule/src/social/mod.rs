//! Talks to sign-in providers: OAuth 2.0 (RFC 6749, RFC 7636, RFC 9700) and OpenID Connect.
//!
//! Knows no account and no database: from a code or a token comes a [`Person`], or a [`Failure`] that says whose fault it is.
//! What differs between providers is data, in [`kinds`]. Start with [`provider`]; what makes an ID token count is in
//! [`id_token`].

pub mod authorize;
mod discovery;
mod documents;
pub mod exchange;
pub mod failure;
pub mod id_token;
mod jws;
mod keys;
pub mod kinds;
pub mod person;
pub mod proof;
pub mod provider;

pub use failure::Failure;
pub use person::Person;
pub use provider::{Provider, Providers};
