//! How an account comes to be, whatever the way in: one place runs the hooks, claims what must be unique, and asks for the mail.

use serde_json::json;

use crate::db::Tx;
use crate::ground::{Result, Time};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::settings::Verification;

use super::audit::Event;
use super::users::{self, NewUser, User};
use super::{Auth, Client, unique};

/// Makes an account in a unit. An address that is not proven gets its mail, unless nobody has to prove one.
///
/// # Errors
/// [`crate::ground::Error::Fields`] naming what another account holds already, those of the host's hooks and of the database.
pub async fn enrol(auth: &Auth, tx: &Tx, who: &Client, mut new: NewUser, now: Time) -> Result<(User, Event)> {
    auth.hooks.before_register(tx, &mut new).await?;
    let user = users::insert(tx, &new, now).await?;
    unique::claim(tx, &auth.shapes.declared, user.id, &json!({}), &user.profile).await?;
    let event = Event::about(user.id, "user.registered");
    event.record(tx, now, who).await?;
    auth.hooks.after_register(tx, &user).await?;
    let owes_proof = user.email.is_some() && !user.email_verified;
    if owes_proof && auth.settings.account.email_verification != Verification::None {
        jobs::outbox::ask(tx, Mailing::EmailConfirmationSignup, user.id, now).await?;
    }
    Ok((user, event))
}
