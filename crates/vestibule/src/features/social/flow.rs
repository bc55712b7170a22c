//! The rules of logging in with what a provider gave to a client: a code, an ID token or an access token.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::audit::Event;
use crate::accounts::limits::{self, Action};
use crate::accounts::login::{self, Door, Granted};
use crate::accounts::sessions::Method;
use crate::accounts::{Auth, Client, UserId};
use crate::db::Tx;
use crate::forms::{Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Language, Message, Result, Secret, Time};
use crate::social::exchange::{self, Code, Tokens};
use crate::social::{Failure, Person, Provider};

use super::details::{self, Details};
use super::identify::{self, Asserted, Identified, identify};
use super::kept;
use super::store::{self, Pending};

/// How long somebody has to tell what is missing.
const PENDING: Duration = Duration::from_secs(30 * 60);

/// How long a code can be exchanged.
const CODE: Duration = Duration::from_secs(60);

/// What a client brings.
pub fn form() -> Form {
    let texts = ["access_token", "code", "id_token"].map(|name| Field::new(name, Kind::Text).optional().blank());
    Form::new(texts.into_iter().collect())
}

/// What came of it.
pub enum Outcome {
    /// The account is open.
    LoggedIn(Box<Granted>),
    /// The account opens to the browser that brings this code.
    Code(Secret),
    /// The address must be proven first.
    ToVerify,
    /// These fields are missing, and by this token they can be told.
    Incomplete(Secret, Vec<String>),
}

/// Somebody of whom a provider told.
pub(super) struct Told {
    pub(super) provider: Arc<Provider>,
    pub(super) person: Person,
    /// The provider's tokens, encrypted, where they are kept.
    pub(super) tokens: Option<Vec<u8>>,
    /// A token that must not count twice, and until when it would.
    once: Option<(Secret, Time)>,
}

/// Logs in with what a client brings.
///
/// # Errors
/// One and the same for everything that does not count; [`Message::ProviderUnavailable`]; those of [`identify()`] and of
/// [`login::finish`].
pub async fn login(
    auth: &Auth,
    who: &Client,
    id: &str,
    values: &Values,
    errors: FieldErrors,
    language: &Language,
) -> Result<Outcome> {
    limits::hit(auth, Action::Login, who).await?;
    errors.into_result()?;
    let told = ask(auth, id, values).await?;
    let entrance = Entrance::Session(Door::Endpoint);
    enter(auth, who, Visitor { came: Came::FromProvider(Box::new(told), None), details: Details::none(language), entrance }).await
}

/// Asks the provider who it is.
pub(super) async fn ask(auth: &Auth, id: &str, values: &Values) -> Result<Told> {
    let provider = auth.social.providers.get(id).ok_or(Error::Refused(404, Message::NotFound))?.clone();
    let now = auth.clock.now();
    let text = |name: &str| values.text(name).map(Secret::from);
    let (code, id_token, access) = (text("code"), text("id_token"), text("access_token"));
    let asked = match (code, id_token, access) {
        (Some(code), ..) => by_code(auth, &provider, &code, now).await,
        (None, Some(token), _) => exchange::by_id_token(&provider, &token, now).await.map(|(person, ends)| Told {
            provider: provider.clone(),
            person,
            tokens: None,
            once: Some((token, ends.plus(Duration::from_secs(120)))),
        }),
        (None, None, Some(token)) if provider.takes_access_tokens(auth.settings.compat()) => {
            let person = exchange::by_access_token(&provider, &token, now).await;
            person.map(|person| Told { provider: provider.clone(), person, tokens: None, once: None })
        }
        (None, None, Some(_)) => Err(Failure::Untrusted("this provider's access tokens are not taken from clients".into())),
        (None, None, None) => return Err(Error::non_field(Message::SocialInputMissing)),
    };
    asked.map_err(|failure| refused(&provider, &failure))
}

