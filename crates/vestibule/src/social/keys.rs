//! A provider's public keys, fetched when they are needed and kept for a while.

use std::sync::Arc;
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
pub(super) struct Keys(Mutex<State>);

#[derive(Default)]
struct State {
    keys: Arc<Vec<Key>>,
    fetched_at: Option<Time>,
    tried_at: Option<Time>,
}

impl Keys {
    /// Whether a key of the provider has signed the token. A name of a key that is not known is worth one look at the document.
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
        let mut state = self.0.lock().await;
        let stale = state.fetched_at.is_none_or(|at| now >= at.plus(FRESH));
        let known = candidates(&state.keys, token).next().is_some();
        let rested = state.tried_at.is_none_or(|at| now >= at.plus(PAUSE));
        if (stale || !known) && rested {
            state.tried_at = Some(now);
            match fetch(out, url).await {
                Ok(keys) => (state.keys, state.fetched_at) = (Arc::new(keys), Some(now)),
                // What was known goes on counting while the document cannot be had.
                Err(failure) if !known => return Err(failure),
                Err(failure) => tracing::warn!(%failure, "a provider's keys could not be fetched anew"),
            }
        } else if state.fetched_at.is_none() {
            return Err(Failure::Unavailable("keys: could not be fetched a moment ago".into()));
        }
        let keys = state.keys.clone();
        drop(state);
        Ok(candidates(&keys, token).any(|key| token.is_signed_by(key)))
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
