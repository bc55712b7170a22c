//! The rules of proving a password once more.

use crate::accounts::audit::Event;
use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client, login, recent, users};
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, Message, Result};

/// What it takes.
pub(super) fn form() -> Form {
    Form::new(vec![Field::new("password", Kind::Password)])
}

/// Proves the password and notes it in the session.
///
/// # Errors
/// [`Error::Fields`] for a wrong password, [`Error::Limited`] after too many, [`Error::Unauthenticated`] when the session was ended
/// meanwhile.
pub(super) async fn reauthenticate(auth: &Auth, who: &Client, caller: &Caller, values: &Values) -> Result<()> {
    let Some(password) = values.secret("password") else { return Err(Error::field("password", Message::Required)) };
    let found = users::by_id(&auth.db, caller.user.id).await?;
    let wrong = Error::field("password", Message::PasswordWrong);
    login::prove(auth, who, found, "", password, wrong).await?.settle(auth).await?;
    let (holder, sender, now) = (caller.clone(), who.clone(), auth.clock.now());
    let event = Event::about(caller.user.id, "session.reauthenticated").with("sid", caller.session.sid.as_str());
    let row = event.clone();
    auth.db
        .unit(move |tx| async move {
            if !recent::note(&tx, &holder, now).await? {
                return Err(Error::Unauthenticated(Message::InvalidToken));
            }
            row.record(&tx, now, &sender).await
        })
        .await?;
    event.log(who);
    Ok(())
}
