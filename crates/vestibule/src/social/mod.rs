//! Talks to sign-in providers: OAuth 2.0 (RFC 6749, RFC 7636, RFC 9700) and OpenID Connect.
//!
//! Knows no account and no database: from a code or a token comes a [`Person`], or a [`Failure`] that says whose fault it is.
//! What differs between providers is data, in [`kinds`]. Start with [`provider`]; what makes an ID token count is in
//! [`id_token`].

pub mod authorize;
pub mod dev;
mod discovery;
mod documents;
pub mod exchange;
pub mod failure;
pub mod id_token;
mod jws;
mod keys;
pub mod kinds;
pub mod person;
pub mod proof;
pub mod provider;
pub mod trial;

use std::sync::Arc;

use crate::ground::Result;
use crate::ground::seal::SealingKey;
use crate::ground::secrets::MasterKey;

pub use dev::DevProvider;
pub(crate) use documents::one_line;
pub use failure::Failure;
pub use person::Person;
pub use provider::{Provider, Providers};

/// Everything that signing in with providers needs.
pub struct SignIn {
    /// The providers of the settings.
    pub providers: Providers,
    /// From which the secrets of requests are derived.
    pub flows: authorize::FlowKey,
    /// With which the providers' tokens are encrypted, where they are kept.
    pub seal: SealingKey,
}

impl SignIn {
    /// The provider for development, where the settings have it.
    pub fn dev(&self) -> Option<&Arc<DevProvider>> {
        self.providers.get(dev::DEV)?.dev.as_ref()
    }

    /// Where else than here a form of our pages may lead, which providers for development have.
    pub fn callbacks_of_forms(&self) -> impl Iterator<Item = &String> {
        self.providers.iter().filter(|provider| provider.dev.is_some()).map(|provider| &provider.front_callback)
    }

    /// With these providers and the installation's key.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] when a key cannot be derived.
    pub fn new(providers: Providers, master: &MasterKey) -> Result<Self> {
        let seal = SealingKey::new(master, "provider tokens")?;
        Ok(Self { providers, flows: authorize::FlowKey::new(master)?, seal })
    }
}
