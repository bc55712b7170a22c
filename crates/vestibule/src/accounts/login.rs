//! The login door. Every way in ends in [`finish`]; what is still owed is decided there.

use crate::db::Tx;
use crate::ground::{Error, Message, Result, Secret, meters};
use crate::settings::Verification;

use super::audit::Event;
use super::limits::{self, Action, Reservation};
use super::passwords::Verdict;
use super::sessions::{self, Method, Opened, Opening};
use super::users::{self, User, UserWithPassword};
use super::{Auth, Client, UserId};

/// What a login gives.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The user who is in now.
    pub user: User,
    /// The new session with what opens it. How that is answered depends on the settings; `http::granted` does it.
    pub session: Opened,
    /// How it was opened.
    pub method: Method,
    /// The event to log once the unit is safe.
    pub event: Event,
}

/// Opens a session: the only function that does. The epoch is the one that was read with the proof, so a proof that was
/// overtaken by a change of password or a disabling opens nothing.
///
/// # Errors
/// The one answer to a failed login when the epoch has moved or the account is disabled; [`Message::EmailNotVerified`] where
/// that is owed; those of the database.
pub async fn finish(auth: &Auth, tx: &Tx, who: &Client, id: UserId, epoch: i64, method: Method) -> Result<Granted> {
    let cookie = auth.settings.session_cookie() || who.on_page;
    enter(auth, tx, (id, epoch), &Opening { who, method, now: auth.clock.now(), cookie }).await
}

/// The same for whoever signs in on a page of ours: the browser gets a session cookie whatever the settings say, and nothing
/// else (see `http::granted_on_page`).
///
/// # Errors
/// As [`finish`].
pub async fn finish_on_page(auth: &Auth, tx: &Tx, who: &Client, id: UserId, epoch: i64, method: Method) -> Result<Granted> {
    enter(auth, tx, (id, epoch), &Opening { who, method, now: auth.clock.now(), cookie: true }).await
}

/// By which door somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// An endpoint: what is given out follows the settings.
    Endpoint,
    /// A page of ours: the browser gets a session cookie.
    Page,
}

impl Door {
    /// [`finish`] or [`finish_on_page`].
    ///
    /// # Errors
    /// As [`finish`].
    pub async fn finish(self, auth: &Auth, tx: &Tx, who: &Client, (id, epoch): (UserId, i64), method: Method) -> Result<Granted> {
        match self {
            Self::Endpoint => finish(auth, tx, who, id, epoch, method).await,
            Self::Page => finish_on_page(auth, tx, who, id, epoch, method).await,
        }
    }
}

async fn enter(auth: &Auth, tx: &Tx, (id, epoch): (UserId, i64), opening: &Opening<'_>) -> Result<Granted> {
    let user = users::lock(tx, id, epoch).await?.ok_or_else(|| Error::non_field(Message::LoginFailed))?;
    owed(auth, &user)?;
    auth.hooks.before_login(tx, &user).await?;
    users::came_in(tx, user.id, opening.now).await?;
    let session = sessions::open(auth, tx, &user, opening).await?;
    let event = Event::about(user.id, "session.opened").with("sid", session.sid.as_str()).with("method", opening.method.as_str());
    event.record(tx, opening.now, opening.who).await?;
    Ok(Granted { user, session, method: opening.method, event })
}

/// What is owed before a session may open.
fn owed(auth: &Auth, user: &User) -> Result<()> {
    if auth.settings.account.email_verification == Verification::Mandatory && !user.email_verified {
        return Err(Error::non_field(Message::EmailNotVerified));
    }
    Ok(())
}

/// Whether [`finish`] would open a session, for a way in that ends in a second request.
///
/// # Errors
/// As [`finish`].
pub async fn would_finish(auth: &Auth, tx: &Tx, id: UserId, epoch: i64) -> Result<()> {
    let user = users::lock(tx, id, epoch).await?.ok_or_else(|| Error::non_field(Message::LoginFailed))?;
    owed(auth, &user)
}

