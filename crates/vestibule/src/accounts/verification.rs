//! Who owns an address.
//!
//! Under mandatory verification several pending sign-ups may claim one address, each with its own password and key; only a
//! proven address is unique. Proving a sign-up's own key makes that sign-up the owner with its own password; a proof by a reset
//! sets a new password anyway. Whatever others had attached to the address before is gone (T25).

use crate::db::{self, Tx};
use crate::ground::names::EmailAddress;
use crate::ground::{Error, Message, Result, Time};
use crate::params;

use super::tokens::{self, Held};
use super::users::{self, User};
use super::{UserId, identities, sessions};

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

/// Makes the token's user the owner of the address that the token was mailed to. Whether that was news.
///
/// # Errors
/// [`Error::Refused`] with 404 when the account is gone, has another address by now, or somebody else proved this one first;
/// those of the database.
pub async fn prove(tx: &Tx, held: &Held, now: Time) -> Result<(User, bool)> {
    let gone = || Error::Refused(404, Message::NotFound);
    let user = users::lock(tx, held.user, held.epoch).await?.ok_or_else(gone)?;
    let sql = "SELECT id FROM auth_users WHERE id = $1 AND email_key = $2 AND email_verified_at IS NOT NULL";
    if tx.one::<(i64,)>(sql, params![held.user.as_i64(), held.email_key.as_str()]).await?.is_some() {
        return Ok((user, false));
    }
    push_aside(tx, held).await?;
    let sql = concat!(
        "UPDATE auth_users SET email_verified_at = $3, email_owner = email_key WHERE id = $1 AND email_key = $2 ",
        "AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.email_owner = $2 AND o.id <> $1)"
    );
    let proven = tx.run(sql, params![held.user.as_i64(), held.email_key.as_str(), now]).await.map_err(|error| match error {
        // Two sign-ups at once, and the index decided.
        db::Error::Unique(_) => gone(),
        other => other.into(),
    })?;
    if proven != 1 {
        return Err(gone());
    }
    identities::drop_attached(tx, held.user).await?;
    Ok((user, true))
}

/// Gives an account to whoever proved its address in another way than by its own key: password, sessions, tokens and identities of
/// before are gone (T25, T51). In a unit that holds the user's row, for a user whose address is not proven.
///
/// # Errors
/// [`Error::Refused`] with 404 when somebody else proved the address first, and those of the database.
pub async fn take_over(tx: &Tx, held: &Held, now: Time) -> Result<User> {
    let gone = || Error::Refused(404, Message::NotFound);
    push_aside(tx, held).await?;
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, epoch = epoch + 1, password = NULL, email_verified_at = $3, ",
        "email_owner = email_key WHERE id = $1 AND email_key = $2 AND email_verified_at IS NULL ",
        "AND NOT EXISTS (SELECT 1 FROM auth_users o WHERE o.email_owner = $2 AND o.id <> $1) RETURNING ",
        users::returned_user!()
    );
    let taken = tx.one::<User>(sql, params![held.user.as_i64(), held.email_key.as_str(), now]).await;
    let taken = taken.map_err(|error| if matches!(error, db::Error::Unique(_)) { gone() } else { error.into() })?;
    sessions::end_all(tx, held.user).await?;
    tokens::end_all(tx, held.user).await?;
    identities::drop_all(tx, held.user).await?;
    taken.ok_or_else(gone)
}

/// Removes the other pending sign-ups of the address. An account that was let in unproven, in the days when that was enough, is
/// not removed, but it holds the address no longer and everything open ends.
async fn push_aside(tx: &Tx, held: &Held) -> Result<()> {
    let sql = "DELETE FROM auth_users WHERE email_key = $1 AND id <> $2 AND email_verified_at IS NULL AND email_owner IS NULL";
    tx.run(sql, params![held.email_key.as_str(), held.user.as_i64()]).await?;
    let sql = concat!(
        "UPDATE auth_users SET email_owner = NULL, version = version + 1, epoch = epoch + 1 ",
        "WHERE email_key = $1 AND id <> $2 AND email_verified_at IS NULL"
    );
    tx.run(sql, params![held.email_key.as_str(), held.user.as_i64()]).await?;
    Ok(())
}
