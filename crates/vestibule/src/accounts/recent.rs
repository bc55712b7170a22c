//! Whether a person proved the password a moment ago: what an unguarded screen must not be enough for asks for it.

use std::time::Duration;

use crate::db::Tx;
use crate::ground::{Result, Time};
use crate::params;

use super::Auth;
use super::sessions::{Caller, Method, Session};

/// How long a proof counts (threats §0.5, RECENT_AUTH).
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// Whether somebody showed who they are to open the session, or proved the password in it again, within the last ten minutes.
///
/// The row alone says so. A token of the system before this one is refreshed over there without a password, so neither its own age nor
/// that of the session which it opened here proves anything.
///
/// # Errors
/// Those of the database.
pub async fn is_recent(auth: &Auth, session: &Session) -> Result<bool> {
    let since = auth.clock.now().minus(RECENT);
    let sql = "SELECT sid FROM auth_sessions WHERE sid = $1 AND (proven_at > $2 OR (created_at > $2 AND method <> $3))";
    let given = params![session.sid.as_str(), since, Method::OldSystem.as_str()];
    Ok(auth.db.one::<(String,)>(sql, given).await?.is_some())
}

/// Notes that the password was proven in that session. Whether the session still counts.
///
/// # Errors
/// Those of the database.
pub async fn note(tx: &Tx, caller: &Caller, now: Time) -> Result<bool> {
    let sql = "UPDATE auth_sessions SET proven_at = $3 WHERE sid = $1 AND epoch = $2";
    Ok(tx.run(sql, params![caller.session.sid.as_str(), caller.user.epoch, now]).await? == 1)
}
