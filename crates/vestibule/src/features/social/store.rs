//! What is under way: rows that count once, for a while, and mostly for one browser.

use serde_json::Value;

use crate::accounts::UserId;
use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::secrets::Digest;
use crate::ground::{Result, Secret, Time};
use crate::params;

/// A browser that is sent to a provider.
pub(super) struct Flow {
    /// Where the browser goes when it is back.
    pub(super) return_to: String,
    /// Whether it began on a page of ours.
    pub(super) on_page: bool,
    /// Who connects the provider, with the epoch and the session of then; `None` for a login.
    pub(super) connects: Option<(UserId, i64, String)>,
}

impl FromRow for Flow {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        let who: (Option<i64>, Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let connects = match who {
            (Some(user), Some(epoch), Some(sid)) => Some((UserId::from_i64(user), epoch, sid)),
            _ => None,
        };
        Ok(Self { return_to: row.get(0)?, on_page: row.get(1)?, connects })
    }
}

/// Notes that a browser is sent to a provider with that state.
///
/// # Errors
/// Those of the database.
pub(super) async fn begin(tx: &Tx, state: &Secret, provider: &str, browser: &Secret, flow: &Flow, until: Time) -> Result<()> {
    let (user, epoch, sid) = match &flow.connects {
        Some((user, epoch, sid)) => (Some(user.as_i64()), Some(*epoch), Some(sid.as_str())),
        None => (None, None, None),
    };
    let sql = concat!(
        "INSERT INTO auth_social_flows (state_hash, provider, browser_hash, return_to, on_page, user_id, epoch, sid, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    tx.run(sql, params![&hash(state), provider, &hash(browser), flow.return_to.as_str(), flow.on_page, user, epoch, sid, until])
        .await?;
    Ok(())
}

/// Ends the flow that this browser began with this provider: of several who bring its state, one is told of it (T47).
///
/// # Errors
/// Those of the database.
pub(super) async fn end(tx: &Tx, state: &Secret, provider: &str, browser: &Secret, now: Time) -> Result<Option<Flow>> {
    let sql = concat!(
        "DELETE FROM auth_social_flows WHERE state_hash = $1 AND provider = $2 AND browser_hash = $3 AND expires_at > $4 ",
        "RETURNING return_to, on_page, user_id, epoch, sid"
    );
    Ok(tx.one(sql, params![&hash(state), provider, &hash(browser), now]).await?)
}

/// Keeps what a browser exchanges for a session.
///
/// # Errors
/// Those of the database.
pub(super) async fn keep_code(tx: &Tx, code: &Secret, browser: &Secret, user: (UserId, i64), until: Time) -> Result<()> {
    let sql = "INSERT INTO auth_social_codes (hash, browser_hash, user_id, epoch, expires_at) VALUES ($1, $2, $3, $4, $5)";
    tx.run(sql, params![&hash(code), &hash(browser), user.0.as_i64(), user.1, until]).await?;
    Ok(())
}

/// Spends a code of this browser: whose session it opens, and the epoch of then.
///
/// # Errors
/// Those of the database.
pub(super) async fn spend_code(tx: &Tx, code: &Secret, browser: &Secret, now: Time) -> Result<Option<(UserId, i64)>> {
    let sql = concat!(
        "DELETE FROM auth_social_codes WHERE hash = $1 AND browser_hash = $2 AND expires_at > $3 ",
        "RETURNING user_id, epoch"
    );
    let found = tx.one::<(i64, i64)>(sql, params![&hash(code), &hash(browser), now]).await?;
    Ok(found.map(|(user, epoch)| (UserId::from_i64(user), epoch)))
}

/// Somebody whose account lacks what the provider did not tell.
pub(super) struct Pending {
    /// The provider.
    pub(super) provider: String,
    /// Who it is.
    pub(super) person: Value,
    /// The provider's tokens, encrypted, where they are kept.
    pub(super) tokens: Option<Vec<u8>>,
}

impl FromRow for Pending {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self { provider: row.get(0)?, person: row.get(1)?, tokens: row.get(2)? })
    }
}

/// Keeps somebody until what is missing is told; where a browser was sent to the provider, for that browser alone.
///
/// # Errors
/// Those of the database.
pub(super) async fn keep_pending(
    tx: &Tx,
    token: &Secret,
    browser: Option<&Secret>,
    pending: &Pending,
    until: Time,
) -> Result<()> {
    let sql = concat!(
        "INSERT INTO auth_social_pending (hash, browser_hash, provider, person, tokens, expires_at) ",
        "VALUES ($1, $2, $3, $4::jsonb, $5, $6)"
    );
    let browser = browser.map(|browser| hash(browser).as_bytes().to_vec());
    let tokens = pending.tokens.as_deref();
    tx.run(sql, params![&hash(token), browser.as_deref(), pending.provider.as_str(), &pending.person, tokens, until]).await?;
    Ok(())
}

/// Takes somebody out who was kept. In the unit that makes the account: where that fails, the row stays.
///
/// # Errors
/// Those of the database.
pub(super) async fn take_pending(tx: &Tx, token: &Secret, browser: Option<&Secret>, now: Time) -> Result<Option<Pending>> {
    let sql = concat!(
        "DELETE FROM auth_social_pending WHERE hash = $1 AND (browser_hash IS NULL OR browser_hash = $2::bytea) ",
        "AND expires_at > $3 RETURNING provider, person, tokens"
    );
    let browser = browser.map(|browser| hash(browser).as_bytes().to_vec());
    Ok(tx.one(sql, params![&hash(token), browser.as_deref(), now]).await?)
}

/// Somebody who is kept, and stays so.
///
/// # Errors
/// Those of the database.
pub(super) async fn find_pending(db: &Db, token: &Secret, browser: Option<&Secret>, now: Time) -> Result<Option<Pending>> {
    let sql = concat!(
        "SELECT provider, person, tokens FROM auth_social_pending ",
        "WHERE hash = $1 AND (browser_hash IS NULL OR browser_hash = $2::bytea) AND expires_at > $3"
    );
    let browser = browser.map(|browser| hash(browser).as_bytes().to_vec());
    Ok(db.one(sql, params![&hash(token), browser.as_deref(), now]).await?)
}

/// Marks an ID token as used: what is signed of it, since one content can have two signatures that count (with ECDSA also the other
/// `s`). Whether it was not before (T50).
///
/// # Errors
/// Those of the database.
pub(super) async fn use_once(tx: &Tx, token: &Secret, until: Time) -> Result<bool> {
    let sql = "INSERT INTO auth_social_used (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let text = token.expose();
    let signed = text.rsplit_once('.').map_or(text, |(signed, _)| signed);
    Ok(tx.run(sql, params![&Digest::of(signed.as_bytes()), until]).await? == 1)
}

fn hash(secret: &Secret) -> Digest {
    Digest::of(secret.expose().as_bytes())
}
