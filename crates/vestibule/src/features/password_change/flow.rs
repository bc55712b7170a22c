//! The rules of changing a password.

use crate::accounts::audit::Event;
use crate::accounts::login;
use crate::accounts::sessions::{self, Caller};
use crate::accounts::{Auth, Client, users};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Message, Result, Secret, Time, meters};

/// What the change takes.
pub fn form(auth: &Auth) -> Form {
    let old = auth.settings.require_old().then(|| Field::new("old_password", Kind::Password));
    let new = ["new_password1", "new_password2"].map(|name| Field::new(name, Kind::Password));
    Form::new(old.into_iter().chain(new).collect())
}

/// Changes the password and ends every other session, or every session where `account.logout_on_password_change` says so.
///
/// # Errors
/// [`Error::Fields`] for a wrong old password or a new one that differs or is too weak; [`Error::Limited`] after too many wrong
/// old ones, counted together with failed logins; [`Error::Unauthenticated`] when the session was ended meanwhile.
pub async fn change(auth: &Auth, who: &Client, caller: &Caller, values: &Values) -> Result<()> {
    if let Some(old) = values.secret("old_password") {
        prove(auth, who, caller, old).await?;
    }
    let new = agreed(auth, caller, values)?;
    let hash = auth.hasher.hash(new.clone()).await?;
    let (holder, sender, now, ends) =
        (caller.clone(), who.clone(), auth.clock.now(), auth.settings.account.logout_on_password_change);
    let (event, ended) = auth.db.unit(move |tx| async move { save(&tx, &holder, &hash, ends, now, &sender).await }).await?;
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "password_change").increment(ended);
    event.log(who);
    Ok(())
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

/// The event to log, and how many sessions ended.
async fn save(tx: &Tx, caller: &Caller, hash: &str, ends: bool, now: Time, who: &Client) -> Result<(Event, u64)> {
    let others = sessions::end_others(tx, caller).await?;
    users::set_password(tx, caller.user.id, hash).await?;
    if ends {
        sessions::end(tx, &caller.session.sid).await?;
    }
    let event = Event::about(caller.user.id, "password.changed").with("by", "user").with("other_sessions", others);
    event.record(tx, now, who).await?;
    Ok((event, others + u64::from(ends)))
}