async fn by_code(auth: &Auth, provider: &Arc<Provider>, code: &Secret, now: Time) -> Result<Told, Failure> {
    let code = Code { code, redirect: &provider.front_callback, verifier: None, nonce: None };
    let (person, tokens) = exchange::by_code(provider, &code, now).await?;
    told(auth, provider, person, &tokens).map_err(|error| Failure::Unavailable(format!("{error:?}")))
}

/// Somebody, with the provider's tokens encrypted where the settings keep them.
pub(super) fn told(auth: &Auth, provider: &Arc<Provider>, person: Person, tokens: &Tokens) -> Result<Told> {
    let tokens = kept::seal(auth, provider, &person, tokens)?;
    Ok(Told { provider: provider.clone(), person, tokens, once: None })
}

/// The answer to a client, and the reason for the log.
pub(super) fn refused(provider: &Provider, failure: &Failure) -> Error {
    tracing::warn!(provider = provider.id, code = failure.code(), %failure, "a sign-in with a provider failed");
    Error::non_field(match failure {
        Failure::Unavailable(_) | Failure::Misconfigured(_) => Message::ProviderUnavailable,
        Failure::Refused(_) | Failure::Untrusted(_) => Message::SocialIncorrect,
    })
}

/// Somebody who wants to come in.
pub(super) struct Visitor {
    /// Where from.
    pub(super) came: Came,
    /// What the person told besides.
    pub(super) details: Details,
    /// What is given to whoever may come in.
    pub(super) entrance: Entrance,
}

/// Where somebody comes from.
pub(super) enum Came {
    /// From a provider. What it did not tell may be told later, by that browser alone where there is one.
    FromProvider(Box<Told>, Option<Secret>),
    /// With what was missing: by the token for it, from that browser.
    WithTheRest(Secret, Option<Secret>),
}

/// What whoever comes in is given.
pub(super) enum Entrance {
    /// A session.
    Session(Door),
    /// A code, which that browser alone exchanges for a session.
    Code(Secret),
}

/// Opens the account of somebody, or says what is missing.
pub(super) async fn enter(auth: &Auth, who: &Client, visitor: Visitor) -> Result<Outcome> {
    let (floor, sender) = (auth.clone(), who.clone());
    let (outcome, events) = auth
        .unit(move |tx| async move {
            let mut events = Vec::new();
            let outcome = visitor.settle(&floor, &tx, &sender, &mut events).await?;
            Ok((outcome, events))
        })
        .await?;
    tell(auth, who, &events);
    if let Outcome::LoggedIn(granted) = &outcome {
        granted.event.log(who);
    }
    Ok(outcome)
}

impl Visitor {
    /// In a unit. What is to be logged once that is safe is put into `events`.
    async fn settle(&self, auth: &Auth, tx: &Tx, who: &Client, events: &mut Vec<Event>) -> Result<Outcome> {
        let restored;
        let told = match &self.came {
            Came::FromProvider(told, _) => {
                spend(tx, told).await?;
                told
            }
            Came::WithTheRest(token, browser) => {
                let pending = store::take_pending(tx, token, browser.as_ref(), auth.clock.now()).await?;
                restored = restore(auth, pending)?.ok_or(Error::Refused(404, Message::NotFound))?;
                &restored
            }
        };
        let asserted =
            Asserted { provider: &told.provider, person: &told.person, tokens: told.tokens.as_deref(), details: &self.details };
        match (identify(auth, tx, who, &asserted, events).await?, &self.came) {
            (Identified::Account(id, epoch), _) => self.entrance.open(auth, tx, who, (id, epoch)).await,
            (Identified::ToVerify, _) => Ok(Outcome::ToVerify),
            (Identified::Incomplete(missing), Came::FromProvider(told, browser)) => {
                Ok(Outcome::Incomplete(keep(auth, tx, told, browser.as_ref()).await?, missing))
            }
            (Identified::Incomplete(missing), Came::WithTheRest(..)) => Err(required(&missing)),
        }
    }
}

