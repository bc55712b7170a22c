//! What sending mail needs, once for each process.

use tokio::sync::Notify;

use crate::ground::{Entropy, Result};
use crate::mail::Transport;
use crate::pages::Pages;

use super::breaker::Breaker;

/// The way out, the pages, and the state of both.
pub struct Courier {
    /// How a mail leaves.
    pub transport: Transport,
    /// The pages behind their links.
    pub pages: Pages,
    /// Whether mail goes out at present.
    pub breaker: Breaker,
    /// This process, among those that share the outbox.
    pub name: String,
    /// How many mails go out side by side.
    pub at_once: u16,
    /// Rung when a mail was asked for.
    pub bell: Notify,
}

impl Courier {
    /// How many mails go out side by side unless the host says otherwise.
    pub const AT_ONCE: u16 = 10;

    /// Ready to send.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] without randomness.
    pub fn new(transport: Transport, pages: Pages, entropy: &Entropy) -> Result<Self> {
        let name = hex::encode(entropy.bytes::<8>()?);
        Ok(Self { transport, pages, breaker: Breaker::default(), name, at_once: Self::AT_ONCE, bell: Notify::new() })
    }
}
