//! `login/`, and the page `sign-in/`: a name or an address and a password give a key.
//!
//! One answer to every failure, one hash for every try, and the try is counted before it is made.

pub mod flow;
mod http;
mod page;

pub use http::endpoint;
pub use page::page;
