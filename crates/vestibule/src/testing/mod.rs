//! What tests stand on: throw-away databases, a whole service in a test with a clock that is moved by hand,
//! a mailbox in memory and a mail server that can misbehave.
//!
//! Host applications may use it too, with the cargo feature `testing`.

pub mod app;
pub mod databases;
pub mod mailbox;
pub mod races;
pub mod smtp;

pub use app::{TestAnswer, TestApp, TestRequest, on_both, on_both_built};
pub use mailbox::Mailbox;
pub use races::{Arena, race};
pub use smtp::SmtpSink;
