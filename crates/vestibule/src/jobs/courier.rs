//! What sending mail needs, once for each process.

use tokio::sync::Notify;

use crate::ground::language::Languages;
use crate::ground::{Entropy, Result};
use crate::mail::Transport;
use crate::mail::templates::Templates;
use crate::pages::Pages;

use super::breaker::Breaker;

/// The way out, the words, and the state of both.
pub struct Courier {
    /// How a mail leaves.
    pub transport: Transport,
    /// What mails say.
    pub templates: Templates,
    /// In which languages.
    pub languages: Languages,
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
    pub fn new(
        transport: Transport,
        templates: Templates,
        languages: Languages,
        pages: Pages,
        entropy: &Entropy,
    ) -> Result<Self> {
        let name = hex::encode(entropy.bytes::<8>()?);
        Ok(Self { transport, templates, languages, pages, breaker: Breaker::default(), name, bell: Notify::new() })
    }
}
