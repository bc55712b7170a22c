//! The rules of proving a password once more.

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::sessions::{self, Caller, Opened};
use crate::accounts::{Auth, Client, login, recent, users};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, Message, Result};

/// What it takes.
pub(super) fn form() -> Form {
    Form::new(vec![Field::new("password", Kind::Password)])
}

/// Proves the password and notes it in the session: what a browser goes on with there.
///
/// # Errors
/// [`Error::Fields`] for a wrong password, [`Error::Limited`] after too many, [`Error::Unauthenticated`] when the session was ended
/// meanwhile.
pub(super) async fn reauthenticate(auth: &Auth, who: &Client, caller: &Caller, values: &Values) -> Result<Option<Opened>> {
    // A right password gives its try back, so nothing else would bound what one session makes us hash.
    limits::hit(auth, Action::Login, who).await?;
    let Some(password) = values.secret("password") else { return Err(Error::field("password", Message::Required)) };
    let found = users::by_id(&auth.db, caller.user.id).await?;
    let wrong = Error::field("password", Message::PasswordWrong);
    login::prove(auth, who, found, "", password, wrong).await?.settle(auth).await?;
    let (floor, holder, sender) = (auth.clone(), caller.clone(), who.clone());
    let (renewed, event) = auth.unit(move |tx| async move { note(&floor, &tx, &holder, &sender).await }).await?;
    event.log(who);
    Ok(renewed)
}

/// The proof moves along to the session's new name: it is in the same row.
async fn note(auth: &Auth, tx: &Tx, caller: &Caller, who: &Client) -> Result<(Option<Opened>, Event)> {
    let now = auth.clock.now();
    if !recent::note(tx, caller, now).await? {
        return Err(Error::Unauthenticated(Message::InvalidToken));
    }
    let renewed = sessions::renew(auth, tx, caller).await?;
    let event = Event::about(caller.user.id, "session.reauthenticated").with("sid", caller.session.sid.as_str());
    let event = match renewed.as_ref().filter(|session| session.sid != caller.session.sid) {
        Some(session) => event.with("new_sid", session.sid.as_str()),
        None => event,
    };
    event.record(tx, now, who).await?;
    Ok((renewed, event))
}
