//! Who owns an address.
//!
//! Under mandatory verification several pending sign-ups may claim one address, each with its own password and key; only a
//! proven address is unique. Proving a sign-up's own key makes that sign-up the owner with its own password; a proof by a reset
//! sets a new password anyway. Whatever others had attached to the address before is gone (T25).
//!
//! An account that asks for another address keeps its own until the new one proves itself.

use crate::db::{self, Db, Tx};
use crate::ground::names::EmailAddress;
use crate::ground::{Error, Message, Result};
use crate::params;
use crate::settings::Verification;

use super::audit::Event;
use super::tokens::{self, Held};
use super::users::{self, User};
use super::{Auth, Client, UserId, deletion, identities, sessions};

/// Who holds an address, as [`users::by_email`] finds it: the account and its epoch, whose row is to be taken next.
///
/// # Errors
/// Those of the database.
pub async fn claimant(tx: &Tx, address: &EmailAddress) -> Result<Option<(UserId, i64)>> {
    let sql = concat!(
        "SELECT id, epoch FROM auth_users WHERE email_key = $1 ",
        "ORDER BY email_verified_at IS NULL, email_owner IS NULL, id LIMIT 1"
    );
    Ok(tx.one::<(i64, i64)>(sql, params![address.key()]).await?.map(|(id, epoch)| (UserId::from_i64(id), epoch)))
}

/// Takes the rows of everybody who claims the address, and the user's, in the order of their numbers. Whoever spends a token
/// that proves an address does this first: two proofs of one address would else wait for each other for ever. One process writes
/// to SQLite, one unit at a time.
///
/// # Errors
/// Those of the database.
pub async fn take_claims(tx: &Tx, email_key: &str, user: Option<UserId>) -> Result<()> {
    if tx.is_shared() {
        let sql = "SELECT id FROM auth_users WHERE email_key = $1 OR id = $2 ORDER BY id FOR UPDATE";
        tx.all::<(i64,)>(sql, params![email_key, user.map(UserId::as_i64)]).await?;
    }
    Ok(())
}

/// What came of a proof.
pub struct Proven {
    /// The account that owns the address now, as it was before.
    pub user: User,
    /// Whether the address is its own only now.
    pub news: bool,
    /// What is to be logged once that is safe: accounts that went.
    pub events: Vec<Event>,
}

/// Makes the token's user the owner of the address that the token was mailed to.
///
/// # Errors
/// [`Error::Refused`] with 404 when the account is gone, has another address by now, or somebody else proved this one first;
/// what a hook refuses, and those of the database.
pub async fn prove(auth: &Auth, tx: &Tx, who: &Client, held: &Held) -> Result<Proven> {
    let user = users::lock(tx, held.user, held.epoch).await?.ok_or_else(gone)?;
    let sql = "SELECT id FROM auth_users WHERE id = $1 AND email_key = $2 AND email_verified_at IS NOT NULL";
    if tx.one::<(i64,)>(sql, params![held.user.as_i64(), held.email_key.as_str()]).await?.is_some() {
        return Ok(Proven { user, news: false, events: Vec::new() });
    }
    let events = push_aside(auth, tx, who, held).await?;
    let sql = concat!(
        "UPDATE auth_users SET email_verified_at = $3, email_owner = email_key, new_email = NULL, new_email_key = NULL ",
        "WHERE id = $1 AND email_key = $2 AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.email_owner = $2 AND o.id <> $1)"
    );
    let now = auth.clock.now();
    let proven = tx.run(sql, params![held.user.as_i64(), held.email_key.as_str(), now]).await.map_err(taken)?;
    if proven != 1 {
        return Err(gone());
    }
    identities::drop_attached(tx, held.user).await?;
    if auth.settings.account.email_verification == Verification::Mandatory {
        // A session that is open without the proof is from the days when none was asked, and may be a stranger's (T25).
        sessions::end_all(tx, held.user).await?;
    }
    Ok(Proven { user, news: true, events })
}

fn gone() -> Error {
    Error::Refused(404, Message::NotFound)
}

fn taken(error: db::Error) -> Error {
    match error {
        // Two at once, and the index decided.
        db::Error::Unique(_) => gone(),
        other => other.into(),
    }
}

/// Whether the account is a pending sign-up: one of those that may claim an address side by side, into which nobody ever came. In a
/// unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn waits(tx: &Tx, user: UserId) -> Result<bool> {
    let sql =
        "SELECT id FROM auth_users WHERE id = $1 AND email_verified_at IS NULL AND email_owner IS NULL AND last_login_at IS NULL";
    Ok(tx.one::<(i64,)>(sql, params![user.as_i64()]).await?.is_some())
}

/// Forgets what a pending sign-up was filled in with, when it passes to whoever proved its address in another way than by its own key: it may
/// be a stranger's, and fields that only registration asks for could not be put right (T25). In the unit of that proof, before
/// it. An account that somebody came into, or that has the address alone, keeps all.
///
/// # Errors
/// Those of the database.
pub async fn forget_details(tx: &Tx, user: UserId) -> Result<()> {
    let sql = concat!(
        "UPDATE auth_users SET first_name = '', last_name = '', profile = '{}', language = NULL ",
        "WHERE id = $1 AND email_verified_at IS NULL AND email_owner IS NULL AND last_login_at IS NULL"
    );
    if tx.run(sql, params![user.as_i64()]).await? == 1 {
        tx.run("DELETE FROM auth_unique_values WHERE user_id = $1", params![user.as_i64()]).await?;
    }
    Ok(())
}

