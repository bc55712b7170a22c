//! From a row of the outbox to a mail. Tokens and codes are made here, at the moment of sending, and only their hashes are kept.

use aws_lc_rs::hmac;

use crate::accounts::tokens::{self, Issued, Purpose};
use crate::accounts::users::{self, User};
use crate::accounts::{Auth, links, verification};
use crate::db::Tx;
use crate::ground::names::EmailAddress;
use crate::ground::{Result, Secret};
use crate::mail::templates::{About, Kind, Person};
use crate::mail::{Mail, SendError};

use super::outbox::Job;

/// What a job comes to.
pub enum Planned {
    /// A mail to somebody.
    For(Box<Plan>),
    /// Nobody is to get one: an unknown or disabled account, an address that is proven already or not wanted any more.
    Nobody,
    /// It was asked for so long ago that its link would have expired by now (T86).
    Expired,
}

/// To whom a mail goes, and what it is about.
pub struct Plan {
    kind: Kind,
    user: User,
    to: EmailAddress,
    purpose: Option<Purpose>,
}

impl Plan {
    /// The canonical form of the address that it goes to, by which mails are counted.
    pub fn address_key(&self) -> &str {
        self.to.key()
    }
}

/// Looks up to whom the mail of a job goes. Makes no token yet: the mail may be one too many.
///
/// # Errors
/// Those of the database.
pub async fn plan(auth: &Auth, job: &Job) -> Result<Planned> {
    if is_stale(auth, job) {
        return Ok(Planned::Expired);
    }
    Ok(find(auth, job).await?.map_or(Planned::Nobody, |plan| Planned::For(Box::new(plan))))
}

/// Makes the token and the code that the mail carries, if it carries any.
///
/// # Errors
/// Those of the database and of the randomness.
pub async fn issue(auth: &Auth, plan: &Plan) -> Result<Option<Issued>> {
    let Some(purpose) = plan.purpose else { return Ok(None) };
    let (floor, user) = (auth.clone(), plan.user.clone());
    let (shown, key) = (plan.to.shown().to_owned(), plan.to.key().to_owned());
    let work = move |tx: Tx| async move { tokens::issue(&floor, &tx, purpose, &user, (&shown, &key)).await };
    auth.db.unit(work).await.map(Some)
}

/// Writes the mail.
///
/// # Errors
/// [`SendError::Later`] when the template fails: it may be mended.
pub fn write(auth: &Auth, job: &Job, plan: &Plan, issued: Option<Issued>) -> Result<Mail, SendError> {
    let mut about = About {
        user: person(&plan.user),
        email: plan.to.shown().to_owned(),
        new_email: job.params["new_email"].as_str().unwrap_or_default().to_owned(),
        ..About::default()
    };
    about.link = way_out(auth, plan.kind).map(Secret::from);
    if let (Some(purpose), Some(issued)) = (plan.purpose, issued) {
        fill(auth, &mut about, purpose, &plan.user, issued);
    }
    let language = match &plan.user.language {
        Some(tag) => auth.languages.named(tag),
        None => auth.languages.fallback(),
    };
    let rendered = auth.templates.render(plan.kind, &about, language).map_err(|error| SendError::Later(error.to_string()))?;
    Ok(Mail {
        id: id(auth, job),
        to: plan.to.shown().to_owned(),
        from: auth.settings.email_from().unwrap_or_default(),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        link: about.link.as_ref().map(|link| link.expose().to_owned()),
        kind: plan.kind.name(),
    })
}

/// Where a notice sends a reader who is alarmed, or who has an account already. None of these links carries a credential.
fn way_out(auth: &Auth, kind: Kind) -> Option<String> {
    match kind {
        Kind::PasswordChanged | Kind::PasswordResetDone | Kind::SessionEnded => links::forgot_password(&auth.settings),
        Kind::AccountAlreadyExists => links::sign_in(&auth.settings),
        _ => None,
    }
}

/// The same for every try of one job. Keyed, so that it does not tell how many mails there were.
fn id(auth: &Auth, job: &Job) -> String {
    let text = format!("mail\0{}\0{}", job.id, job.created_at.millis());
    hex::encode(&hmac::sign(&auth.code_key, text.as_bytes()).as_ref()[..16])
}