impl Entrance {
    async fn open(&self, auth: &Auth, tx: &Tx, who: &Client, account: (UserId, i64)) -> Result<Outcome> {
        match self {
            Self::Session(door) => Ok(Outcome::LoggedIn(Box::new(door.finish(auth, tx, who, account, Method::Social).await?))),
            Self::Code(browser) => {
                login::would_finish(auth, tx, account.0, account.1).await?;
                let code = Secret::from(hex::encode(auth.entropy.bytes::<24>()?));
                store::keep_code(tx, &code, browser, account, auth.clock.now().plus(CODE)).await?;
                Ok(Outcome::Code(code))
            }
        }
    }
}

/// An ID token that a client brought counts once (T50).
pub(super) async fn spend(tx: &Tx, told: &Told) -> Result<()> {
    match &told.once {
        Some((token, until)) if !store::use_once(tx, token, *until).await? => Err(Error::non_field(Message::SocialIncorrect)),
        _ => Ok(()),
    }
}

/// Keeps somebody until what is missing is told.
pub(super) async fn keep(auth: &Auth, tx: &Tx, told: &Told, browser: Option<&Secret>) -> Result<Secret> {
    let token = Secret::from(hex::encode(auth.entropy.bytes::<24>()?));
    let person = serde_json::to_value(&told.person).map_err(|error| Error::internal(error.to_string()))?;
    let pending = Pending { provider: told.provider.id.to_owned(), person, tokens: told.tokens.clone() };
    store::keep_pending(tx, &token, browser, &pending, auth.clock.now().plus(PENDING)).await?;
    Ok(token)
}

/// Tells the log, once the unit is safe; and the worker, since there may be mails.
pub(super) fn tell(auth: &Auth, who: &Client, events: &[Event]) {
    auth.courier.bell.notify_one();
    events.iter().for_each(|event| event.log(who));
}

/// What somebody tells who was asked for what is missing, and from which browser.
pub(super) struct Rest {
    pub(super) values: Values,
    pub(super) errors: FieldErrors,
    pub(super) browser: Option<Secret>,
}

/// Makes the account of somebody who told what was missing. The token stays good while anything is wrong.
///
/// # Errors
/// 404 for a token that does not count (any more), [`Error::Fields`] with what is wrong or still missing, and as [`login()`].
pub(super) async fn complete(auth: &Auth, who: &Client, rest: Rest, entrance: Entrance, language: &Language) -> Result<Outcome> {
    limits::hit(auth, Action::Registration, who).await?;
    let Rest { values, mut errors, browser } = rest;
    auth.shapes.check(&values, &mut errors);
    errors.into_result()?;
    let token = values.secret(details::TOKEN).cloned().ok_or_else(|| Error::field(details::TOKEN, Message::Required))?;
    let details = Details::told(values, language);
    enter(auth, who, Visitor { came: Came::WithTheRest(token, browser), details, entrance }).await
}

/// Which fields are missing of whom the token is about; `None` for a token that does not count (any more).
///
/// # Errors
/// Those of the database.
pub(super) async fn missing(auth: &Auth, token: &Secret, browser: &Secret, language: &Language) -> Result<Option<Vec<String>>> {
    let pending = store::find_pending(&auth.db, token, Some(browser), auth.clock.now()).await?;
    let Some(told) = restore(auth, pending)? else { return Ok(None) };
    let address = identify::told_address(auth, &told.person);
    let whole = Details::none(language).profile(auth, &told.person, address.is_some());
    Ok(Some(whole.err().unwrap_or_default()))
}

fn required(missing: &[String]) -> Error {
    let mut errors = FieldErrors::default();
    missing.iter().for_each(|name| errors.add(name.as_str(), Message::Required));
    Error::Fields(errors)
}

/// A provider that was taken out of the settings meanwhile opens nothing.
fn restore(auth: &Auth, pending: Option<Pending>) -> Result<Option<Told>> {
    let Some(pending) = pending else { return Ok(None) };
    let Some(provider) = auth.social.providers.get(&pending.provider).cloned() else { return Ok(None) };
    let person = serde_json::from_value(pending.person).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Some(Told { provider, person, tokens: pending.tokens, once: None }))
}
