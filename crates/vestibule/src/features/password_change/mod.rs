//! `password/change/`: a new password ends every other session; the one in hand goes on.
//!
//! By default the old password is asked for, so that an unguarded screen is not enough to take an account over (T06).

pub mod flow;
mod http;
mod page;

pub use http::endpoint;
pub use page::page;
