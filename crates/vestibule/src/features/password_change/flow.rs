//! The rules of changing a password.

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::sessions::{self, Caller, Opened};
use crate::accounts::{Auth, Client, users};
use crate::accounts::{login, tokens};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, Result, Secret, meters};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;

/// What the change takes.
pub fn form(auth: &Auth) -> Form {
    let old = auth.settings.require_old().then(|| Field::new("old_password", Kind::Password));
    let new = ["new_password1", "new_password2"].map(|name| Field::new(name, Kind::Password));
    Form::new(old.into_iter().chain(new).collect())
}

/// Changes the password and ends every other session, or every session where `account.logout_on_password_change` says so. What
/// goes on in a browser does so with a new cookie, which is given back.
///
/// # Errors
/// [`Error::Fields`] for a wrong old password or a new one that differs or is too weak; [`Error::Limited`] after too many changes,
/// counted together with logins, or too many wrong old ones, counted together with failed logins; [`Error::Unauthenticated`] when the session was ended meanwhile.
pub async fn change(auth: &Auth, who: &Client, caller: &Caller, values: &Values) -> Result<Option<Opened>> {
    // Without an old password to be wrong nothing else would bound what one session makes us hash.
    limits::hit(auth, Action::Login, who).await?;
    if let Some(old) = values.secret("old_password") {
        prove(auth, who, caller, old).await?;
    }
    let new = agreed(auth, caller, values)?;
    let hash = auth.hasher.hash(new.clone()).await?;
    let (floor, holder, sender) = (auth.clone(), caller.clone(), who.clone());
    let (event, ended, renewed) = auth.unit(move |tx| async move { save(&floor, &tx, &holder, &hash, &sender).await }).await?;
    auth.courier.bell.notify_one();
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "password_change").increment(ended);
    event.log(who);
    Ok(renewed)
}

async fn prove(auth: &Auth, who: &Client, caller: &Caller, old: &Secret) -> Result<()> {
    let found = users::by_id(&auth.db, caller.user.id).await?;
    let wrong = Error::field("old_password", Message::OldPasswordWrong);
    login::prove(auth, who, found, "", old, wrong).await?.settle(auth).await
}

/// The new password, if it was typed twice alike and is good enough.
fn agreed<'a>(auth: &Auth, caller: &Caller, values: &'a Values) -> Result<&'a Secret> {
    let (Some(first), Some(second)) = (values.secret("new_password1"), values.secret("new_password2")) else {
        return Err(Error::field("new_password1", Message::Required));
    };
    let mut errors = FieldErrors::default();
    if first != second {
        errors.add("new_password2", Message::NewPasswordsDiffer);
    } else {
        let weak = auth.policy.check_all(second, &auth.shapes.own_words(&(&caller.user).into()));
        weak.into_iter().for_each(|message| errors.add("new_password2", message));
    }
    errors.into_result()?;
    Ok(first)
}

/// The event to log, how many sessions ended, and what the caller's goes on with.
async fn save(auth: &Auth, tx: &Tx, caller: &Caller, hash: &str, who: &Client) -> Result<(Event, u64, Option<Opened>)> {
    let (now, ends) = (auth.clock.now(), auth.settings.account.logout_on_password_change);
    let others = sessions::end_others(tx, caller).await?;
    users::set_password(tx, caller.user.id, hash).await?;
    let renewed = if ends {
        sessions::end(tx, caller.user.id, &caller.session.sid).await?;
        None
    } else {
        sessions::renew(auth, tx, caller).await?
    };
    tokens::end_all(tx, caller.user.id).await?;
    if auth.settings.email.notices.password_changed {
        jobs::outbox::ask(tx, Mailing::PasswordChanged, caller.user.id, now).await?;
    }
    let event = Event::about(caller.user.id, "password.changed").with("by", "user").with("other_sessions", others);
    event.record(tx, now, who).await?;
    Ok((event, others + u64::from(ends), renewed))
}
