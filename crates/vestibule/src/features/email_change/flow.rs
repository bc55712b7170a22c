//! The rules of changing an address.

use serde_json::json;

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::sessions::Caller;
use crate::accounts::shown::Shown;
use crate::accounts::tokens::{self, Purpose};
use crate::accounts::{Auth, Client, login, recent, users, verification};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::names::EmailAddress;
use crate::ground::{Error, FieldErrors, Message, Result, Secret, Time};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;

/// What asking takes.
pub fn request_form() -> Form {
    Form::new(vec![Field::new("email", Kind::Email), Field::new("password", Kind::Password).optional()])
}

/// What confirming takes: the key of the link, or the new address and the code.
pub fn confirm_form() -> Form {
    let code = Field::new("code", Kind::Password).optional();
    Form::new(vec![Field::new("key", Kind::Password), code, Field::new("email", Kind::Email).optional()])
}

/// Asks for the change. Whether somebody else has the address is looked up when the mail is made, so that every address takes as
/// long; in the profile compat the answer says it.
///
/// # Errors
/// [`Error::Refused`] with 403 when the password was proven too long ago and is not sent; [`Error::Fields`] for a wrong one, or
/// an address that is no other; [`Error::Limited`]; [`Error::Unauthenticated`] when the session was ended meanwhile.
pub async fn request(auth: &Auth, who: &Client, caller: &Caller, values: &Values) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let Some(address) = values.email("email") else { return Err(Error::field("email", Message::Required)) };
    prove(auth, who, caller, values.secret("password")).await?;
    refuse(auth, caller, address).await?;
    let (holder, sender, address, now) = (caller.clone(), who.clone(), address.clone(), auth.clock.now());
    let event = auth.db.unit(move |tx| async move { ask(&tx, &holder, &sender, &address, now).await }).await?;
    auth.courier.bell.notify_one();
    event.log(who);
    Ok(())
}

/// A session alone is not enough: whoever finds a screen unguarded must not take the account along (T06, T62).
async fn prove(auth: &Auth, who: &Client, caller: &Caller, password: Option<&Secret>) -> Result<()> {
    match password {
        Some(password) => {
            let found = users::by_id(&auth.db, caller.user.id).await?;
            let wrong = Error::field("password", Message::PasswordWrong);
            login::prove(auth, who, found, "", password, wrong).await?.settle(auth).await
        }
        None if recent::is_recent(auth, &caller.session).await? => Ok(()),
        None => Err(Error::Refused(403, Message::ReauthenticationNeeded)),
    }
}

async fn refuse(auth: &Auth, caller: &Caller, address: &EmailAddress) -> Result<()> {
    let own = caller.user.email.as_deref().and_then(|own| EmailAddress::parse(own).ok());
    let is_own = own.is_some_and(|own| own.key() == address.key());
    if is_own && caller.user.email_verified {
        return Err(Error::field("email", Message::EmailUnchanged));
    }
    let verification = auth.settings.account.email_verification;
    if auth.settings.compat() && !is_own && users::email_is_owned(&auth.db, address, verification).await? {
        return Err(Error::field("email", Message::EmailTaken));
    }
    Ok(())
}

async fn ask(tx: &Tx, caller: &Caller, who: &Client, address: &EmailAddress, now: Time) -> Result<Event> {
    if !verification::ask_for_change(tx, &caller.user, address).await? {
        return Err(Error::Unauthenticated(Message::InvalidToken));
    }
    jobs::outbox::ask_with(tx, Mailing::EmailChange, caller.user.id, &json!({ "email": address.shown() }), now).await?;
    let event = Event::about(caller.user.id, "email.change_requested");
    event.record(tx, now, who).await?;
    Ok(event)
}

/// Confirms the change. Every other link and code of the account ends with it (T18).
///
/// # Errors
/// [`Error::Fields`] for a key or code that does not count (any more), for an address that somebody else proved first, and when
/// neither was sent; [`Error::Limited`].
pub async fn confirm(auth: &Auth, who: &Client, values: &Values, errors: FieldErrors) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let shown = Shown::read(values, errors)?;
    let field = if matches!(shown, Shown::Token(_)) { "key" } else { "code" };
    let invalid = || Error::field(field, Message::InvalidValue);
    let (floor, sender) = (auth.clone(), who.clone());
    let done = auth.unit(move |tx| async move { spend_and_change(&floor, &tx, &sender, &shown).await }).await;
    let events = match done {
        Err(Error::Refused(404, _)) => return Err(invalid()),
        other => other?.ok_or_else(invalid)?,
    };
    auth.courier.bell.notify_one();
    events.iter().for_each(|event| event.log(who));
    Ok(())
}

/// `None` for what does not count. That is no error of the unit: the try of a code must be kept (T24).
async fn spend_and_change(auth: &Auth, tx: &Tx, who: &Client, shown: &Shown) -> Result<Option<Vec<Event>>> {
    let Some(held) = shown.spend(auth, tx, Purpose::ChangeEmail).await? else { return Ok(None) };
    let now = auth.clock.now();
    let (before, new, mut events) = verification::change(auth, tx, who, &held).await?;
    tokens::end_all(tx, held.user).await?;
    let old = before.email.filter(|old| *old != new);
    if let Some(old) = old.filter(|_| auth.settings.email.notices.email_changed) {
        jobs::outbox::ask_with(tx, Mailing::EmailChanged, held.user, &json!({ "email": old, "new_email": new }), now).await?;
    }
    let event = Event::about(held.user, "email.changed");
    event.record(tx, now, who).await?;
    events.push(event);
    Ok(Some(events))
}

/// The form with nothing but a key, as the page behind a link sends it.
pub fn with_key(key: &str) -> Values {
    let mut values = Values::default();
    values.set("key", crate::forms::Datum::Secret(key.into()));
    values
}
