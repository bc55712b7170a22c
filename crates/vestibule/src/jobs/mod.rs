//! The outbox: mails are rows that commit with their cause, and are sent by a worker afterwards.
//!
//! A row says what is to be said to whom, never a secret: token, code and text are made when the mail is sent. A process claims
//! rows for a while; a mail whose sender died is sent by another. Start with [`outbox`], then [`worker`].

pub mod breaker;
pub mod courier;
pub mod letters;
pub mod outbox;
pub mod queue;
pub mod worker;

pub use courier::Courier;
pub use outbox::Job;
