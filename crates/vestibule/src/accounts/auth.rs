//! Everything that a request shares with all others.

use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_lc_rs::hmac;

use crate::db::{Db, Tx};
use crate::ground::{Clock, Entropy, Languages, Result};
use crate::hooks::AnyHooks;
use crate::jobs::Courier;
use crate::mail::templates::Templates;
use crate::settings::{CookieNames, Settings};

use super::browsers::Browsers;
use super::client::RequestNames;
use super::last_seen::LastSeen;
use super::limits::Limits;
use super::listener::Listener;
use super::passwords::{Hasher, Policy};
use super::shapes::Shapes;
use super::signing::Signing;

/// The whole of an authentication service: settings, database, clock, hashing threads. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Floor>);

/// What an [`Auth`] is made of.
pub struct Floor {
    /// The settings, checked.
    pub(crate) settings: Settings,
    /// The database.
    pub(crate) db: Db,
    /// Where "now" comes from.
    pub(crate) clock: Clock,
    /// Where random bytes come from.
    pub(crate) entropy: Entropy,
    /// Where the key came from, if development made it.
    pub(crate) key_file: Option<PathBuf>,
    /// The host's own code.
    pub(crate) hooks: Arc<dyn AnyHooks>,
    /// Tells the host's own code what happened.
    pub(crate) listener: Option<Listener>,
    /// The threads that hash passwords.
    pub(crate) hasher: Hasher,
    /// Which passwords are too weak.
    pub(crate) policy: Policy,
    /// How often somebody may try.
    pub(crate) limits: Limits,
    /// Which sessions were used since this was last written down.
    pub(crate) last_seen: LastSeen,
    /// Names requests.
    pub(crate) request_names: RequestNames,
    /// Whether it was looked at once where the host has mounted the service.
    pub(crate) placed: AtomicBool,
    /// The key under which codes are hashed and accounts are named in links.
    pub(crate) code_key: hmac::Key,
    /// What browsers carry beside their session.
    pub(crate) browsers: Browsers,
    /// The names of the cookies.
    pub(crate) cookies: CookieNames,
    /// What makes and reads JSON Web Tokens, where a setting asks for them.
    pub(crate) signing: Option<Signing>,
    /// What sending mail needs.
    pub(crate) courier: Courier,
    /// What a user looks like here.
    pub(crate) shapes: Shapes,
    /// The languages that are spoken here.
    pub(crate) languages: Languages,
    /// The texts of mails.
    pub(crate) templates: Templates,
    /// Signing in with providers.
    #[cfg(feature = "social")]
    pub(crate) social: crate::social::SignIn,
}

impl Auth {
    pub(crate) fn new(floor: Floor) -> Self {
        Self(Arc::new(floor))
    }

    /// The settings that the service runs with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The languages that are spoken here.
    pub fn languages(&self) -> &Languages {
        &self.0.languages
    }

    /// The texts of mails.
    pub fn templates(&self) -> &Templates {
        &self.0.templates
    }

    /// The database, for a host's own tables.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The clock that the service goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Runs a unit in which the host's hooks may run.
    pub(crate) async fn unit<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        if self.hooks.are_none() { self.db.unit(work).await } else { self.db.unit_with_hooks(work).await }
    }

    /// How many password hashes were computed since the start.
    pub fn hash_computations(&self) -> u64 {
        self.0.hasher.computations()
    }
}

impl Deref for Auth {
    type Target = Floor;

    fn deref(&self) -> &Floor {
        &self.0
    }
}
