//! The rules of logging in by password.

use crate::accounts::limits::{self, Action};
use crate::accounts::login::{self, Door, Granted};
use crate::accounts::sessions::Method;
use crate::accounts::users::{self, UserWithPassword};
use crate::accounts::{Auth, Client};
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::names::{EmailAddress, Username};
use crate::ground::{Error, FieldErrors, Message, Result, Secret};
use crate::settings::LoginMethod;

/// What login takes: any one of name and address, as the settings allow, and the password.
pub fn form() -> Form {
    Form::new(vec![
        Field::new("username", Kind::Text).optional().blank(),
        Field::new("email", Kind::Email).optional().blank(),
        Field::new("password", Kind::Password),
    ])
}

/// Logs in with the values that are right, unless anything is wrong with the others. A form that is not filled in counts as a
/// try too.
///
/// # Errors
/// One and the same for every name and password that do not belong together; see [`login::prove`] and [`login::finish`].
pub async fn login(auth: &Auth, who: &Client, values: &Values, errors: FieldErrors) -> Result<Granted> {
    login_at(Door::Endpoint, auth, who, values, errors).await
}

/// The same on a page of ours.
///
/// # Errors
/// As [`login()`].
pub async fn login_on_page(auth: &Auth, who: &Client, values: &Values, errors: FieldErrors) -> Result<Granted> {
    login_at(Door::Page, auth, who, values, errors).await
}

async fn login_at(door: Door, auth: &Auth, who: &Client, values: &Values, errors: FieldErrors) -> Result<Granted> {
    limits::hit(auth, Action::Login, who).await?;
    errors.into_result()?;
    let identifier = Identifier::read(&auth.settings.account.login_methods, values)?;
    let Some(password) = values.secret("password").cloned() else { return Err(Error::field("password", Message::Required)) };
    let found = identifier.find(auth).await?;
    let proof = login::prove(auth, who, found, &identifier.name(), &password, Error::non_field(Message::LoginFailed)).await?;
    let granted = open(door, auth, who, proof, &password).await?;
    granted.event.log(who);
    Ok(granted)
}

async fn open(door: Door, auth: &Auth, who: &Client, proof: login::Proof, password: &Secret) -> Result<Granted> {
    let (floor, sender) = (auth.clone(), who.clone());
    let proof = std::sync::Arc::new(proof);
    let held = proof.clone();
    let granted = auth
        .unit(move |tx| async move {
            let granted = door.finish(&floor, &tx, &sender, (held.user.id, held.user.epoch), Method::Password).await?;
            held.settle_in(&tx).await?;
            Ok::<_, Error>(granted)
        })
        .await;
    match granted {
        Ok(granted) => {
            proof.settled(auth);
            proof.refresh_hash(auth, password).await;
            Ok(granted)
        }
        Err(refused) => {
            // The password was right all the same.
            proof.settle(auth).await?;
            Err(refused)
        }
    }
}

/// Which account is meant.
enum Identifier {
    Email(EmailAddress, Option<String>),
    Username(String, Option<EmailAddress>),
}

impl Identifier {
    fn read(methods: &[LoginMethod], values: &Values) -> Result<Self> {
        let by_email = methods.contains(&LoginMethod::Email);
        let by_name = methods.contains(&LoginMethod::Username);
        let (name, address) = (values.text("username").filter(|_| by_name), values.email("email").filter(|_| by_email));
        match (address, name) {
            (Some(address), name) => Ok(Self::Email(address.clone(), name.map(fold))),
            (None, Some(name)) => Ok(Self::Username(fold(name), by_email.then(|| EmailAddress::parse(name).ok()).flatten())),
            (None, None) => Err(Error::non_field(match (by_name, by_email) {
                (true, true) => Message::LoginNeedsEither,
                (true, false) => Message::LoginNeedsUsername,
                _ => Message::LoginNeedsEmail,
            })),
        }
    }

    async fn find(&self, auth: &Auth) -> Result<Option<UserWithPassword>> {
        match self {
            Self::Email(address, None) => users::by_email(&auth.db, address).await,
            // Both are given: they must mean the same account.
            Self::Email(address, Some(name)) => {
                let found = users::by_email(&auth.db, address).await?;
                Ok(found.filter(|found| found.user.username.as_deref().map(fold).as_ref() == Some(name)))
            }
            Self::Username(name, None) => users::by_username(&auth.db, name).await,
            Self::Username(name, Some(address)) => users::by_username_or_email(&auth.db, name, address).await,
        }
    }

    /// By which tries at accounts that do not exist are counted.
    fn name(&self) -> String {
        match self {
            Self::Email(address, _) | Self::Username(_, Some(address)) => address.key().to_owned(),
            Self::Username(name, None) => name.clone(),
        }
    }
}

fn fold(name: &str) -> String {
    Username::key_of(name)
}
