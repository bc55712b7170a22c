//! `reauthenticate/`: proves the password once more, and for ten minutes the session may do what a session alone may not.
//!
//! A wrong password counts as a failed login. Where a browser holds the session it goes on under new cookies, and those of before are
//! nobody's: whoever had copied one must not profit from the proof (T26). A key, and a pair that is not in cookies, stay what they are:
//! they are no browser's to be planted or copied along, and the answer has no place for others (T06 leaves them too).

mod flow;
mod http;

pub use http::endpoint;