/// A password that was right.
pub struct Proof {
    /// Whose it is.
    pub user: User,
    stored: String,
    stale: bool,
    reserved: Reservation,
}

/// Whether the password is the account's. Exactly one hash is computed whatever the account is (T09), and the try is
/// counted before that (T68).
///
/// `name` is the canonical form of what was typed, by which tries at unknown accounts are counted.
///
/// # Errors
/// [`Error::Limited`] after too many tries, `failed` when the password is wrong or the account is unknown, disabled or has
/// no password, [`Error::Unavailable`] when the hashing queue is full, those of the database.
pub async fn prove(
    auth: &Auth,
    who: &Client,
    found: Option<UserWithPassword>,
    name: &str,
    password: &Secret,
    failed: Error,
) -> Result<Proof> {
    let account = match &found {
        Some(UserWithPassword { user, .. }) => {
            let known = who.device.as_ref().and_then(|device| device.counter(user));
            known.unwrap_or_else(|| format!("user:{}", user.id))
        }
        None => format!("name:{name}"),
    };
    let reserved = limits::reserve(auth, Action::LoginFailed, who, Some(&account)).await?;
    let id = found.as_ref().map(|found| found.user.id);
    let candidate = found.filter(|found| found.user.is_active && found.password.is_some());
    let stored = candidate.as_ref().and_then(|found| found.password.clone());
    let verdict = match auth.hasher.verify(password.clone(), stored.clone()).await {
        Ok(verdict) => verdict,
        Err(busy) => {
            reserved.give_back(auth).await?;
            return Err(busy);
        }
    };
    match (candidate, stored, verdict) {
        (Some(found), Some(stored), Verdict { matches: true, stale }) => Ok(Proof { user: found.user, stored, stale, reserved }),
        _ => {
            failure(auth, who, id, &reserved).await?;
            Err(failed)
        }
    }
}

/// Tells of a failed try; the try that uses up an account's allowance is the one that tells of the lock (T68).
async fn failure(auth: &Auth, who: &Client, id: Option<UserId>, reserved: &Reservation) -> Result<()> {
    metrics::counter!(meters::EVENTS, "event" => "login.failed").increment(1);
    tracing::info!(
        target: "vestibule::audit", event = "login.failed", user = id.map(UserId::as_i64), ip = who.ip_text(), request_id = %who.request_id, "audit"
    );
    let Some(id) = id.filter(|_| reserved.was_last()) else { return Ok(()) };
    let (now, sender) = (auth.clock.now(), who.clone());
    let event = Event::about(id, "login.locked");
    let row = event.clone();
    auth.db.unit(move |tx| async move { row.record(&tx, now, &sender).await }).await?;
    event.log(who);
    Ok(())
}

impl Proof {
    /// Gives the reserved try back: a right password is no failure.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settle(&self, auth: &Auth) -> Result<()> {
        self.reserved.give_back(auth).await
    }

    /// As [`Proof::settle`], in the unit that opens the session; [`Proof::settled`] follows once that is safe.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settle_in(&self, tx: &Tx) -> Result<()> {
        self.reserved.give_back_in(tx).await
    }

    /// The part of [`Proof::settle_in`] that no unit can undo.
    pub fn settled(&self, auth: &Auth) {
        self.reserved.forget_addresses(auth);
    }

    /// Replaces a hash of old parameters (T05). A failure costs nothing but a warning: the old hash still counts.
    pub async fn refresh_hash(&self, auth: &Auth, password: &Secret) {
        if !self.stale {
            return;
        }
        if let Err(error) = self.rehash(auth, password).await {
            tracing::warn!(user = self.user.id.as_i64(), ?error, "a password hash with old parameters could not be replaced");
        }
    }

    async fn rehash(&self, auth: &Auth, password: &Secret) -> Result<()> {
        let new = auth.hasher.hash(password.clone()).await?;
        let (id, old) = (self.user.id, self.stored.clone());
        auth.db.unit(move |tx| async move { users::rehash(&tx, id, &old, &new).await }).await?;
        Ok(())
    }
}
