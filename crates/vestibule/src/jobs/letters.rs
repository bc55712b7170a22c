//! From a row of the outbox to a mail. Tokens and codes are made here, at the moment of sending, and only their hashes are kept.

use crate::accounts::tokens::{self, Issued, Purpose};
use crate::accounts::users::{self, User};
use crate::accounts::{Auth, links};
use crate::ground::names::EmailAddress;
use crate::ground::{Error, Result, Secret};
use crate::mail::Mail;
use crate::mail::templates::{About, Kind, Person};

use super::outbox::Job;

/// A mail, and the canonical form of the address that it goes to.
pub struct Letter {
    /// The mail.
    pub mail: Mail,
    /// By which mails to one address are counted.
    pub address_key: String,
}

/// Writes the mail of a job; nothing where nobody is to get one: an unknown or disabled account, an address that is proven
/// already, a reset that was asked for too long ago.
///
/// # Errors
/// Those of the database; [`Error::Internal`] when the template fails.
pub async fn write(auth: &Auth, job: &Job) -> Result<Option<Letter>> {
    let Some(user) = reader(auth, job).await? else { return Ok(None) };
    let Some(address) = user.email.as_deref().and_then(|shown| EmailAddress::parse(shown).ok()) else { return Ok(None) };
    let purpose = match job.kind {
        Kind::EmailConfirmation | Kind::EmailConfirmationSignup if user.email_verified => return Ok(None),
        Kind::EmailConfirmation | Kind::EmailConfirmationSignup => Some(Purpose::VerifyEmail),
        Kind::PasswordReset if is_stale(auth, job) => return Ok(None),
        Kind::PasswordReset => Some(Purpose::ResetPassword),
        _ => None,
    };
    let mut about = About { user: person(&user), email: address.shown().to_owned(), ..About::default() };
    if let Some(purpose) = purpose {
        let issued = issue(auth, purpose, &user, &address).await?;
        fill(auth, &mut about, purpose, &user, issued);
    }
    let language = match &user.language {
        Some(tag) => auth.languages.named(tag),
        None => auth.languages.fallback(),
    };
    let rendered = auth.templates.render(job.kind, &about, language).map_err(|error| Error::internal(error.to_string()))?;
    let mail = Mail {
        to: address.shown().to_owned(),
        from: auth.settings.email_from().unwrap_or_default(),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        link: about.link.as_ref().map(|link| link.expose().to_owned()),
        kind: job.kind.name(),
    };
    Ok(Some(Letter { mail, address_key: address.key().to_owned() }))
}

/// To whom: always an account, and always at its stored address (T20).
async fn reader(auth: &Auth, job: &Job) -> Result<Option<User>> {
    let found = match (job.user, job.params["email"].as_str().map(EmailAddress::parse)) {
        (Some(id), _) => users::by_id(&auth.db, id).await?,
        (None, Some(Ok(address))) => users::by_email(&auth.db, &address).await?,
        _ => None,
    };
    Ok(found.map(|found| found.user).filter(|user| user.is_active))
}

/// Nobody waits for a reset that was asked for when its link would have expired by now.
fn is_stale(auth: &Auth, job: &Job) -> bool {
    auth.clock.now() >= job.created_at.plus(auth.settings.password.reset_ttl.duration())
}

fn person(user: &User) -> Person {
    Person {
        username: user.username.clone().unwrap_or_default(),
        email: user.email.clone().unwrap_or_default(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        profile: user.profile.clone(),
    }
}

async fn issue(auth: &Auth, purpose: Purpose, user: &User, address: &EmailAddress) -> Result<Issued> {
    let (floor, user) = (auth.clone(), user.clone());
    let (shown, key) = (address.shown().to_owned(), address.key().to_owned());
    auth.db.unit(move |tx| async move { tokens::issue(&floor, &tx, purpose, &user, (&shown, &key)).await }).await
}

fn fill(auth: &Auth, about: &mut About, purpose: Purpose, user: &User, issued: Issued) {
    let settings = &auth.settings;
    match purpose {
        Purpose::VerifyEmail => {
            about.link = Some(Secret::from(links::confirm_email(settings, issued.token.expose())));
            about.key = Some(issued.token);
            about.code = Some(issued.code);
            about.valid_for = settings.email.verification_ttl.duration();
        }
        Purpose::ResetPassword => {
            let uid = auth.uid(user.id);
            about.link = Some(Secret::from(links::reset_password(settings, &uid, issued.token.expose())));
            about.uid = Some(Secret::from(uid));
            about.token = Some(issued.token);
            about.code = settings.password.reset_code.then_some(issued.code);
            about.valid_for = settings.password.reset_ttl.duration();
        }
    }
    about.code_valid_for = settings.email.code_ttl.duration();
}
