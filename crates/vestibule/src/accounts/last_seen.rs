//! When sessions were last used, kept in memory and written down at most once a minute: a read costs no write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::db::Db;
use crate::ground::{Result, Time};
use crate::params;

use super::sessions::Session;

/// How far the database may lag behind.
pub const LAG: Duration = Duration::from_secs(60);

/// The most sessions that one unit writes down, so that other writes are not kept waiting.
const BATCH: usize = 1_000;

const SHARDS: usize = 16;

/// The sessions that were used since they were last written down.
pub struct LastSeen {
    shards: [Mutex<HashMap<String, Time>>; SHARDS],
}

impl Default for LastSeen {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl LastSeen {
    fn shard(&self, sid: &str) -> &Mutex<HashMap<String, Time>> {
        // Random and our own choice, so the end of it spreads evenly.
        let end = sid.bytes().rev().take(4).fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        &self.shards[end % SHARDS]
    }

    /// Notes that the session was used now, unless what is written down is fresh enough.
    pub fn touch(&self, session: &Session, now: Time) {
        if now < session.last_seen_at.plus(LAG) {
            return;
        }
        let mut shard = self.shard(&session.sid).lock().unwrap_or_else(PoisonError::into_inner);
        match shard.get_mut(&session.sid) {
            Some(seen) => *seen = now,
            None => {
                shard.insert(session.sid.clone(), now);
            }
        }
    }

    /// When the session was last used, if that is not written down yet.
    pub fn of(&self, sid: &str) -> Option<Time> {
        self.shard(sid).lock().unwrap_or_else(PoisonError::into_inner).get(sid).copied()
    }

    /// In one order everywhere, so that two processes that write down the same sessions do not wait for each other in a circle.
    fn drain(&self) -> Vec<(String, Time)> {
        let taken =
            self.shards.iter().flat_map(|shard| std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        let mut seen: Vec<_> = taken.collect();
        seen.sort_unstable();
        seen
    }

    fn put_back(&self, seen: &[(String, Time)]) {
        for (sid, at) in seen {
            let mut shard = self.shard(sid).lock().unwrap_or_else(PoisonError::into_inner);
            shard.entry(sid.clone()).or_insert(*at);
        }
    }

    /// Writes down what was noted, and forgets it. How many sessions that were.
    ///
    /// # Errors
    /// Those of the database; what could not be written is noted again.
    pub async fn flush(&self, db: &Db) -> Result<usize> {
        let seen = self.drain();
        for (index, batch) in seen.chunks(BATCH).enumerate() {
            if let Err(error) = write(db, batch.to_vec()).await {
                self.put_back(&seen[index * BATCH..]);
                return Err(error);
            }
        }
        Ok(seen.len())
    }
}

async fn write(db: &Db, batch: Vec<(String, Time)>) -> Result<()> {
    db.unit(move |tx| async move {
        for (sid, at) in &batch {
            let sql = "UPDATE auth_sessions SET last_seen_at = $2 WHERE sid = $1 AND last_seen_at < $2";
            tx.run(sql, params![sid.as_str(), at.millis()]).await?;
        }
        Ok(())
    })
    .await
}
