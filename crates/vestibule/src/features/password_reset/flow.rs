//! The rules of a reset.

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::tokens::{self, Held, Purpose};
use crate::accounts::{Auth, Client, identities, sessions, uid, users, verification};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, Result, Secret, Time};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;

/// What asking takes.
pub fn request_form() -> Form {
    Form::new(vec![Field::new("email", Kind::Email)])
}

/// What setting the new password takes.
pub fn confirm_form() -> Form {
    let passwords = ["new_password1", "new_password2"].map(|name| Field::new(name, Kind::Password));
    Form::new(passwords.into_iter().chain([Field::new("uid", Kind::Text), Field::new("token", Kind::Password)]).collect())
}

/// Asks for the mail. Who has the address is looked up when the mail is made (T10).
///
/// # Errors
/// [`Error::Limited`], and those of the database.
pub async fn request(auth: &Auth, who: &Client, values: &Values) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let Some(address) = values.email("email").map(|address| address.shown().to_owned()) else {
        return Err(Error::field("email", Message::Required));
    };
    let now = auth.clock.now();
    auth.db
        .unit(move |tx| async move { jobs::outbox::ask_for_address(&tx, Mailing::PasswordReset, &address, now).await })
        .await?;
    auth.courier.bell.notify_one();
    Ok(())
}

/// Sets the new password. The token is looked up cheaply before hashing, and spent in the unit that writes the hash (T23).
///
/// # Errors
/// [`Error::Fields`] for a token that does not count (any more) or a password that is not good enough; those of hashing and of
/// the database.
pub async fn confirm(auth: &Auth, who: &Client, values: &Values) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let (Some(uid), Some(token)) = (values.text("uid"), values.secret("token")) else {
        return Err(Error::field("token", Message::Required));
    };
    let held = tokens::peek(&auth.db, Purpose::ResetPassword, token, auth.clock.now()).await?;
    let Some(held) = held.filter(|held| auth.uid(held.user) == uid) else { return Err(invalid(auth, uid).await?) };
    let password = agreed(auth, &held, values).await?;
    let hash = auth.hasher.hash(password.clone()).await?;
    let (floor, sender, token, now) = (auth.clone(), who.clone(), token.clone(), auth.clock.now());
    let event = auth.unit(move |tx| async move { save(&floor, &tx, &sender, &token, &hash, now).await }).await?;
    event.log(who);
    Ok(())
}

/// Whether a link still works. Spends nothing.
///
/// # Errors
/// Those of the database.
pub async fn counts(auth: &Auth, uid: &str, token: &str) -> Result<bool> {
    let held = tokens::peek(&auth.db, Purpose::ResetPassword, &token.into(), auth.clock.now()).await?;
    Ok(held.is_some_and(|held| auth.uid(held.user) == uid))
}

/// In compat an unreadable `uid` is told apart, as the reference does; in strict all is one answer (T13).
async fn invalid(auth: &Auth, uid: &str) -> Result<Error> {
    let known = match uid::from_base36(uid) {
        Some(id) if auth.settings.compat() => users::by_id(&auth.db, id).await?.is_some(),
        found => found.is_some(),
    };
    let field = if auth.settings.compat() && !known { "uid" } else { "token" };
    Ok(Error::field(field, Message::InvalidValue))
}

async fn agreed<'a>(auth: &Auth, held: &Held, values: &'a Values) -> Result<&'a Secret> {
    let (Some(first), Some(second)) = (values.secret("new_password1"), values.secret("new_password2")) else {
        return Err(Error::field("new_password1", Message::Required));
    };
    let mut errors = FieldErrors::default();
    if first == second {
        let user = users::by_id(&auth.db, held.user).await?.ok_or(Error::Refused(404, Message::NotFound))?.user;
        let weak = auth.policy.check_all(second, &auth.shapes.own_words(&(&user).into()));
        weak.into_iter().for_each(|message| errors.add("new_password2", message));
    } else {
        errors.add("new_password2", Message::NewPasswordsDiffer);
    }
    errors.into_result()?;
    Ok(first)
}

async fn save(auth: &Auth, tx: &Tx, who: &Client, token: &Secret, hash: &str, now: Time) -> Result<Event> {
    let spent = || Error::field("token", Message::InvalidValue);
    let held = tokens::consume(tx, Purpose::ResetPassword, token, now).await?.ok_or_else(spent)?;
    // Whoever reads the address's mail owns it.
    let (_, news) = verification::prove(tx, &held, now)
        .await
        .map_err(|error| if matches!(error, Error::Refused(..)) { spent() } else { error })?;
    if news {
        // Also the identity that the account was made with may be another's (T25).
        identities::drop_all(tx, held.user).await?;
    }
    users::raise_epoch(tx, held.user, held.epoch).await?.ok_or_else(spent)?;
    users::set_password(tx, held.user, hash).await?;
    sessions::end_all(tx, held.user).await?;
    tokens::end_all(tx, held.user).await?;
    if auth.settings.email.notices.password_reset {
        jobs::outbox::ask(tx, Mailing::PasswordResetDone, held.user, now).await?;
    }
    let event = Event::about(held.user, "password.reset");
    event.record(tx, now, who).await?;
    Ok(event)
}
