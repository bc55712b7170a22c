//! The rules of proving an address.

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::shown::Shown;
use crate::accounts::tokens::Purpose;
use crate::accounts::{Auth, Client, verification};
use crate::db::Tx;
use crate::forms::{Datum, Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, Result};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::settings::Presence;

/// What proving takes: the key of the link, or the address and the code.
pub fn form() -> Form {
    let code = Field::new("code", Kind::Password).optional();
    Form::new(vec![Field::new("key", Kind::Password), code, Field::new("email", Kind::Email).optional()])
}

/// What asking for another mail takes.
pub fn resend_form(auth: &Auth) -> Form {
    let field = Field::new("email", Kind::Email);
    Form::new(vec![if auth.settings.account.email == Presence::Required { field } else { field.optional() }])
}

/// The form with nothing but a key, as the page behind a link sends it.
pub fn with_key(key: &str) -> Values {
    let mut values = Values::default();
    values.set("key", Datum::Secret(key.into()));
    values
}

/// Proves an address.
///
/// # Errors
/// [`Error::Refused`] with 404 for a key or code that does not count (any more), [`Error::Fields`] when neither was sent,
/// [`Error::Limited`].
pub async fn verify(auth: &Auth, who: &Client, values: &Values, errors: FieldErrors) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let shown = Shown::read(values, errors)?;
    let (floor, sender) = (auth.clone(), who.clone());
    let events = auth.unit(move |tx| async move { spend_and_prove(&floor, &tx, &sender, &shown).await }).await?;
    events.ok_or(Error::Refused(404, Message::NotFound))?.iter().for_each(|event| event.log(who));
    Ok(())
}

/// `None` for what does not count. That is no error of the unit: the try of a code must be kept (T24).
async fn spend_and_prove(auth: &Auth, tx: &Tx, who: &Client, shown: &Shown) -> Result<Option<Vec<Event>>> {
    let Some(held) = shown.spend(auth, tx, Purpose::VerifyEmail).await? else { return Ok(None) };
    let mut proven = verification::prove(auth, tx, who, &held).await?;
    if proven.news {
        let event = Event::about(proven.user.id, "email.verified");
        event.record(tx, auth.clock.now(), who).await?;
        proven.events.push(event);
    }
    Ok(Some(proven.events))
}

/// Asks for another mail. Whether the address has an account, and whether it is proven, is looked up when the mail is made, so
/// that every address takes as long (T12).
///
/// # Errors
/// [`Error::Limited`], and those of the database.
pub async fn resend(auth: &Auth, who: &Client, values: &Values) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let Some(address) = values.email("email").map(|address| address.shown().to_owned()) else { return Ok(()) };
    let now = auth.clock.now();
    auth.db
        .unit(move |tx| async move { jobs::outbox::ask_for_address(&tx, Mailing::EmailConfirmation, &address, now).await })
        .await?;
    auth.courier.bell.notify_one();
    Ok(())
}
