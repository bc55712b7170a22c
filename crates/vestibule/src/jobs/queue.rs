//! The outbox for whoever runs the service: what waits, what was given up, and what to do about it. All of it works while
//! servers send.

use std::time::Duration;

use serde_json::Value;

use crate::accounts::{Auth, UserId};
use crate::db::{self, FromRow, Row};
use crate::ground::{Error, Result, Time, meters};
use crate::params;

/// A mail in the outbox.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Names it.
    pub id: i64,
    /// What it is about: `password_reset` and so on.
    pub kind: String,
    /// To whom, where that is known already.
    pub user: Option<UserId>,
    /// The address that it was asked for, where it was asked for by address.
    pub address: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it is tried next.
    pub run_at: Time,
    /// How often it was tried.
    pub attempts: i64,
    /// Until when a process holds it to send it; in the past when none does.
    pub leased_until: Time,
    /// When it was given up, if it was.
    pub given_up_at: Option<Time>,
    /// What went wrong last.
    pub error: Option<String>,
}

impl FromRow for Queued {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let params: Value = row.get(3)?;
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            user: row.get::<Option<i64>>(2)?.map(UserId::from_i64),
            address: params["email"].as_str().map(str::to_owned),
            created_at: Time::from_millis(row.get(4)?),
            run_at: Time::from_millis(row.get(5)?),
            attempts: row.get(6)?,
            leased_until: Time::from_millis(row.get(7)?),
            given_up_at: row.get::<Option<i64>>(8)?.map(Time::from_millis),
            error: row.get(9)?,
        })
    }
}

/// The oldest mails, those that were given up among them.
///
/// # Errors
/// Those of the database.
pub async fn list(auth: &Auth, limit: i64) -> Result<Vec<Queued>> {
    let sql = concat!(
        "SELECT id, kind, user_id, params, created_at, run_at, attempts, leased_until, given_up_at, error ",
        "FROM auth_jobs ORDER BY id LIMIT $1"
    );
    Ok(auth.db.all(sql, params![limit]).await?)
}

/// Queues a mail anew, as if it had been asked for now. Whether there is one of that number that nobody is sending at the moment.
///
/// # Errors
/// Those of the database.
pub async fn requeue(auth: &Auth, id: i64) -> Result<bool> {
    let sql = concat!(
        "UPDATE auth_jobs SET given_up_at = NULL, created_at = $2, run_at = $2, attempts = 0, lease = NULL, leased_until = 0, error = NULL ",
        "WHERE id = $1 AND leased_until <= $2"
    );
    change(auth, sql, id).await
}

/// Forgets a mail. Whether there is one of that number that nobody is sending at the moment.
///
/// # Errors
/// Those of the database.
pub async fn forget(auth: &Auth, id: i64) -> Result<bool> {
    change(auth, "DELETE FROM auth_jobs WHERE id = $1 AND leased_until <= $2", id).await
}

async fn change(auth: &Auth, sql: &'static str, id: i64) -> Result<bool> {
    let now = auth.clock.now();
    auth.db.unit(move |tx| async move { Ok::<_, Error>(tx.run(sql, params![id, now]).await? == 1) }).await
}

/// The numbers of the mails that were given up, the oldest first.
///
/// # Errors
/// Those of the database.
pub async fn given_up(auth: &Auth) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM auth_jobs WHERE given_up_at IS NOT NULL ORDER BY id";
    Ok(auth.db.all::<(i64,)>(sql, params![]).await?.into_iter().map(|(id,)| id).collect())
}

/// How often [`measure`] is worth its query.
pub const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// Tells the gauges how long the outbox is and how old its oldest mail.
///
/// # Errors
/// Those of the database.
pub async fn measure(auth: &Auth) -> Result<()> {
    let sql = "SELECT count(*), MIN(created_at) FROM auth_jobs WHERE given_up_at IS NULL";
    let (waiting, oldest) = auth.db.one::<(i64, Option<i64>)>(sql, params![]).await?.unwrap_or_default();
    let sql = "SELECT count(*) FROM auth_jobs WHERE given_up_at IS NOT NULL";
    let (given_up,) = auth.db.one::<(i64,)>(sql, params![]).await?.unwrap_or_default();
    let age = oldest.map_or(Duration::ZERO, |oldest| Time::from_millis(oldest).until(auth.clock.now()));
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; nobody has 2^53 mails")]
    let [waiting, given_up] = [waiting, given_up].map(|count| count as f64);
    metrics::gauge!(meters::MAIL_QUEUE, "state" => "waiting").set(waiting);
    metrics::gauge!(meters::MAIL_QUEUE, "state" => "given_up").set(given_up);
    metrics::gauge!(meters::MAIL_OLDEST).set(age.as_secs_f64());
    Ok(())
}
