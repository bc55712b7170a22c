//! What an operator does to keys, while servers run: a new key is published at once and signs when everybody can know it.

use std::time::Duration;

use crate::accounts::audit::Event;
use crate::accounts::{Auth, Client};
use crate::ground::{Entropy, Error, Result, Time};
use crate::settings::Algorithm;

use super::store::{self, New, Stored};
use super::{Made, longest};

/// How long others may keep the published keys: `max-age` of the JSON document.
pub const PUBLISHED_FOR: Duration = Duration::from_secs(600);

/// How long it takes until every running process has read a new key, with room to spare.
pub const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, and signs later.
    Waiting,
    /// Signs.
    Signing,
    /// Signs no more; its tokens still count.
    Verifying,
    /// Its last token has ended.
    Over,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
            Self::Over => "over",
        }
    }
}

/// A key, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name in tokens.
    pub kid: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// What it does now.
    pub state: State,
    /// When it was made. Nothing is known of the owner's own key.
    pub created_at: Option<Time>,
    /// When it begins to sign.
    pub signs_from: Option<Time>,
    /// When its last token ends, if it has a successor.
    pub verifies_until: Option<Time>,
}

/// Why a key was not rotated or retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The settings give the key, so it is changed there.
    Owned,
    /// No setting asks for keys.
    Unused,
    /// Another process has rotated meanwhile.
    Overtaken,
    /// There is no key of that name.
    Unknown,
    /// The key has no successor.
    Last,
    /// The database or the machine failed.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The keys of the algorithm that the settings name, the oldest first.
///
/// # Errors
/// [`Refusal::Unused`], and those of the database.
pub async fn list(auth: &Auth) -> Result<Vec<KeyInfo>, Refusal> {
    let signing = auth.signing.as_ref().ok_or(Refusal::Unused)?;
    let (algorithm, now) = (signing.algorithm, auth.clock.now());
    let Some(made) = &signing.made else {
        let kid = signing.current().signer(now)?.kid.clone();
        let own = KeyInfo { kid, algorithm, state: State::Signing, created_at: None, signs_from: None, verifies_until: None };
        return Ok(vec![own]);
    };
    let rows = store::all(&made.db, algorithm).await?;
    let signer = signer(&rows, now).map(|row| row.kid.clone());
    Ok(rows.iter().map(|row| info(row, algorithm, signer.as_deref(), now)).collect())
}

/// The same choice as that of the processes that sign.
fn signer(rows: &[Stored], now: Time) -> Option<&Stored> {
    rows.iter().rev().find(|row| row.signs_from <= now.millis()).or(rows.first())
}

fn info(row: &Stored, algorithm: Algorithm, signer: Option<&str>, now: Time) -> KeyInfo {
    let state = match row.verifies_until() {
        _ if signer == Some(row.kid.as_str()) => State::Signing,
        // One that was overtaken before its time came never signs.
        _ if row.signs_from > now.millis() && row.signs_until.is_none_or(|until| until > row.signs_from) => State::Waiting,
        Some(until) if until <= now.millis() => State::Over,
        _ => State::Verifying,
    };
    KeyInfo {
        kid: row.kid.clone(),
        algorithm,
        state,
        created_at: Some(Time::from_millis(row.created_at)),
        signs_from: Some(Time::from_millis(row.signs_from)),
        verifies_until: row.verifies_until().map(Time::from_millis),
    }
}

/// Makes a key and publishes it at once. It signs after [`PUBLISHED_FOR`], when no copy of the published keys is without it; or,
/// with `now`, after [`KNOWN_AFTER`], when every process of ours has it. Tokens of the keys before it count until they end.
///
/// # Errors
/// [`Refusal`], and those of the database.
pub async fn rotate(auth: &Auth, now: bool) -> Result<KeyInfo, Refusal> {
    let signing = auth.signing.as_ref().ok_or(Refusal::Unused)?;
    let made = signing.made.as_ref().ok_or(Refusal::Owned)?;
    let (algorithm, longest) = (signing.algorithm, longest(&auth.settings));
    let new = New::make(algorithm, &made.seal, &auth.entropy, longest)?;
    let newest = store::all(&made.db, algorithm).await?.last().map_or(0, |row| row.number);
    let at = auth.clock.now();
    let signs_from = at.plus(if now { KNOWN_AFTER } else { PUBLISHED_FOR });
    let (kid, event) = (new.kid.clone(), event("key.rotated", &new.kid));
    let row = event.clone();
    let inserted = auth
        .db
        .unit(move |tx| async move {
            store::keep_up(&tx, longest, at).await?;
            // The number is taken: of two that rotate at once, one does.
            let inserted = new.insert(&tx, newest + 1, at, signs_from).await?;
            if inserted {
                row.record(&tx, at, &Client::command_line()).await?;
            }
            Ok::<_, Error>(inserted)
        })
        .await?;
    if !inserted {
        return Err(Refusal::Overtaken);
    }
    event.log(&Client::command_line());
    let (state, times) = (State::Waiting, (Some(at), Some(signs_from)));
    Ok(KeyInfo { kid, algorithm, state, created_at: times.0, signs_from: times.1, verifies_until: None })
}

/// Ends a key: its tokens count no more, in every process within a second. If its successor was still waiting, it signs at once.
///
/// # Errors
/// [`Refusal`]; the key without a successor cannot be ended.
pub async fn retire(auth: &Auth, kid: &str) -> Result<(), Refusal> {
    let signing = auth.signing.as_ref().ok_or(Refusal::Unused)?;
    let made = signing.made.as_ref().ok_or(Refusal::Owned)?;
    let (algorithm, at, name) = (signing.algorithm, auth.clock.now(), kid.to_owned());
    let event = event("key.retired", kid);
    let row = event.clone();
    let removed = auth
        .db
        .unit(move |tx| async move {
            let removed = store::remove(&tx, algorithm, &name).await?;
            if removed {
                row.record(&tx, at, &Client::command_line()).await?;
            }
            Ok::<_, Error>(removed)
        })
        .await?;
    if removed {
        event.log(&Client::command_line());
        return Ok(());
    }
    let is_there = store::all(&made.db, algorithm).await?.iter().any(|row| row.kid == kid);
    Err(if is_there { Refusal::Last } else { Refusal::Unknown })
}

fn event(name: &'static str, kid: &str) -> Event {
    Event::of_installation(name).with("kid", kid)
}

/// The keys of the database, where the first is made if there is none. Of several processes that start at once one makes it, and
/// the others take it.
pub(super) async fn first(made: &Made, algorithm: Algorithm, longest: i64, now: Time, entropy: &Entropy) -> Result<Vec<Stored>> {
    let rows = store::all(&made.db, algorithm).await?;
    let new = if rows.is_empty() { Some(New::make(algorithm, &made.seal, entropy, longest)?) } else { None };
    made.db
        .unit(move |tx| async move {
            store::keep_up(&tx, longest, now).await?;
            if let Some(new) = new {
                new.insert(&tx, 1, now, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    store::all(&made.db, algorithm).await
}
