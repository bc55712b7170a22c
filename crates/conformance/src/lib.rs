//! Replays recorded exchanges of dj-rest-auth against the real server and tells where it answers differently, and why.
//!
//! [`replay`] starts a server for each variant of the reference, with the settings that [`variants`] translates, and sends the
//! [`steps`] in order; [`fixtures`] does behind its back what the recording did. An answer is matched ([`compare`]), deviates on
//! purpose ([`rules`]), is about something that this version does not have ([`offered`]), or fails.

pub mod compare;
pub mod fixtures;
pub mod history;
pub mod mailbox;
pub mod offered;
pub mod placeholders;
pub mod replay;
pub mod report;
pub mod rules;
pub mod server;
pub mod steps;
pub mod variants;
pub mod wire;
