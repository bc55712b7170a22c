//! The rules of making an account.

use serde_json::Value;

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::login::{self, Granted};
use crate::accounts::sessions::Method;
use crate::accounts::shapes::{OwnWords, username_field};
use crate::accounts::users::{self, NewUser};
use crate::accounts::{Auth, Client, enrolment, unique};
use crate::db::Tx;
use crate::forms::{Datum, Field, Form, Kind, Values};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, FieldErrors, Language, Message, Result, Secret};
use crate::jobs;
use crate::mail::templates::Kind as Mailing;
use crate::settings::{Presence, Profile, Verification};

/// What registration takes, as the settings declare it.
pub fn form(auth: &Auth) -> Form {
    let account = &auth.settings.account;
    let standard = [(username_field(&auth.settings), account.username), (Field::new("email", Kind::Email), account.email)];
    let standard = standard.into_iter().filter_map(|(field, presence)| match presence {
        Presence::Required => Some(field),
        Presence::Optional => Some(field.optional()),
        Presence::Off => None,
    });
    let passwords = ["password1", "password2"].map(|name| Field::new(name, Kind::Password));
    let declared = auth.shapes.asked_at_registration().map(|declared| declared.field.clone());
    Form::new(standard.chain(passwords).chain(declared).collect())
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
pub async fn register(
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
    refuse_taken(auth, &values, &mut errors).await?;
    errors.into_result()?;
    let profile = profile(auth, &values);
    let password = agreed(auth, &values, &profile)?;
    // Hashed also for an address that has an account, so that both answers take as long (T11).
    let hash = auth.hasher.hash(password.clone()).await?;
    if is_hidden(auth, &values).await? {
        return tell_owner(auth, &values).await;
    }
    let new = NewUser { language: Some(language.tag().to_owned()), ..new_user(auth, &values, hash, profile) };
    make(auth, who, new).await
}

/// What can be said early of values that another account holds, together with everything else that is wrong. The indexes
/// decide later; were it left to them, a taken value would show whether the address beside it has an account (T11).
async fn refuse_taken(auth: &Auth, values: &Values, errors: &mut FieldErrors) -> Result<()> {
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
    for declared in auth.shapes.asked_at_registration() {
        let name = &declared.field.name;
        if let Some(datum) = values.get(name)
            && unique::is_taken(&auth.db, declared, &datum.to_json()).await?
        {
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

/// Whoever has the address learns that somebody tried to sign up with it, and the answer is that of a sign-up.
async fn tell_owner(auth: &Auth, values: &Values) -> Result<Registered> {
    if let Some(address) = values.email("email").map(|address| address.shown().to_owned()) {
        let now = auth.clock.now();
        auth.db
            .unit(move |tx| async move { jobs::outbox::ask_for_address(&tx, Mailing::AccountAlreadyExists, &address, now).await })
            .await?;
        auth.courier.bell.notify_one();
    }
    Ok(Registered::ToVerify)
}

fn agreed<'a>(auth: &Auth, values: &'a Values, profile: &Value) -> Result<&'a Secret> {
    let (Some(first), Some(second)) = (values.secret("password1"), values.secret("password2")) else {
        return Err(Error::field("password1", Message::Required));
    };
    if first != second {
        return Err(Error::non_field(Message::PasswordsDiffer));
    }
    let words = OwnWords {
        username: values.username("username").map(|name| name.shown()),
        email: values.email("email").map(|address| address.shown()),
        first_name: values.text("first_name"),
        last_name: values.text("last_name"),
        profile,
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

fn new_user(auth: &Auth, values: &Values, hash: String, profile: Value) -> NewUser {
    NewUser {
        usernames: usernames(auth, values),
        email: values.email("email").cloned(),
        email_verified: false,
        owns_email: auth.settings.account.email_verification != Verification::Mandatory,
        password: Some(hash.into()),
        first_name: String::new(),
        last_name: String::new(),
        is_staff: false,
        profile,
        language: None,
    }
}

/// The name that was chosen, or where names are optional some that are made from the address.
fn usernames(auth: &Auth, values: &Values) -> Vec<Username> {
    match values.username("username") {
        Some(name) => vec![name.clone()],
        None => users::derived_names(auth, values.email("email")),
    }
}

async fn make(auth: &Auth, who: &Client, new: NewUser) -> Result<Registered> {
    let (floor, sender) = (auth.clone(), who.clone());
    let (registered, event) = auth.unit(move |tx| async move { write(&floor, &tx, &sender, new).await }).await?;
    auth.courier.bell.notify_one();
    event.log(who);
    if let Registered::LoggedIn(granted) = &registered {
        granted.event.log(who);
    }
    Ok(registered)
}

async fn write(auth: &Auth, tx: &Tx, who: &Client, new: NewUser) -> Result<(Registered, Event)> {
    let (user, event) = enrolment::enrol(auth, tx, who, new, auth.clock.now()).await?;
    let registered = if auth.settings.account.email_verification == Verification::Mandatory {
        Registered::ToVerify
    } else {
        Registered::LoggedIn(Box::new(login::finish(auth, tx, who, user.id, user.epoch, Method::Registration).await?))
    };
    Ok((registered, event))
}
