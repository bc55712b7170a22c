//! The tokens of providers, where the settings keep them (`store_tokens`): encrypted with a key that is not in the database, bound to
//! their identity, and gone with it (T80).

use serde::{Deserialize, Serialize};

use crate::accounts::{Auth, UserId, identities};
use crate::ground::{Error, Result, Secret, Time};
use crate::social::exchange::Tokens;
use crate::social::{Person, Provider};

/// What a provider gave at the last login with it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// With which the provider is asked.
    pub access: Option<Secret>,
    /// With which a new one is had.
    pub refresh: Option<Secret>,
    /// Until when the access token counts, as far as the provider says.
    pub expires_at: Option<Time>,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// In seconds.
    expires_at: Option<i64>,
}

/// The tokens as the row holds them; `None` where the settings do not keep them.
pub(super) fn seal(auth: &Auth, provider: &Provider, person: &Person, tokens: &Tokens) -> Result<Option<Vec<u8>>> {
    if !provider.settings.store_tokens {
        return Ok(None);
    }
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let now = auth.clock.now().millis() / 1000;
    let plain = Plain {
        access_token: text(&tokens.access),
        refresh_token: text(&tokens.refresh),
        expires_at: tokens.expires_in.map(|seconds| now.saturating_add(seconds)),
    };
    let plain = serde_json::to_vec(&plain).map_err(|error| Error::internal(error.to_string()))?;
    auth.social.seal.seal(&auth.entropy, &place(&person.issuer, &person.subject), &plain).map(Some)
}

/// The tokens that are kept of an identity of that account, for a host that asks the provider itself. The identities are those of
/// [`super::connections::list`].
///
/// # Errors
/// [`Error::Internal`] when they were sealed with another `secret_key`; those of the database.
pub async fn tokens(auth: &Auth, user: UserId, id: i64) -> Result<Option<Kept>> {
    let Some((issuer, subject, sealed)) = identities::tokens(&auth.db, user, id).await? else { return Ok(None) };
    let plain = auth.social.seal.open(&place(&issuer, &subject), &sealed)?;
    let plain: Plain = serde_json::from_slice(&plain).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Some(Kept {
        access: plain.access_token.map(Secret::from),
        refresh: plain.refresh_token.map(Secret::from),
        expires_at: plain.expires_at.map(|seconds| Time::from_millis(seconds.saturating_mul(1000))),
    }))
}

fn place(issuer: &str, subject: &str) -> String {
    format!("{issuer}\0{subject}")
}
