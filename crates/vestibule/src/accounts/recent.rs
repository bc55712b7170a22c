//! Whether a person proved the password a moment ago: what an unguarded screen must not be enough for asks for it.

use std::time::Duration;

use crate::db::Tx;
use crate::ground::{Result, Time};
use crate::params;

use super::Auth;
use super::sessions::{Caller, Session};

/// How long a proof counts (threats §0.5, RECENT_AUTH).
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// Whether the session was opened, or its password proven again, within the last ten minutes.
///
/// # Errors
/// Those of the database.
pub async fn is_recent(auth: &Auth, session: &Session) -> Result<bool> {
    let since = auth.clock.now().minus(RECENT);
    if session.created_at > since {
        return Ok(true);
    }
    let sql = "SELECT sid FROM auth_sessions WHERE sid = $1 AND proven_at > $2";
    Ok(auth.db.one::<(String,)>(sql, params![session.sid.as_str(), since]).await?.is_some())
}

/// Notes that the password was proven in that session. Whether the session still counts.
///
/// # Errors
/// Those of the database.
pub async fn note(tx: &Tx, caller: &Caller, now: Time) -> Result<bool> {
    let sql = "UPDATE auth_sessions SET proven_at = $3 WHERE sid = $1 AND epoch = $2";
    Ok(tx.run(sql, params![caller.session.sid.as_str(), caller.user.epoch, now]).await? == 1)
}
