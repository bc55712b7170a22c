//! Identities at providers: which belongs to which account. Issuer and subject identify, to the byte (T52).
//!
//! Whoever makes one claims it before anything else of the unit: of several at once, one goes on and the others find it taken, so
//! no two accounts are made for one identity (T83). Where a unit takes both, the identity comes before the user's row.

use crate::db::{self, Db, FromRow, Row, Tx};
use crate::ground::{Result, Time};
use crate::params;

use super::UserId;

/// An identity of an account.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Names it to its owner.
    pub id: i64,
    /// The provider's name in the settings.
    pub provider: String,
    /// What the provider calls the person.
    pub subject: String,
    /// When it was connected.
    pub created_at: Time,
    /// When it was last logged in with.
    pub last_login_at: Time,
}

impl FromRow for Identity {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            provider: row.get(1)?,
            subject: row.get(2)?,
            created_at: Time::from_millis(row.get(3)?),
            last_login_at: Time::from_millis(row.get(4)?),
        })
    }
}

/// Whose identity it is, and the account's epoch.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The identity.
    pub id: i64,
    /// Its account.
    pub user: UserId,
    /// The account's epoch.
    pub epoch: i64,
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> db::Result<Self> {
        Ok(Self { id: row.get(0)?, user: UserId::from_i64(row.get(1)?), epoch: row.get(2)? })
    }
}

/// Whose identity this is.
///
/// # Errors
/// Those of the database.
pub async fn find(tx: &Tx, issuer: &str, subject: &str) -> Result<Option<Found>> {
    let sql = concat!(
        "SELECT i.id, u.id, u.epoch FROM auth_identities i JOIN auth_users u ON u.id = i.user_id ",
        "WHERE i.issuer = $1 AND i.subject = $2"
    );
    Ok(tx.one(sql, params![issuer, subject]).await?)
}

/// Claims an identity that nobody has, for an account that [`give`] names. `None`: somebody has it, or had it a moment before.
///
/// # Errors
/// Those of the database.
pub async fn claim(tx: &Tx, provider: &str, issuer: &str, subject: &str, now: Time) -> Result<Option<i64>> {
    let sql = concat!(
        "INSERT INTO auth_identities (provider, issuer, subject, created_at, last_login_at) VALUES ($1, $2, $3, $4, $4) ",
        "ON CONFLICT DO NOTHING RETURNING id"
    );
    Ok(tx.one::<(i64,)>(sql, params![provider, issuer, subject, now]).await?.map(|(id,)| id))
}

/// Gives a claimed identity to an account. `founding`: the account was made with it, so that it stays when the account proves its
/// own address, as a sign-up's own password does.
///
/// # Errors
/// Those of the database.
pub async fn give(tx: &Tx, id: i64, user: UserId, founding: bool) -> Result<()> {
    let sql = "UPDATE auth_identities SET user_id = $2, founding = $3 WHERE id = $1";
    tx.run(sql, params![id, user.as_i64(), founding]).await?;
    Ok(())
}

/// Notes a login, and the provider's tokens where they are kept. In a unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn came_in(tx: &Tx, id: i64, tokens: Option<&[u8]>, now: Time) -> Result<()> {
    let sql = "UPDATE auth_identities SET last_login_at = $2, tokens = COALESCE($3, tokens) WHERE id = $1";
    tx.run(sql, params![id, now, tokens]).await?;
    Ok(())
}

/// The identities of an account, the oldest first.
///
/// # Errors
/// Those of the database.
pub async fn of_user(db: &Db, user: UserId) -> Result<Vec<Identity>> {
    Ok(db.all(OF_USER, params![user.as_i64()]).await?)
}

/// The same in a unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn of_locked_user(tx: &Tx, user: UserId) -> Result<Vec<Identity>> {
    Ok(tx.all(OF_USER, params![user.as_i64()]).await?)
}

const OF_USER: &str =
    "SELECT id, provider, subject, created_at, last_login_at FROM auth_identities WHERE user_id = $1 ORDER BY id";

/// The provider's tokens of an identity, encrypted, with its issuer and subject; `None` where they are not kept.
///
/// # Errors
/// Those of the database.
pub async fn tokens(db: &Db, user: UserId, id: i64) -> Result<Option<(String, String, Vec<u8>)>> {
    let sql = "SELECT issuer, subject, tokens FROM auth_identities WHERE id = $1 AND user_id = $2 AND tokens IS NOT NULL";
    Ok(db.one(sql, params![id, user.as_i64()]).await?)
}

/// Takes an identity from an account, and the provider's tokens with it.
///
/// # Errors
/// Those of the database.
pub async fn remove(tx: &Tx, user: UserId, id: i64) -> Result<bool> {
    let sql = "DELETE FROM auth_identities WHERE id = $1 AND user_id = $2";
    Ok(tx.run(sql, params![id, user.as_i64()]).await? == 1)
}

/// Takes what was connected later to an account that proves its address only now: it may be a stranger's (T25).
///
/// # Errors
/// Those of the database.
pub async fn drop_attached(tx: &Tx, user: UserId) -> Result<()> {
    tx.run("DELETE FROM auth_identities WHERE user_id = $1 AND founding = FALSE", params![user.as_i64()]).await?;
    Ok(())
}

/// Takes all identities from an account that passes to whoever proved its address in another way (T25).
///
/// # Errors
/// Those of the database.
pub async fn drop_all(tx: &Tx, user: UserId) -> Result<()> {
    tx.run("DELETE FROM auth_identities WHERE user_id = $1", params![user.as_i64()]).await?;
    Ok(())
}

/// Whether an account has a password. In a unit that holds the user's row.
///
/// # Errors
/// Those of the database.
pub async fn has_password(tx: &Tx, user: UserId) -> Result<bool> {
    let found =
        tx.one::<(i64,)>("SELECT id FROM auth_users WHERE id = $1 AND password IS NOT NULL", params![user.as_i64()]).await?;
    Ok(found.is_some())
}

/// Gives a claim up that led to no account.
///
/// # Errors
/// Those of the database.
pub async fn release(tx: &Tx, id: i64) -> Result<()> {
    tx.run("DELETE FROM auth_identities WHERE id = $1 AND user_id IS NULL", params![id]).await?;
    Ok(())
}