/// Gives an account to whoever proved its address in another way than by its own key: password, sessions, tokens and identities of
/// before are gone, and what a pending sign-up was filled in with (T25, T51). In a unit that holds the user's row, for a user whose address is not proven. The account, and what is
/// to be logged once that is safe.
///
/// # Errors
/// [`Error::Refused`] with 404 when somebody else proved the address first, what a hook refuses, and those of the database.
pub async fn take_over(auth: &Auth, tx: &Tx, who: &Client, held: &Held) -> Result<(User, Vec<Event>)> {
    let events = push_aside(auth, tx, who, held).await?;
    forget_details(tx, held.user).await?;
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, epoch = epoch + 1, password = NULL, email_verified_at = $3, ",
        "new_email = NULL, new_email_key = NULL, email_owner = email_key WHERE id = $1 AND email_key = $2 AND email_verified_at IS NULL ",
        "AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.email_owner = $2 AND o.id <> $1) RETURNING ",
        users::returned_user!()
    );
    let now = auth.clock.now();
    let user = tx.one::<User>(sql, params![held.user.as_i64(), held.email_key.as_str(), now]).await.map_err(taken)?;
    sessions::end_all(tx, held.user).await?;
    tokens::end_all(tx, held.user).await?;
    identities::drop_all(tx, held.user).await?;
    Ok((user.ok_or_else(gone)?, events))
}

/// Removes the other pending sign-ups of the address, each by the one door ([`deletion`]). An account that somebody came into, in the
/// days when an address needed no proof, is not removed, but it has the address no longer and everything open ends.
async fn push_aside(auth: &Auth, tx: &Tx, who: &Client, held: &Held) -> Result<Vec<Event>> {
    let sql = concat!(
        "SELECT id FROM auth_users WHERE email_key = $1 AND id <> $2 AND email_verified_at IS NULL AND email_owner IS NULL ",
        "AND last_login_at IS NULL ORDER BY id"
    );
    let mut events = Vec::new();
    for (id,) in tx.all::<(i64,)>(sql, params![held.email_key.as_str(), held.user.as_i64()]).await? {
        events.push(deletion::remove(auth, tx, who, UserId::from_i64(id)).await?.1);
    }
    // Did it keep the address, then it would be taken for a pending sign-up of whoever has the address next.
    let sql = concat!(
        "UPDATE auth_users SET email = NULL, email_key = NULL, email_owner = NULL, version = version + 1, epoch = epoch + 1, ",
        "new_email = NULL, new_email_key = NULL WHERE email_key = $1 AND id <> $2 AND email_verified_at IS NULL ",
        "AND (email_owner IS NOT NULL OR last_login_at IS NOT NULL)"
    );
    tx.run(sql, params![held.email_key.as_str(), held.user.as_i64()]).await?;
    Ok(events)
}

/// Notes the address that a user asks for; an earlier wish is forgotten, and its keys with it (T19). `false`: every credential
/// of that epoch has ended meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn ask_for_change(tx: &Tx, user: &User, address: &EmailAddress) -> Result<bool> {
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, new_email = $3, new_email_key = $4 ",
        "WHERE id = $1 AND epoch = $2 AND is_active = TRUE"
    );
    Ok(tx.run(sql, params![user.id.as_i64(), user.epoch, address.shown(), address.key()]).await? == 1)
}

/// The address that a user asked for and that has not proven itself yet.
///
/// # Errors
/// Those of the database.
pub async fn asked_change(db: &Db, user: UserId) -> Result<Option<EmailAddress>> {
    let sql = "SELECT new_email FROM auth_users WHERE id = $1";
    let asked = db.one::<(Option<String>,)>(sql, params![user.as_i64()]).await?.and_then(|(asked,)| asked);
    Ok(asked.and_then(|asked| EmailAddress::parse(&asked).ok()))
}

/// Gives the token's user the address that it was mailed to, in the place of the old one. The user as before, the new address, and
/// what is to be logged once that is safe.
///
/// # Errors
/// [`Error::Refused`] with 404 when the account is gone, asked for another address since, or somebody else proved this one first;
/// what a hook refuses, and those of the database.
pub async fn change(auth: &Auth, tx: &Tx, who: &Client, held: &Held) -> Result<(User, String, Vec<Event>)> {
    let before = users::lock(tx, held.user, held.epoch).await?.ok_or_else(gone)?;
    let events = push_aside(auth, tx, who, held).await?;
    let sql = concat!(
        "UPDATE auth_users SET email = new_email, email_key = new_email_key, email_owner = new_email_key, email_verified_at = $3, ",
        "new_email = NULL, new_email_key = NULL WHERE id = $1 AND new_email_key = $2 ",
        "AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.email_owner = $2 AND o.id <> $1) RETURNING email"
    );
    let now = auth.clock.now();
    let changed = tx.one::<(String,)>(sql, params![held.user.as_i64(), held.email_key.as_str(), now]).await.map_err(taken)?;
    changed.map(|(email,)| (before, email, events)).ok_or_else(gone)
}
