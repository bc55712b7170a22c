//! A provider's public keys, fetched when they are needed and kept for a while.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::ground::Time;
use crate::outgoing::Outgoing;

use super::documents::Asking;
use super::failure::Failure;
use super::jws::{Key, Unverified};

/// How long keys count before they are fetched anew, so that one that was withdrawn stops counting.
const FRESH: Duration = Duration::from_secs(3600);

/// How long it takes at least from one fetch to the next, whatever keys are asked for (T48).
const PAUSE: Duration = Duration::from_secs(60);

/// More keys than any provider has: a document with more is refused (T57).
const MOST: usize = 100;

/// The keys of one provider.
#[derive(Default)]
pub(super) struct Keys {
    state: RwLock<State>,
    fetching: Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<Key>>,
    fetched_at: Option<Time>,
    tried_at: Option<Time>,
}

impl State {
    /// Whether there is a key by which the token could be signed.
    fn knows(&self, token: &Unverified<'_>) -> bool {
        candidates(&self.keys, token).next().is_some()
    }

    /// Whether it is time to fetch the document, for a token whose key is known or not.
    fn is_due(&self, known: bool, now: Time) -> bool {
        let stale = self.fetched_at.is_none_or(|at| now >= at.plus(FRESH));
        (stale || !known) && self.tried_at.is_none_or(|at| now >= at.plus(PAUSE))
    }
}

impl Keys {
    /// Whether a key of the provider has signed the token. A name of a key that is not known is worth one look at the document. While
    /// somebody looks, whoever brings a known key goes on with what is known, and others wait for what comes of it.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the document cannot be had and no earlier one holds the key.
    pub(super) async fn have_signed(
        &self,
        token: &Unverified<'_>,
        out: &Outgoing,
        url: &Url,
        now: Time,
    ) -> Result<bool, Failure> {
        let known = self.read().knows(token);
        let alone = if known { self.fetching.try_lock().ok() } else { Some(self.fetching.lock().await) };
        if alone.is_some() {
            self.look(token, out, url, now).await?;
        }
        drop(alone);
        let keys = self.read().keys.clone();
        Ok(candidates(&keys, token).any(|key| token.is_signed_by(key)))
    }

    /// Fetches the document if it is time to. One request at a time does.
    async fn look(&self, token: &Unverified<'_>, out: &Outgoing, url: &Url, now: Time) -> Result<(), Failure> {
        let known = {
            let mut state = self.write();
            let known = state.knows(token);
            if !state.is_due(known, now) {
                let never = state.fetched_at.is_none();
                return if never { Err(Failure::Unavailable("keys: could not be fetched a moment ago".into())) } else { Ok(()) };
            }
            state.tried_at = Some(now);
            known
        };
        match fetch(out, url).await {
            Ok(keys) => {
                let mut state = self.write();
                (state.keys, state.fetched_at) = (Arc::new(keys), Some(now));
            }
            // What was known goes on counting while the document cannot be had.
            Err(failure) if !known => return Err(failure),
            Err(failure) => tracing::warn!(%failure, "a provider's keys could not be fetched anew"),
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys the document holds that signatures can be checked with, asked anew.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the document cannot be had.
    pub(super) async fn count(&self, out: &Outgoing, url: &Url) -> Result<usize, Failure> {
        Ok(fetch(out, url).await?.len())
    }
}

/// The keys that the token names; where it names none, the only one there is.
fn candidates<'k>(keys: &'k [Key], token: &Unverified<'_>) -> impl Iterator<Item = &'k Key> {
    let (named, alone) = (token.key_id().map(str::to_owned), keys.len() == 1);
    keys.iter().filter(move |key| match &named {
        Some(name) => key.id.as_deref() == Some(name),
        None => alone,
    })
}

async fn fetch(out: &Outgoing, url: &Url) -> Result<Vec<Key>, Failure> {
    let document = Asking::get(url).document(out, "keys").await.map_err(|failure| Failure::Unavailable(failure.to_string()))?;
    let keys = document["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.len() > MOST {
        return Err(Failure::Unavailable(format!("keys: {} of them, more than {MOST}", keys.len())));
    }
    Ok(keys.iter().filter_map(|jwk: &Value| Key::read(jwk)).collect())
}
