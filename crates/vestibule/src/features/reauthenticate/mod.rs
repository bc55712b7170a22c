//! `reauthenticate/`: proves the password once more, and for ten minutes the session may do what a session alone may not.
//!
//! A wrong password counts as a failed login.

mod flow;
mod http;

pub use http::endpoint;
