//! Rows of `auth_jobs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::accounts::UserId;
use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::{Error, Result, Time};
use crate::mail::templates::Kind;
use crate::params;

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct Job {
    /// Names the row.
    pub id: i64,
    /// What it is about.
    pub kind: Kind,
    /// To whom, where that is known already.
    pub user: Option<UserId>,
    /// What else is known.
    pub params: Value,
    /// When it was asked for.
    pub created_at: Time,
    /// How often it was tried before.
    pub attempts: i64,
}

impl FromRow for Job {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let word: String = row.get(1)?;
        Ok(Self {
            id: row.get(0)?,
            kind: Kind::from_name(&word).ok_or_else(|| db::Error::Other(format!("a mail of unknown kind {word:?}")))?,
            user: row.get::<Option<i64>>(2)?.map(UserId::from_i64),
            params: row.get(3)?,
            created_at: Time::from_millis(row.get(4)?),
            attempts: row.get(5)?,
        })
    }
}

/// Asks for a mail to a user, in the unit of its cause.
///
/// # Errors
/// Those of the database.
pub async fn ask(tx: &Tx, kind: Kind, user: UserId, now: Time) -> Result<()> {
    insert(tx, kind, Some(user), &json!({}), now).await
}

/// Asks for a mail to a user that says more than its kind; `params` must hold no secret.
///
/// # Errors
/// Those of the database.
pub async fn ask_with(tx: &Tx, kind: Kind, user: UserId, params: &Value, now: Time) -> Result<()> {
    insert(tx, kind, Some(user), params, now).await
}

/// Asks for a mail to an address, whoever has it.
///
/// # Errors
/// Those of the database.
pub async fn ask_for_address(tx: &Tx, kind: Kind, address: &str, now: Time) -> Result<()> {
    insert(tx, kind, None, &json!({ "email": address }), now).await
}

async fn insert(tx: &Tx, kind: Kind, user: Option<UserId>, params: &Value, now: Time) -> Result<()> {
    let sql = "INSERT INTO auth_jobs (kind, user_id, params, created_at, run_at) VALUES ($1, $2, $3::jsonb, $4, $4)";
    tx.run(sql, params![kind.name(), user.map(UserId::as_i64), params, now]).await?;
    Ok(())
}

/// Whether any mail is due: a look that locks nothing.
///
/// # Errors
/// Those of the database.
pub async fn is_due(db: &Db, now: Time) -> Result<bool> {
    let sql =
        "SELECT id FROM auth_jobs WHERE given_up_at IS NULL AND run_at <= $1 AND leased_until <= $1 ORDER BY run_at LIMIT 1";
    Ok(db.one::<(i64,)>(sql, params![now]).await?.is_some())
}

/// Takes up to `limit` mails that are due, for as long as `lease` lasts. Two processes never take the same one.
///
/// # Errors
/// Those of the database.
pub async fn claim(db: &Db, owner: &str, limit: i64, lease: Duration, now: Time) -> Result<Vec<Job>> {
    // Where several processes may claim, they must not wait for each other's rows.
    let sql = if db.is_shared() { CLAIM_SHARED } else { CLAIM };
    let (owner, until) = (owner.to_owned(), now.plus(lease));
    db.unit(move |tx| async move { Ok::<_, Error>(tx.all(sql, params![&owner, until, now, limit]).await?) }).await
}

macro_rules! claim {
    ($suffix:literal) => {
        concat!(
            "UPDATE auth_jobs SET lease = $1, leased_until = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM auth_jobs ",
            "WHERE given_up_at IS NULL AND run_at <= $3 AND leased_until <= $3 ORDER BY run_at, id LIMIT $4",
            $suffix,
            ") RETURNING id, kind, user_id, params, created_at, attempts - 1"
        )
    };
}

const CLAIM: &str = claim!("");
const CLAIM_SHARED: &str = claim!(" FOR UPDATE SKIP LOCKED");

/// Forgets a mail that was sent, or is not to be sent any more.
///
/// # Errors
/// Those of the database.
pub async fn done(db: &Db, owner: &str, id: i64) -> Result<()> {
    let owner = owner.to_owned();
    db.unit(move |tx| async move {
        tx.run("DELETE FROM auth_jobs WHERE id = $1 AND lease = $2", params![id, &owner]).await?;
        Ok(())
    })
    .await
}

/// Puts a mail back until later, with the reason.
///
/// # Errors
/// Those of the database.
pub async fn later(db: &Db, owner: &str, id: i64, run_at: Time, why: &str) -> Result<()> {
    let (owner, why) = (owner.to_owned(), why.to_owned());
    db.unit(move |tx| async move {
        let sql = "UPDATE auth_jobs SET run_at = $3, leased_until = 0, lease = NULL, error = $4 WHERE id = $1 AND lease = $2";
        tx.run(sql, params![id, &owner, run_at, &why]).await?;
        Ok(())
    })
    .await
}

/// Gives a mail up: it stays visible, and can be queued again.
///
/// # Errors
/// Those of the database.
pub async fn give_up(db: &Db, owner: &str, id: i64, why: &str, now: Time) -> Result<()> {
    let (owner, why) = (owner.to_owned(), why.to_owned());
    db.unit(move |tx| async move {
        let sql =
            "UPDATE auth_jobs SET given_up_at = $3, lease = NULL, leased_until = 0, error = $4 WHERE id = $1 AND lease = $2";
        tx.run(sql, params![id, &owner, now, &why]).await?;
        Ok(())
    })
    .await
}

/// Gives back what a process has claimed and not answered, so that others need not wait for the end of its lease.
///
/// # Errors
/// Those of the database.
pub async fn hand_back(db: &Db, owner: &str) -> Result<()> {
    let owner = owner.to_owned();
    db.unit(move |tx| async move {
        tx.run("UPDATE auth_jobs SET lease = NULL, leased_until = 0 WHERE lease = $1", params![&owner]).await?;
        Ok(())
    })
    .await
}
