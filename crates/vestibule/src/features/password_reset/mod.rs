//! `password/reset/` and `password/reset/confirm/`: a new password by mail.
//!
//! Asking is the same work and the same answer for every address. A link works once, ends every session, spends every other
//! link, and proves the address.

pub mod flow;
mod http;
mod page;

pub use http::{confirm, request};
pub use page::{page, request_page};
