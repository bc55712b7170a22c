//! What an operator does to accounts. Every act is audited; none needs the server to stop.

use serde_json::{Value, json};

use crate::db::Tx;
use crate::forms::{Completeness, Form, Input, Source};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, FieldErrors, Message, Result, Secret, Time, meters};
use crate::params;
use crate::settings::{Presence, Verification};

use super::audit::Event;
use super::shapes::OwnWords;
use super::users::{self, NewUser, User, UserWithPassword, user_columns};
use super::{Auth, Client, UserId, sessions, unique};

/// What an operator says of a new account.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// The name.
    pub username: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// Whether the address counts as proven.
    pub email_verified: bool,
    /// The password; without one nobody can log in by password.
    pub password: Option<Secret>,
    /// Whether the account is staff.
    pub is_staff: bool,
    /// The declared fields, by name.
    pub profile: Vec<(String, String)>,
}

/// Makes an account. Required declared fields may be left out: an operator may not know them.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong, and those of the database.
pub async fn create_user(auth: &Auth, account: NewAccount) -> Result<User> {
    let mut errors = FieldErrors::default();
    let username = username(auth, account.username.as_deref(), &mut errors);
    let email = email(auth, account.email.as_deref(), &mut errors);
    let profile = profile(auth, &account.profile, &mut errors);
    if username.as_ref().is_some_and(|name| users::is_anothers_address(auth, name, email.as_ref().map(EmailAddress::shown))) {
        errors.add("username", Message::UsernameDenied);
    }
    let words = OwnWords {
        username: username.as_ref().map(|name| name.shown()),
        email: email.as_ref().map(|address| address.shown()),
        first_name: None,
        last_name: None,
        profile: &profile,
    };
    let password = account.password.as_ref();
    weaknesses(auth, password, &words).into_iter().for_each(|message| errors.add("password", message));
    errors.into_result()?;
    let hash = match password {
        Some(password) => Some(auth.hasher.hash(password.clone()).await?),
        None => None,
    };
    let new = NewUser {
        usernames: username.map_or_else(|| users::derived_names(auth, email.as_ref()), |name| vec![name]),
        email,
        email_verified: account.email_verified,
        owns_email: auth.settings.account.email_verification != Verification::Mandatory,
        password: hash.map(Secret::from),
        first_name: String::new(),
        last_name: String::new(),
        is_staff: account.is_staff,
        profile,
        language: None,
        extra: Value::Null,
    };
    insert(auth, new).await
}

async fn insert(auth: &Auth, new: NewUser) -> Result<User> {
    let (floor, now, who) = (auth.clone(), auth.clock.now(), Client::command_line());
    let (user, event) = auth
        .db
        .unit(move |tx| async move {
            let user = users::insert(&tx, &new, now).await?;
            unique::claim(&tx, &floor.shapes.declared, user.id, &json!({}), &user.profile).await?;
            let event = Event::about(user.id, "user.created").with("staff", user.is_staff);
            event.record(&tx, now, &who).await?;
            Ok::<_, Error>((user, event))
        })
        .await?;
    event.log(&Client::operator(auth));
    Ok(user)
}

pub(super) fn username(auth: &Auth, text: Option<&str>, errors: &mut FieldErrors) -> Option<Username> {
    let account = &auth.settings.account;
    match (text, account.username) {
        (Some(text), Presence::Required | Presence::Optional) => {
            let parsed = Username::parse(text, account.username_min_length as usize, &account.username_denylist);
            parsed.map_err(|wrong| wrong.into_iter().for_each(|message| errors.add("username", message))).ok()
        }
        (Some(_), Presence::Off) => {
            errors.add("username", Message::NotOffered("account.username".into()));
            None
        }
        (None, Presence::Required) => {
            errors.add("username", Message::Required);
            None
        }
        (None, _) => None,
    }
}

pub(super) fn email(auth: &Auth, text: Option<&str>, errors: &mut FieldErrors) -> Option<EmailAddress> {
    match (text, auth.settings.account.email) {
        (Some(text), Presence::Required | Presence::Optional) => {
            EmailAddress::parse(text).map_err(|wrong| errors.add("email", wrong)).ok()
        }
        (Some(_), Presence::Off) => {
            errors.add("email", Message::NotOffered("account.email".into()));
            None
        }
        (None, Presence::Required) => {
            errors.add("email", Message::Required);
            None
        }
        (None, _) => None,
    }
}

pub(super) fn profile(auth: &Auth, members: &[(String, String)], errors: &mut FieldErrors) -> Value {
    let declared = &auth.shapes.declared;
    for (name, _) in members.iter().filter(|(name, _)| !declared.iter().any(|field| field.field.name == *name)) {
        errors.add(name.as_str(), Message::NotOffered("user.fields".into()));
    }
    let members = members.iter().map(|(name, text)| (name.clone(), crate::forms::Value::Text(text.clone()))).collect();
    let form = Form::new(declared.iter().map(|field| field.field.clone()).collect());
    let (values, wrong) = form.read(&Input::new(Source::Form, members), Completeness::Partial);
    for (field, messages) in wrong.iter() {
        messages.iter().for_each(|message| errors.add(field, message.clone()));
    }
    auth.shapes.check(&values, errors);
    let given = declared.iter().filter_map(|field| Some((field.field.name.clone(), values.get(&field.field.name)?.to_json())));
    Value::Object(given.filter(|(_, value)| !value.is_null()).collect())
}

