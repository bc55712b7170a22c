//! The rules of a reset.

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::tokens::{self, Held, Purpose};
use crate::accounts::{Auth, Client, identities, sessions, uid, users, verification};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::names::EmailAddress;
use crate::ground::{Error, FieldErrors, Message, Result, Secret, meters};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;

/// What asking takes.
pub fn request_form() -> Form {
    Form::new(vec![Field::new("email", Kind::Email)])
}

/// What setting the new password takes: the two parts of the link, or with `password.reset_code` the address and the code.
pub fn confirm_form(auth: &Auth) -> Form {
    let passwords = ["new_password1", "new_password2"].map(|name| Field::new(name, Kind::Password));
    let link = [Field::new("uid", Kind::Text), Field::new("token", Kind::Password)];
    if !auth.settings.password.reset_code {
        return Form::new(passwords.into_iter().chain(link).collect());
    }
    let code = [Field::new("email", Kind::Email), Field::new("code", Kind::Password)];
    Form::new(passwords.into_iter().chain(link.into_iter().chain(code).map(Field::optional)).collect())
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
    let (now, sender) = (auth.clock.now(), who.clone());
    let event = Event::by_somebody("password.reset_requested");
    let row = event.clone();
    auth.db
        .unit(move |tx| async move {
            jobs::outbox::ask_for_address(&tx, Mailing::PasswordReset, &address, now).await?;
            row.record(&tx, now, &sender).await
        })
        .await?;
    auth.courier.bell.notify_one();
    event.log(who);
    Ok(())
}

/// Sets the new password. The token is looked up cheaply before hashing, and spent in the unit that writes the hash (T23). The
/// try of a code counts in a unit before that (T24).
///
/// # Errors
/// [`Error::Fields`] for a token or code that does not count (any more) or a password that is not good enough; those of hashing
/// and of the database.
pub async fn confirm(auth: &Auth, who: &Client, values: &Values) -> Result<()> {
    limits::hit(auth, Action::Reset, who).await?;
    let found = match (values.text("uid"), values.secret("token"), values.email("email"), values.secret("code")) {
        (Some(uid), Some(token), ..) => by_link(auth, uid, token).await?,
        (_, _, Some(address), Some(code)) => by_code(auth, address, code, values).await?,
        (_, _, Some(_), None) => return Err(Error::field("code", Message::Required)),
        (None, Some(_), ..) => return Err(Error::field("uid", Message::Required)),
        _ => return Err(Error::field("token", Message::Required)),
    };
    let password = agreed(auth, &found.held, values).await?;
    let hash = auth.hasher.hash(password.clone()).await?;
    let (floor, sender) = (auth.clone(), who.clone());
    let (events, ended) = auth.unit(move |tx| async move { save(&floor, &tx, &sender, &found, &hash).await }).await?;
    auth.courier.bell.notify_one();
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "password_reset").increment(ended);
    events.iter().for_each(|event| event.log(who));
    Ok(())
}

/// A token that was found and is not spent yet.
struct Found {
    held: Held,
    /// The hash of the token.
    hash: Vec<u8>,
    /// The field that is wrong when the token is spent meanwhile.
    field: &'static str,
}

async fn by_link(auth: &Auth, uid: &str, token: &Secret) -> Result<Found> {
    let held = tokens::peek(&auth.db, Purpose::ResetPassword, token, auth.clock.now()).await?;
    match held.filter(|held| auth.uid(held.user) == uid) {
        Some(held) => Ok(Found { held, hash: tokens::hash_of(token), field: "token" }),
        None => Err(invalid(auth, uid).await?),
    }
}

/// What is wrong with the password whosever it is, is said before the code is tried: a slip there must not cost a try.
async fn by_code(auth: &Auth, address: &EmailAddress, code: &Secret, values: &Values) -> Result<Found> {
    if !auth.settings.password.reset_code {
        return Err(Error::field("token", Message::Required));
    }
    let (first, second) = typed(values)?;
    let mut errors = FieldErrors::default();
    if first != second {
        errors.add("new_password2", Message::NewPasswordsDiffer);
    }
    auth.policy.check(second).into_iter().for_each(|message| errors.add("new_password2", message));
    errors.into_result()?;
    let (floor, key, code) = (auth.clone(), address.key().to_owned(), code.clone());
    let found = auth.db.unit(move |tx| async move { tokens::try_code(&floor, &tx, Purpose::ResetPassword, &key, &code).await });
    let (hash, held) = found.await?.ok_or_else(|| Error::field("code", Message::InvalidValue))?;
    Ok(Found { held, hash, field: "code" })
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

fn typed(values: &Values) -> Result<(&Secret, &Secret)> {
    match (values.secret("new_password1"), values.secret("new_password2")) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err(Error::field("new_password1", Message::Required)),
    }
}

async fn agreed<'a>(auth: &Auth, held: &Held, values: &'a Values) -> Result<&'a Secret> {
    let (first, second) = typed(values)?;
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

/// The events to log, and how many sessions have ended.
async fn save(auth: &Auth, tx: &Tx, who: &Client, found: &Found, hash: &str) -> Result<(Vec<Event>, u64)> {
    let now = auth.clock.now();
    let spent = || Error::field(found.field, Message::InvalidValue);
    verification::take_claims(tx, &found.held.email_key, Some(found.held.user)).await?;
    let held = tokens::consume_found(tx, Purpose::ResetPassword, &found.hash, now).await?.ok_or_else(spent)?;
    // Whoever reads the address's mail owns it, and may be another than who filled the sign-up in.
    verification::forget_details(tx, held.user).await?;
    let mut proven = verification::prove(auth, tx, who, &held)
        .await
        .map_err(|error| if matches!(error, Error::Refused(404, _)) { spent() } else { error })?;
    if proven.news {
        // Also the identity that the account was made with may be another's (T25).
        identities::drop_all(tx, held.user).await?;
    }
    users::raise_epoch(tx, held.user, held.epoch).await?.ok_or_else(spent)?;
    users::set_password(tx, held.user, hash).await?;
    let ended = sessions::end_all(tx, held.user).await?;
    tokens::end_all(tx, held.user).await?;
    if auth.settings.email.notices.password_reset {
        jobs::outbox::ask(tx, Mailing::PasswordResetDone, held.user, now).await?;
    }
    let event = Event::about(held.user, "password.reset");
    event.record(tx, now, who).await?;
    proven.events.push(event);
    Ok((proven.events, ended))
}