async fn find(auth: &Auth, job: &Job) -> Result<Option<Plan>> {
    let Some(user) = reader(auth, job).await? else { return Ok(None) };
    let own = user.email.as_deref().and_then(|shown| EmailAddress::parse(shown).ok());
    let (to, purpose) = match job.kind {
        Kind::EmailChange => return change(auth, job, user).await,
        // The address that the account had: it was in the account's row when the mail was asked for.
        Kind::EmailChanged => (job.params["email"].as_str().and_then(|old| EmailAddress::parse(old).ok()), None),
        Kind::EmailConfirmation | Kind::EmailConfirmationSignup if user.email_verified => return Ok(None),
        Kind::EmailConfirmation | Kind::EmailConfirmationSignup => (own, Some(Purpose::VerifyEmail)),
        Kind::PasswordReset => (own, Some(Purpose::ResetPassword)),
        _ => (own, None),
    };
    Ok(to.map(|to| Plan { kind: job.kind, user, to, purpose }))
}

/// The mail to a new address: its key, unless the account wishes for another address by now. Where somebody else has proven the
/// address, that account hears that it was tried, and nobody gets a key (T14).
async fn change(auth: &Auth, job: &Job, user: User) -> Result<Option<Plan>> {
    let Some(to) = verification::asked_change(&auth.db, user.id).await? else { return Ok(None) };
    if job.params["email"].as_str() != Some(to.shown()) {
        return Ok(None);
    }
    let holder = users::by_email(&auth.db, &to).await?.map(|found| found.user);
    let Some(owner) = holder.filter(|holder| holder.email_verified && holder.id != user.id) else {
        return Ok(Some(Plan { kind: job.kind, user, to, purpose: Some(Purpose::ChangeEmail) }));
    };
    let stored = owner.email.as_deref().and_then(|shown| EmailAddress::parse(shown).ok());
    Ok(stored.filter(|_| owner.is_active).map(|to| Plan { kind: Kind::AccountAlreadyExists, user: owner, to, purpose: None }))
}

/// To whom: always an account, and always at an address that is stored (T20).
async fn reader(auth: &Auth, job: &Job) -> Result<Option<User>> {
    let found = match (job.user, job.params["email"].as_str().map(EmailAddress::parse)) {
        (Some(id), _) => users::by_id(&auth.db, id).await?,
        (None, Some(Ok(address))) => users::by_email(&auth.db, &address).await?,
        _ => None,
    };
    Ok(found.map(|found| found.user).filter(|user| user.is_active))
}

/// Nobody waits for a reset or a change that was asked for when its link would have expired by now.
fn is_stale(auth: &Auth, job: &Job) -> bool {
    let ttl = match job.kind {
        Kind::PasswordReset => auth.settings.password.reset_ttl,
        Kind::EmailChange => auth.settings.email.verification_ttl,
        _ => return false,
    };
    auth.clock.now() >= job.created_at.plus(ttl.duration())
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

fn fill(auth: &Auth, about: &mut About, purpose: Purpose, user: &User, issued: Issued) {
    let settings = &auth.settings;
    let token = issued.token.expose();
    let (link, valid_for) = match purpose {
        Purpose::VerifyEmail => (links::confirm_email(settings, token), settings.email.verification_ttl),
        Purpose::ChangeEmail => (links::change_email(settings, token), settings.email.verification_ttl),
        Purpose::ResetPassword => (links::reset_password(settings, &auth.uid(user.id), token), settings.password.reset_ttl),
    };
    about.link = Some(Secret::from(link));
    about.valid_for = valid_for.duration();
    about.code_valid_for = settings.email.code_ttl.duration();
    if purpose == Purpose::ResetPassword {
        about.uid = Some(Secret::from(auth.uid(user.id)));
        about.token = Some(issued.token);
        about.code = settings.password.reset_code.then_some(issued.code);
    } else {
        about.key = Some(issued.token);
        about.code = Some(issued.code);
    }
}
