//! What has ended is removed in batches, so that no write waits long for it.

use std::time::Duration;

use crate::db::Db;
use crate::ground::{Error, Result, Time, meters};
use crate::params;

use super::Auth;

/// The most rows that one unit removes or looks at.
const BATCH: i64 = 500;

/// The most units of one kind in one round; what is left waits for the next.
const ROUNDS: usize = 200;

/// How often a service keeps house.
pub const EVERY: Duration = Duration::from_secs(60);

/// Every how many rounds all sessions are looked through for idle ones. They count for nothing meanwhile.
pub const ROUNDS_BETWEEN_WALKS: u64 = 60;

/// What one round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Sessions past their absolute end.
    pub expired: u64,
    /// Counters whose window is over.
    pub counters: u64,
    /// What people began with providers and did not finish.
    pub begun: u64,
    /// One-time tokens past their end.
    pub tokens: u64,
}

/// Writes down which sessions were used, then removes what has ended.
///
/// # Errors
/// Those of the database.
pub async fn keep_house(auth: &Auth) -> Result<Removed> {
    auth.last_seen.flush(&auth.db).await?;
    let now = auth.clock.now();
    let removed = Removed {
        expired: expired(&auth.db, now).await?,
        counters: counters(&auth.db, now).await?,
        begun: begun(&auth.db, now).await?,
        tokens: tokens(&auth.db, now).await?,
    };
    spent_tokens(&auth.db, now).await?;
    Ok(removed)
}

/// Removes the sessions that nobody used for too long. How many those were.
///
/// # Errors
/// Those of the database.
pub async fn remove_idle_sessions(auth: &Auth) -> Result<u64> {
    let removed = idle_sessions(&auth.db, auth.clock.now().minus(auth.settings.tokens.idle_ttl.duration())).await?;
    count_ended("idle", removed);
    Ok(removed)
}

macro_rules! remove {
    ($table:literal, $key:literal, $ends:literal, $suffix:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $ends,
            " <= $1 LIMIT $2",
            $suffix,
            ")"
        )
    };
}

// Where several processes write, a row that somebody holds is left for the next round: waiting for it could end in a deadlock.
async fn expired(db: &Db, now: Time) -> Result<u64> {
    let alone = remove!("auth_sessions", "key_hash", "expires_at", "");
    let shared = remove!("auth_sessions", "key_hash", "expires_at", " FOR UPDATE SKIP LOCKED");
    let removed = in_batches(db, if db.is_shared() { shared } else { alone }, now).await?;
    count_ended("expired", removed);
    Ok(removed)
}

fn count_ended(why: &'static str, removed: u64) {
    metrics::counter!(meters::SESSIONS_ENDED, "why" => why).increment(removed);
    metrics::counter!(meters::REMOVED, "what" => "sessions").increment(removed);
}

async fn counters(db: &Db, now: Time) -> Result<u64> {
    let alone = remove!("auth_limits", "bucket", "ends_at", "");
    let shared = remove!("auth_limits", "bucket", "ends_at", " FOR UPDATE SKIP LOCKED");
    let removed = in_batches(db, if db.is_shared() { shared } else { alone }, now).await?;
    metrics::counter!(meters::REMOVED, "what" => "limits").increment(removed);
    Ok(removed)
}

/// These rows count for nothing any more, and nothing waits for them.
async fn begun(db: &Db, now: Time) -> Result<u64> {
    let (mut total, shared) = (0, db.is_shared());
    for (alone, together) in [
        (
            remove!("auth_social_flows", "state_hash", "expires_at", ""),
            remove!("auth_social_flows", "state_hash", "expires_at", " FOR UPDATE SKIP LOCKED"),
        ),
        (
            remove!("auth_social_codes", "hash", "expires_at", ""),
            remove!("auth_social_codes", "hash", "expires_at", " FOR UPDATE SKIP LOCKED"),
        ),
        (
            remove!("auth_social_pending", "hash", "expires_at", ""),
            remove!("auth_social_pending", "hash", "expires_at", " FOR UPDATE SKIP LOCKED"),
        ),
        (
            remove!("auth_social_used", "hash", "expires_at", ""),
            remove!("auth_social_used", "hash", "expires_at", " FOR UPDATE SKIP LOCKED"),
        ),
    ] {
        total += in_batches(db, if shared { together } else { alone }, now).await?;
    }
    metrics::counter!(meters::REMOVED, "what" => "social").increment(total);
    Ok(total)
}

async fn tokens(db: &Db, now: Time) -> Result<u64> {
    let alone = remove!("auth_tokens", "hash", "expires_at", "");
    let shared = remove!("auth_tokens", "hash", "expires_at", " FOR UPDATE SKIP LOCKED");
    let removed = in_batches(db, if db.is_shared() { shared } else { alone }, now).await?;
    metrics::counter!(meters::REMOVED, "what" => "tokens").increment(removed);
    Ok(removed)
}

/// What is over cannot be used again anyway.
async fn spent_tokens(db: &Db, now: Time) -> Result<u64> {
    let alone = remove!("auth_spent_tokens", "hash", "expires_at", "");
    let shared = remove!("auth_spent_tokens", "hash", "expires_at", " FOR UPDATE SKIP LOCKED");
    let removed = in_batches(db, if db.is_shared() { shared } else { alone }, now).await?;
    metrics::counter!(meters::REMOVED, "what" => "spent_tokens").increment(removed);
    Ok(removed)
}

async fn in_batches(db: &Db, sql: &'static str, before: Time) -> Result<u64> {
    let mut total = 0;
    for _ in 0..ROUNDS {
        let removed =
            db.unit(move |tx| async move { Ok::<_, Error>(tx.run(sql, params![before.millis(), BATCH]).await?) }).await?;
        total += removed;
        if removed < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(total)
}

/// Walks all sessions by their key: an index on the last use would cost every flush more than this costs once.
async fn idle_sessions(db: &Db, before: Time) -> Result<u64> {
    let (mut total, mut cursor) = (0, Vec::new());
    loop {
        let sql = "SELECT key_hash, last_seen_at FROM auth_sessions WHERE key_hash > $1 ORDER BY key_hash LIMIT $2";
        let rows = db.all::<(Vec<u8>, i64)>(sql, params![cursor.as_slice(), BATCH]).await?;
        let Some((last, _)) = rows.last() else { return Ok(total) };
        cursor.clone_from(last);
        let idle: Vec<Vec<u8>> = rows.into_iter().filter(|(_, seen)| *seen <= before.millis()).map(|(key, _)| key).collect();
        if !idle.is_empty() {
            total += remove(db, idle, before).await?;
        }
    }
}

async fn remove(db: &Db, keys: Vec<Vec<u8>>, before: Time) -> Result<u64> {
    db.unit(move |tx| async move {
        let mut removed = 0;
        for key in &keys {
            // Guarded: the session may have been used since it was read.
            let sql = "DELETE FROM auth_sessions WHERE key_hash = $1 AND last_seen_at <= $2";
            removed += tx.run(sql, params![key.as_slice(), before.millis()]).await?;
        }
        Ok(removed)
    })
    .await
}
