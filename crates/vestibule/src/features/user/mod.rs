//! `user/`: one's own account, seen and edited.
//!
//! The address is shown and never written here; what is declared `read_only` is shown, what is `hidden` is not there.

pub mod flow;
mod http;

pub use http::endpoint;
