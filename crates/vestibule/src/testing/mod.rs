//! What tests stand on: throw-away databases, a whole service in a test with a clock that is moved by hand,
//! a mailbox in memory, a mail server that can misbehave, and a sign-in provider that says what it is told to say.
//!
//! Host applications may use it too, with the cargo feature `testing`.

pub mod app;
pub mod databases;
pub mod mailbox;
#[cfg(feature = "social")]
pub mod provider;
pub mod races;
pub mod smtp;

pub use app::{TestAnswer, TestApp, TestRequest, on_both, on_both_built};
pub use mailbox::Mailbox;
#[cfg(feature = "social")]
pub use provider::{Asked, Dialect, Fault, Provider, Script, Signing};
pub use races::{Arena, race};
pub use smtp::SmtpSink;
