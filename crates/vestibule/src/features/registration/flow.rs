//! The rules of making an account.

use std::convert::Infallible;

use serde_json::Value;

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::login::{Door, Granted};
use crate::accounts::sessions::Method;
use crate::accounts::shapes::OwnWords;
use crate::accounts::users::{self, NewUser};
use crate::accounts::{Auth, Client, enrolment, unique};
use crate::db::{self, Tx};
use crate::forms::{Datum, Form, Values};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, FieldErrors, Language, Message, Result, Secret};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::settings::{Profile, Verification};

/// What registration takes, as the settings or the host's own type declare it.
pub fn form(auth: &Auth) -> Form {
    auth.shapes.registration.clone()
}

/// What came of it.
pub enum Registered {
    /// The account is there and logged in.
    LoggedIn(Box<Granted>),
    /// The address must be proven first.
    ToVerify,
}

/// Makes an account from the values that are right, unless anything is wrong with the others.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong at once, [`Error::Limited`], those of hashing and of the database.
pub async fn register(auth: &Auth, who: &Client, values: Values, errors: FieldErrors, language: &Language) -> Result<Registered> {
    register_at(Door::Endpoint, auth, who, values, errors, language).await
}

/// The same on a page of ours.
///
/// # Errors
/// As [`register`].
pub async fn register_on_page(
    auth: &Auth,
    who: &Client,
    values: Values,
    errors: FieldErrors,
    language: &Language,
) -> Result<Registered> {
    register_at(Door::Page, auth, who, values, errors, language).await
}

async fn register_at(
    door: Door,
    auth: &Auth,
    who: &Client,
    values: Values,
    mut errors: FieldErrors,
    language: &Language,
) -> Result<Registered> {
    limits::hit(auth, Action::Registration, who).await?;
    if let Some(password) = values.secret("password1") {
        auth.policy.check(password).into_iter().for_each(|message| errors.add("password1", message));
    }
    auth.shapes.check(&values, &mut errors);
    let made = made(auth, &values, &mut errors)?;
    refuse_taken(auth, &values, &made.profile, &mut errors).await?;
    if errors.iter().any(|(_, messages)| messages.contains(&Message::EmailTaken))
        && auth.settings.email.notices.already_exists == Some(true)
    {
        tell_owner(auth, &values).await?;
    }
    errors.into_result()?;
    let password = agreed(auth, &values, &made)?;
    // Hashed also for an address that has an account, so that both answers take as long (T11).
    let hash = auth.hasher.hash(password.clone()).await?;
    let new = NewUser { language: Some(language.tag().to_owned()), ..new_user(auth, &values, hash, made) };
    if is_hidden(auth, &values).await? {
        rehearse(auth, new).await?;
        return tell_owner(auth, &values).await.map(|()| Registered::ToVerify);
    }
    make(door, auth, who, new).await
}

/// What the host's own form makes of the values, else an account with the values of the declared fields. The host is asked only
/// when nothing is wrong and the passwords agree, since its form must be whole.
fn made(auth: &Auth, values: &Values, errors: &mut FieldErrors) -> Result<NewUser> {
    let agree = values.secret("password1") == values.secret("password2");
    let own = if errors.is_empty() && agree { auth.shapes.new_user(values) } else { Ok(None) };
    match own {
        Ok(Some(made)) => return Ok(made),
        Ok(None) => {}
        Err(Error::Fields(refused)) => errors.merge(refused),
        Err(error) => return Err(error),
    }
    Ok(NewUser { profile: profile(auth, values), ..NewUser::default() })
}

/// What can be said early of values that another account holds, together with everything else that is wrong. The indexes
/// decide later; were it left to them, a taken value would show whether the address beside it has an account (T11).
async fn refuse_taken(auth: &Auth, values: &Values, profile: &Value, errors: &mut FieldErrors) -> Result<()> {
    if let Some(name) = values.username("username")
        && users::username_is_taken(&auth.db, name).await?
    {
        errors.add("username", Message::UsernameTaken);
    }
    if let Some(name) = values.username("username")
        && users::is_anothers_address(auth, name, values.email("email").map(EmailAddress::shown))
    {
        errors.add("username", Message::UsernameDenied);
    }
    if let Some(address) = values.email("email")
        && !hides_accounts(auth)
        && users::email_is_owned(&auth.db, address, auth.settings.account.email_verification).await?
    {
        errors.add("email", Message::EmailTaken);
    }
    for declared in &auth.shapes.declared {
        let name = &declared.field.name;
        if unique::is_taken(&auth.db, declared, &profile[name]).await? {
            errors.add(name.as_str(), Message::NotUnique);
        }
    }
    Ok(())
}

/// Whether the answer must not tell that an address has an account. Without mandatory verification the answer is a session,
/// which tells it anyway.
fn hides_accounts(auth: &Auth) -> bool {
    let account = &auth.settings.account;
    account.profile == Profile::Strict && account.email_verification == Verification::Mandatory
}

