//! `token/`: whether a token counts, a new pair for a refresh token, and what a token says, for other services.

mod http;
mod introspect;

pub use http::{introspection, refresh, verify};
