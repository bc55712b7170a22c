//! `registration/verify-email/` and `registration/resend-email/`: an address is proven by the key or the code that was mailed to it.
//!
//! A key works once, a code a few times at most, and asking for another mail answers alike for every address.

pub mod flow;
mod http;
mod page;

pub use http::{resend, verify};
pub use page::{page, sent_page};