async fn is_hidden(auth: &Auth, values: &Values) -> Result<bool> {
    match values.email("email") {
        Some(address) if hides_accounts(auth) => {
            users::email_is_owned(&auth.db, address, auth.settings.account.email_verification).await
        }
        _ => Ok(false),
    }
}

/// What a unit that is only tried out ends with: it is always undone.
struct Undone(Result<()>);

impl From<db::Error> for Undone {
    fn from(error: db::Error) -> Self {
        Self(Err(error.into()))
    }
}

/// Asks the host's hook about an account that is not made. Did it refuse only those that are made, then its refusal would show
/// that the address has no account (T11).
async fn rehearse(auth: &Auth, mut new: NewUser) -> Result<()> {
    if auth.hooks.are_none() {
        return Ok(());
    }
    let floor = auth.clone();
    let tried = auth
        .db
        .unit_with_hooks(move |tx| async move { Err::<Infallible, _>(Undone(floor.hooks.before_register(&tx, &mut new).await)) });
    match tried.await {
        Ok(never) => match never {},
        Err(Undone(said)) => said,
    }
}

/// Whoever has the address learns that somebody tried to sign up with it, and the answer is that of a sign-up.
async fn tell_owner(auth: &Auth, values: &Values) -> Result<()> {
    if let Some(address) = values.email("email").map(|address| address.shown().to_owned()) {
        let now = auth.clock.now();
        auth.db
            .unit(move |tx| async move { jobs::outbox::ask_for_address(&tx, Mailing::AccountAlreadyExists, &address, now).await })
            .await?;
        auth.courier.bell.notify_one();
    }
    Ok(())
}

fn agreed<'a>(auth: &Auth, values: &'a Values, made: &NewUser) -> Result<&'a Secret> {
    let (Some(first), Some(second)) = (values.secret("password1"), values.secret("password2")) else {
        return Err(Error::field("password1", Message::Required));
    };
    if first != second {
        return Err(Error::non_field(Message::PasswordsDiffer));
    }
    let words = OwnWords {
        username: values.username("username").map(|name| name.shown()),
        email: values.email("email").map(|address| address.shown()),
        first_name: Some(&made.first_name),
        last_name: Some(&made.last_name),
        profile: &made.profile,
    };
    match auth.policy.check_against(first, &auth.shapes.own_words(&words)).into_iter().next() {
        Some(similar) => Err(Error::non_field(similar)),
        None => Ok(first),
    }
}

fn profile(auth: &Auth, values: &Values) -> Value {
    let given = auth.shapes.asked_at_registration().filter_map(|declared| {
        let name = &declared.field.name;
        Some((name.clone(), values.get(name).filter(|datum| !matches!(datum, Datum::Null))?.to_json()))
    });
    Value::Object(given.collect())
}

/// Whatever a host's form made, address and password are those that this form has checked.
fn new_user(auth: &Auth, values: &Values, hash: String, made: NewUser) -> NewUser {
    NewUser {
        usernames: usernames(auth, values, &made),
        email: values.email("email").cloned(),
        owns_email: auth.settings.account.email_verification != Verification::Mandatory,
        password: Some(hash.into()),
        ..made
    }
}

/// The name that was chosen, or those that the host's form made, or where names are optional some that are made from the address.
fn usernames(auth: &Auth, values: &Values, made: &NewUser) -> Vec<Username> {
    if let Some(name) = values.username("username") {
        return vec![name.clone()];
    }
    let own = values.email("email").map(EmailAddress::shown);
    let names: Vec<_> = made.usernames.iter().filter(|name| !users::is_anothers_address(auth, name, own)).cloned().collect();
    if names.is_empty() { users::derived_names(auth, values.email("email")) } else { names }
}

async fn make(door: Door, auth: &Auth, who: &Client, new: NewUser) -> Result<Registered> {
    let (floor, sender) = (auth.clone(), who.clone());
    let (registered, event) = auth.unit(move |tx| async move { write(door, &floor, &tx, &sender, new).await }).await?;
    auth.courier.bell.notify_one();
    event.log(who);
    if let Registered::LoggedIn(granted) = &registered {
        granted.event.log(who);
    }
    Ok(registered)
}

async fn write(door: Door, auth: &Auth, tx: &Tx, who: &Client, new: NewUser) -> Result<(Registered, Event)> {
    let (user, event) = enrolment::enrol(auth, tx, who, new, auth.clock.now()).await?;
    let registered = if auth.settings.account.email_verification == Verification::Mandatory {
        Registered::ToVerify
    } else {
        Registered::LoggedIn(Box::new(door.finish(auth, tx, who, (user.id, user.epoch), Method::Registration).await?))
    };
    Ok((registered, event))
}