fn weaknesses(auth: &Auth, password: Option<&Secret>, words: &OwnWords<'_>) -> Vec<Message> {
    let Some(password) = password else { return Vec::new() };
    auth.policy.check_all(password, &auth.shapes.own_words(words))
}

/// The account that an operator names: by number, by name, or by address.
///
/// # Errors
/// [`Error::Refused`] with 404 when there is none, and those of the database.
pub async fn find(auth: &Auth, name: &str) -> Result<User> {
    let found = match (name.parse(), EmailAddress::parse(name)) {
        (Ok(number), _) => users::by_id(&auth.db, UserId::from_i64(number)).await?,
        (_, Ok(address)) => users::by_email(&auth.db, &address).await?,
        _ => None,
    };
    let found = match (found, Username::parse(name, 1, &[])) {
        (None, Ok(name)) => users::by_username(&auth.db, name.key()).await?,
        (found, _) => found,
    };
    found.map(|UserWithPassword { user, .. }| user).ok_or(Error::Refused(404, Message::NotFound))
}

/// Disables an account: nobody comes in, and everything that was open ends at the next request (T29). Whether it was enabled.
///
/// # Errors
/// Those of the database.
pub async fn disable(auth: &Auth, id: UserId) -> Result<bool> {
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, epoch = epoch + 1, new_email = NULL, new_email_key = NULL, is_active = FALSE ",
        "WHERE id = $1 AND is_active = TRUE"
    );
    switch(auth, id, sql, "user.disabled").await
}

/// Enables a disabled account. What was open before stays ended. Whether it was disabled.
///
/// # Errors
/// Those of the database.
pub async fn enable(auth: &Auth, id: UserId) -> Result<bool> {
    let sql = "UPDATE auth_users SET version = version + 1, is_active = TRUE WHERE id = $1 AND is_active = FALSE";
    switch(auth, id, sql, "user.enabled").await
}

async fn switch(auth: &Auth, id: UserId, sql: &'static str, name: &'static str) -> Result<bool> {
    let now = auth.clock.now();
    let event = Event::about(id, name);
    let row = event.clone();
    let ended = auth
        .db
        .unit(move |tx| async move {
            if tx.run(sql, params![id.as_i64()]).await? == 0 {
                return Ok::<_, Error>(None);
            }
            // Nothing to end when the account is enabled: disabling has ended it all.
            let ended = sessions::end_all(&tx, id).await?;
            row.record(&tx, now, &Client::command_line()).await?;
            Ok(Some(ended))
        })
        .await?;
    if let Some(ended) = ended {
        metrics::counter!(meters::SESSIONS_ENDED, "why" => "operator").increment(ended);
        event.log(&Client::operator(auth));
    }
    Ok(ended.is_some())
}

/// Sets a password and ends every session.
///
/// # Errors
/// [`Error::Fields`] when the password is too weak, and those of the database.
pub async fn set_password(auth: &Auth, user: &User, password: &Secret) -> Result<()> {
    let mut errors = FieldErrors::default();
    weaknesses(auth, Some(password), &user.into()).into_iter().for_each(|message| errors.add("password", message));
    errors.into_result()?;
    let hash = auth.hasher.hash(password.clone()).await?;
    let (id, now) = (user.id, auth.clock.now());
    let event = Event::about(id, "password.changed").with("by", "operator");
    let row = event.clone();
    let ended = auth.db.unit(move |tx| async move { replace_password(&tx, id, &hash, &row, now).await }).await?;
    metrics::counter!(meters::SESSIONS_ENDED, "why" => "operator").increment(ended);
    event.log(&Client::operator(auth));
    Ok(())
}

/// How many sessions have ended.
async fn replace_password(tx: &Tx, id: UserId, hash: &str, event: &Event, now: Time) -> Result<u64> {
    let sql = concat!(
        "UPDATE auth_users SET version = version + 1, epoch = epoch + 1, new_email = NULL, new_email_key = NULL, password = $2 ",
        "WHERE id = $1"
    );
    if tx.run(sql, params![id.as_i64(), hash]).await? == 0 {
        return Err(Error::Refused(404, Message::NotFound));
    }
    let ended = sessions::end_all(tx, id).await?;
    event.record(tx, now, &Client::command_line()).await?;
    Ok(ended)
}

/// Accounts in the order of their numbers, beginning after `after`.
///
/// # Errors
/// Those of the database.
pub async fn list(auth: &Auth, after: i64, limit: i64) -> Result<Vec<User>> {
    let sql = concat!("SELECT ", user_columns!(), " FROM auth_users u WHERE u.id > $1 ORDER BY u.id LIMIT $2");
    Ok(auth.db.all(sql, params![after, limit]).await?)
}
