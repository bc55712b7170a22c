//! Everything that a request shares with all others.

use std::ops::Deref;
use std::sync::Arc;

use crate::db::Db;
use crate::ground::{Clock, Entropy};
use crate::settings::Settings;

use super::last_seen::LastSeen;
use super::limits::Limits;
use super::passwords::{Hasher, Policy};
use super::shapes::Shapes;

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
    /// The threads that hash passwords.
    pub(crate) hasher: Hasher,
    /// Which passwords are too weak.
    pub(crate) policy: Policy,
    /// How often somebody may try.
    pub(crate) limits: Limits,
    /// Which sessions were used since this was last written down.
    pub(crate) last_seen: LastSeen,
    /// What a user looks like here.
    pub(crate) shapes: Shapes,
}

impl Auth {
    pub(crate) fn new(floor: Floor) -> Self {
        Self(Arc::new(floor))
    }

    /// The settings that the service runs with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The database, for a host's own tables.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The clock that the service goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
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
