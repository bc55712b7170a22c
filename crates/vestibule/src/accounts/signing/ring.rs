//! The keys that count at a moment, as this process knows them.

use std::sync::Arc;

use crate::ground::seal::SealingKey;
use crate::ground::{Error, Result, Time};
use crate::settings::Algorithm;

use super::pair::KeyPair;
use super::public::Jwk;
use super::store::{self, Stored};

/// The keys, the oldest first. There is at least one.
pub(super) struct Ring {
    keys: Vec<Key>,
}

struct Key {
    pair: Arc<KeyPair>,
    /// Nothing when the owner gave the key: then it is the only one and counts always.
    stored: Option<Stored>,
}

impl Key {
    fn counts(&self, now: Time) -> bool {
        self.stored.as_ref().and_then(Stored::verifies_until).is_none_or(|until| now.millis() < until)
    }

    fn signs(&self, now: Time) -> bool {
        self.stored.as_ref().is_none_or(|stored| stored.signs_from <= now.millis())
    }
}

impl Ring {
    /// The owner's key.
    pub(super) fn of_owner(pair: KeyPair) -> Self {
        Self { keys: vec![Key { pair: Arc::new(pair), stored: None }] }
    }

    /// The stored keys; those that `known` has already are not parsed again.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is none, or one cannot be opened.
    pub(super) fn of_rows(algorithm: Algorithm, rows: Vec<Stored>, seal: &SealingKey, known: Option<&Self>) -> Result<Self> {
        let find = |kid: &str| known.and_then(|ring| ring.keys.iter().find(|key| key.pair.kid == kid));
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let pair = match find(&row.kid) {
                Some(key) => key.pair.clone(),
                None => Arc::new(store::open(algorithm, &row, seal)?),
            };
            keys.push(Key { pair, stored: Some(row) });
        }
        if keys.is_empty() { Err(Error::internal("there is no signing key")) } else { Ok(Self { keys }) }
    }

    /// Whether these rows say what is known already.
    pub(super) fn is(&self, rows: &[Stored]) -> bool {
        self.keys.len() == rows.len() && self.keys.iter().zip(rows).all(|(key, row)| key.stored.as_ref() == Some(row))
    }

    /// The key that signs: the newest whose time has come. If the time of none has, the oldest signs: a clock may be behind, and
    /// the predecessor of a key that waits may have been retired.
    pub(super) fn signer(&self, now: Time) -> Result<&KeyPair> {
        let due = self.keys.iter().rev().find(|key| key.signs(now)).or(self.keys.first());
        due.map(|key| &*key.pair).ok_or_else(|| Error::internal("there is no signing key"))
    }

    /// The key of that name, if its tokens still count.
    pub(super) fn find(&self, kid: &str, now: Time) -> Option<&KeyPair> {
        self.keys.iter().find(|key| key.pair.kid == kid && key.counts(now)).map(|key| &*key.pair)
    }

    /// The public keys, those that will sign soon among them.
    pub(super) fn public(&self, now: Time) -> Vec<Jwk> {
        self.keys.iter().filter(|key| key.counts(now)).filter_map(|key| key.pair.jwk.clone()).collect()
    }
}
