//! What a token says, for a service that must know now and cannot wait for the token's end (RFC 7662).

use serde_json::{Value, json};

use crate::accounts::sessions::{self, Caller};
use crate::accounts::signing::Claims;
use crate::accounts::{Auth, pairs, refresh};
use crate::ground::{Error, Result, Secret, Time};
use crate::settings::TokenMode;

/// The answer of RFC 7662 §2.2. A token that does not count, that nobody gave out, or that is somebody else's where whoever asks
/// is no staff, is answered alike: it would tell who is there.
///
/// # Errors
/// Those of the database.
pub(super) async fn introspect(auth: &Auth, asks: &Caller, token: &Secret) -> Result<Value> {
    let inactive = json!({ "active": false });
    let Some((of, kind, claims)) = find(auth, token).await? else { return Ok(inactive) };
    if of.user.id != asks.user.id && !asks.user.is_staff {
        return Ok(inactive);
    }
    let mut answer = json!({
        "active": true,
        "token_type": kind,
        "sub": of.user.id.to_string(),
        "username": of.user.username.or(of.user.email),
        // A token of the system before this one names no session.
        "sid": Some(of.session.sid).filter(|sid| !sid.is_empty()),
        "iat": seconds(claims.as_ref().map_or(of.session.created_at, |claims| claims.issued_at)),
    });
    if let Some(claims) = claims {
        answer["exp"] = seconds(claims.expires_at).into();
        answer["jti"] = claims.jti.into();
        answer["iss"] = auth.settings.jwt.issuer.clone().into();
        answer["aud"] = auth.settings.jwt.audience.clone().into();
    }
    if let Value::Object(members) = &mut answer {
        members.retain(|_, value| !value.is_null());
    }
    Ok(answer)
}

/// Whom the token stands for, as which kind of token, and what it says.
async fn find(auth: &Auth, token: &Secret) -> Result<Option<(Box<Caller>, &'static str, Option<Claims>)>> {
    if auth.settings.tokens.mode == TokenMode::Opaque {
        return Ok(counts(sessions::authenticate(auth, token).await)?.map(|caller| (caller, "key", None)));
    }
    if let Some(caller) = counts(pairs::authenticate(auth, token.expose()).await)? {
        return Ok(auth
            .signing()?
            .read_access(token.expose())
            .await
            .ok()
            .map(|claims| (caller, "access", Some((*claims).clone()))));
    }
    let found = counts(refresh::of(auth, token.expose()).await)?.flatten();
    Ok(found.map(|(caller, claims)| (caller, "refresh", Some(claims))))
}

fn counts<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::Unauthenticated(_) | Error::Refused(..)) => Ok(None),
        Err(other) => Err(other),
    }
}

fn seconds(at: Time) -> i64 {
    at.millis().div_euclid(1000)
}
