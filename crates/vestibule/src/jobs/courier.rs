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
    /// Rung when a mail was asked for.
    pub bell: Notify,
}

impl Courier {
    /// Ready to send.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] without randomness.
    pub fn new(transport: Transport, pages: Pages, entropy: &Entropy) -> Result<Self> {
        let name = hex::encode(entropy.bytes::<8>()?);
        Ok(Self { transport, pages, breaker: Breaker::default(), name, bell: Notify::new() })
    }
}
