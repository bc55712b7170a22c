//! How an account goes away: the only function that removes one.

use crate::db::Tx;
use crate::ground::{Error, Message, Result};
use crate::params;

use super::audit::Event;
use super::users::{self, User};
use super::{Auth, Client, UserId};

/// Removes an account with everything that is its own: sessions, tokens, unique values, mails that wait. The audit trail stays.
/// [`crate::Hooks::before_delete`] runs in the same unit and may refuse. What was removed.
///
/// # Errors
/// [`Error::Refused`] with 404 when there is no such account, what the hook refuses, and those of the database.
pub async fn delete(auth: &Auth, who: &Client, id: UserId) -> Result<User> {
    let (floor, sender) = (auth.clone(), who.clone());
    let (user, event) = auth.unit(move |tx| async move { remove(&floor, &tx, &sender, id).await }).await?;
    event.log(who);
    Ok(user)
}

/// The same in a unit in which hooks may run. What was removed, and the event to log once that is safe.
///
/// # Errors
/// As [`delete`].
pub(super) async fn remove(auth: &Auth, tx: &Tx, who: &Client, id: UserId) -> Result<(User, Event)> {
    let user = users::take(tx, id).await?.ok_or(Error::Refused(404, Message::NotFound))?;
    auth.hooks.before_delete(tx, &user).await?;
    // What hangs on the account goes with it (`ON DELETE CASCADE`); its number is never given again.
    tx.run("DELETE FROM auth_users WHERE id = $1", params![id.as_i64()]).await?;
    let event = Event::about(id, "user.deleted");
    event.record(tx, auth.clock.now(), who).await?;
    Ok((user, event))
}
