//! `registration/`: a new account, and with it a session unless the address must be proven first.
//!
//! What may exist once (a name, an address, a declared value) is decided by the database's indexes. In the strict profile
//! nobody learns from the answer that an address has an account already, where verification is mandatory (T11).

pub mod flow;
mod http;
mod page;

mod example;

pub use example::example;
pub use http::endpoint;
pub use page::page;
