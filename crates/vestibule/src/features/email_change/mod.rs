//! `email/change/` and `email/change/confirm/`: another address for an account.
//!
//! Asking takes the current password, or a proof of it within the last ten minutes. The old address stays until the new one proves
//! itself by the link or the code that was mailed to it, and is told when that has happened. In the strict profile the answer is
//! the same whether or not somebody else has the new address (T14).

pub mod flow;
mod http;
mod page;

pub use http::{confirm, request};
pub use page::{confirm_page, request_page};
