//! Pairs of JSON Web Tokens: what a session gives out where keys are not asked for, and whom an access token stands for.
//!
//! A token names its session. That it is sound is the key's word ([`super::signing`]); that it counts is the row's, which is read
//! each time, so logging out, disabling and a changed password take effect at the next request (T29).

use crate::ground::{Error, Message, Result, Time};

use super::sessions::{self, Caller, Opened};
use super::signing::{Fault, Generation, Minted};
use super::{Auth, UserId, old_system};

/// What a session gives out.
pub struct Pair {
    /// For the next minutes.
    pub access: Minted,
    /// For the pair after this one. Nothing where a refresh token goes on as it is.
    pub refresh: Option<Minted>,
}

/// The pair of a session in its present generation.
///
/// # Errors
/// Those of the database.
pub async fn of(auth: &Auth, user: UserId, session: &Opened) -> Result<Pair> {
    let access = access(auth, user, session).await?;
    let expires_at = session.generation_at.plus(auth.settings.jwt.refresh_ttl.duration()).min(session.expires_at);
    let number = session.generation;
    let generation = Generation { user, sid: &session.sid, number, issued_at: session.generation_at, expires_at };
    Ok(Pair { access, refresh: Some(auth.signing()?.refresh(generation).await?) })
}

/// An access token alone.
///
/// # Errors
/// Those of the database.
pub async fn access(auth: &Auth, user: UserId, session: &Opened) -> Result<Minted> {
    auth.signing()?.access(user, &session.sid, session.expires_at, &session.claims).await
}

/// Whom an access token stands for.
///
/// # Errors
/// [`Error::Unauthenticated`] when it is no access token of ours, is over, or its session has ended, and those of the database.
pub async fn authenticate(auth: &Auth, token: &str) -> Result<Box<Caller>> {
    let claims = auth.signing()?.read_access(token).await.map_err(|fault| because(fault, Error::Unauthenticated))?;
    let found = match &claims.sid {
        Some(sid) => sessions::by_sid(auth, sid).await?,
        None => old_system::caller(auth, &claims).await?,
    };
    let caller = found.filter(|caller| caller.user.id == claims.user);
    let caller = caller.ok_or(Error::Unauthenticated(Message::JwtInvalid))?;
    if !caller.user.is_active {
        return Err(Error::Unauthenticated(Message::JwtUserInactive));
    }
    Ok(caller)
}

/// Why a token does not count, as an error with that message.
pub(super) fn because(fault: Fault, refuse: fn(Message) -> Error) -> Error {
    match fault {
        Fault::Expired => refuse(Message::JwtExpired),
        Fault::WrongType => refuse(Message::JwtWrongType),
        Fault::Invalid => refuse(Message::JwtInvalid),
        Fault::Failed(error) => error,
    }
}

/// Whether a token of either kind counts now. Looking at a refresh token does not use it up.
///
/// # Errors
/// [`Error::Refused`] with 401 when it is none of ours or over, [`Error::Fields`] when a refresh token is spent or its session
/// has ended, those of the database.
pub async fn verify(auth: &Auth, token: &str) -> Result<()> {
    let refused = |message| Error::Refused(401, message);
    match authenticate(auth, token).await {
        Ok(_) => Ok(()),
        Err(Error::Unauthenticated(Message::JwtWrongType)) => match super::refresh::of(auth, token).await? {
            Some(_) => Ok(()),
            None => Err(Error::non_field(Message::JwtSpent)),
        },
        Err(Error::Unauthenticated(message)) => Err(refused(message)),
        Err(other) => Err(other),
    }
}

/// A moment as answers write it: in microseconds, as the reference does.
pub fn moment(at: Time) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| String::new(), |at| format!("{at:.6}"))
}
