//! The rules of the way over a provider and back: start, callback, exchange (RFC 9700 §2.1, §4).
//!
//! A start belongs to one browser, by a cookie, and to one provider; its state counts once (T47). Whoever is back gets a session,
//! or a code that this browser alone exchanges for one.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::limits::{self, Action};
use crate::accounts::login::{self, Door, Granted};
use crate::accounts::sessions::{self, Caller, Method};
use crate::accounts::{Auth, Client, UserId, links, returns};
use crate::ground::{Error, Language, Message, Result, Secret};
use crate::settings::{Settings, TokenMode};
use crate::social::authorize;
use crate::social::exchange::{self, Code};
use crate::social::{Failure, Provider, one_line};

use super::connections::{attach, demand_recent_login};
use super::details::{self, Details};
use super::flow::{self, Came, Entrance, Outcome, Rest, Told, Visitor};
use super::store::{self, Flow};

/// How long somebody may be at a provider.
const STATE: Duration = Duration::from_secs(600);

/// Our page that asks for what a provider did not tell.
pub const COMPLETION: &str = "sign-up/complete";

/// Our page that says that a mail is on its way.
const TO_VERIFY: &str = "registration/account-email-verification-sent";

/// Why somebody who came back has no session: a stable code for the front end, and what else it needs.
#[derive(Debug)]
pub struct Stopped {
    /// The code.
    pub code: &'static str,
    /// With which what is missing can be told, where that is why.
    pub token: Option<Secret>,
}

impl From<&'static str> for Stopped {
    fn from(code: &'static str) -> Self {
        Self { code, token: None }
    }
}

/// Where a browser is sent.
pub struct Started {
    /// The provider's page.
    pub url: String,
    /// What names the browser when it is back.
    pub browser: Secret,
}

/// A fresh name for a browser.
///
/// # Errors
/// [`Error::Internal`] without randomness.
fn name_browser(auth: &Auth) -> Result<Secret> {
    Ok(hex::encode(auth.entropy.bytes::<24>()?).into())
}

/// Where somebody wants to go when they are back.
#[derive(Clone, Copy, Debug)]
pub enum Onward<'a> {
    /// To the front end: to that address, or to the usual one.
    FrontEnd(Option<&'a str>),
    /// On from a page of ours, with a session cookie: to that address, or to the usual one.
    Page(Option<&'a str>),
}

impl Onward<'_> {
    /// The address, if it is allowed.
    fn address(self, settings: &Settings) -> Option<String> {
        match self {
            Self::FrontEnd(next) => returns::target(settings, next),
            Self::Page(next) => Some(returns::from_page(settings, next)),
        }
    }

    fn is_page(self) -> bool {
        matches!(self, Self::Page(_))
    }
}

/// Sends a browser to a provider. `connects`: whose account the provider is to be connected to.
///
/// # Errors
/// [`Message::ReturnUrlNotAllowed`], 403 when connecting without a recent login, [`Message::ProviderUnavailable`], [`Error::Limited`]
/// and those of the database.
pub async fn start(
    auth: &Auth,
    who: &Client,
    id: &str,
    onward: Onward<'_>,
    browser: Option<Secret>,
    connects: Option<&Caller>,
) -> Result<Started> {
    limits::hit(auth, Action::Login, who).await?;
    let address = onward.address(&auth.settings);
    let (return_to, on_page) = (address.ok_or_else(|| Error::field("next", Message::ReturnUrlNotAllowed))?, onward.is_page());
    if let Some(caller) = connects {
        demand_recent_login(auth, caller).await?;
    }
    let provider = auth.social.providers.get(id).ok_or(Error::Refused(404, Message::NotFound))?.clone();
    let now = auth.clock.now();
    let metadata = provider.metadata(now).await.map_err(|failure| flow::refused(&provider, &failure))?;
    let ties = auth.social.flows.fresh(&auth.entropy)?;
    let url = authorize::url(&provider, &metadata, &ties).into();
    // Several windows of one browser may be on their way at once, so its name stays.
    let browser = browser.map_or_else(|| name_browser(auth), Ok)?;
    let connects = connects.map(|caller| (caller.user.id, caller.user.epoch, caller.session.sid.clone()));
    let (held, state) = (browser.clone(), ties.state);
    auth.db
        .unit(move |tx| async move {
            store::begin(&tx, &state, provider.id, &held, &Flow { return_to, on_page, connects }, now.plus(STATE)).await
        })
        .await?;
    Ok(Started { url, browser })
}

/// What keeps somebody from going to a provider, as a code for the page that people come to then.
///
/// # Errors
/// The error itself where the request is wrong: nobody is sent on by a link that somebody forged.
pub fn stopped(error: Error) -> Result<Stopped> {
    match &error {
        Error::Fields(fields) if fields.iter().any(|(name, _)| name == "next") => Err(error),
        Error::Refused(404, _) => Err(error),
        _ => Ok(fault(&error)),
    }
}

/// What a browser brings back from a provider.
#[derive(Default)]
pub struct Back {
    /// The code.
    pub code: Option<Secret>,
    /// The state.
    pub state: Option<Secret>,
    /// Who the provider says that it is (RFC 9207).
    pub issuer: Option<String>,
    /// Why it logs nobody in.
    pub error: Option<String>,
}

/// Where somebody goes who is back.
pub struct Landed {
    /// The address, with a code in its query where a session is to be fetched.
    pub to: String,
    /// The session, where cookies carry it.
    pub granted: Option<Box<Granted>>,
    /// Whether it began on a page of ours.
    pub on_page: bool,
}

impl Landed {
    /// Without a session.
    fn at(to: String) -> Self {
        Self { to, granted: None, on_page: false }
    }
}

/// Takes a browser back from a provider. Nothing is asked of the provider unless this browser was sent there and has not been back
/// yet (T47), and the answer is from there (T49).
///
/// # Errors
/// Why there is no session; faults of ours are told as codes as well.
pub async fn callback(
    auth: &Auth,
    who: &Client,
    id: &str,
    back: Back,
    browser: Option<Secret>,
    language: &Language,
) -> Result<Landed, Stopped> {
    let provider = auth.social.providers.get(id).ok_or("state_invalid")?.clone();
    let (Some(state), Some(browser)) = (back.state.clone(), browser) else { return Err("state_invalid".into()) };
    let (name, sent, held, now) = (provider.id, state.clone(), browser.clone(), auth.clock.now());
    let flow = auth.db.unit(move |tx| async move { store::end(&tx, &sent, name, &held, now).await }).await;
    let flow = flow.map_err(|error| fault(&error))?.ok_or("state_invalid")?;
    let told = ask(auth, &provider, back, state).await?;
    match flow.connects {
        Some(owner) => connect(auth, who, told, owner).await.map(|()| Landed::at(flow.return_to)),
        None => enter(auth, who, told, browser, flow, language).await,
    }
}

async fn ask(auth: &Auth, provider: &Arc<Provider>, back: Back, state: Secret) -> Result<Told, Stopped> {
    let failed = |failure: &Failure| {
        tracing::warn!(provider = provider.id, code = failure.code(), %failure, "a sign-in with a provider failed");
        Stopped::from(failure.code())
    };
    is_from(auth, provider, back.issuer.as_deref()).await.map_err(|failure| failed(&failure))?;
    if let Some(error) = back.error {
        tracing::info!(provider = provider.id, error = one_line(&error), "a provider logs somebody not in");
        return Err(if error.starts_with("access_denied") { "access_denied" } else { "provider_error" }.into());
    }
    let code = back.code.ok_or("provider_error")?;
    let ties = auth.social.flows.of(state);
    let code = Code {
        code: &code,
        redirect: &provider.callback,
        verifier: provider.kind.pkce.then_some(&ties.verifier),
        nonce: provider.speaks_openid().then_some(&ties.nonce),
    };
    let (person, tokens) = exchange::by_code(provider, &code, auth.clock.now()).await.map_err(|failure| failed(&failure))?;
    flow::told(auth, provider, person, &tokens).map_err(|error| fault(&error))
}

/// Whether the answer comes from the provider that was asked, as far as it says (RFC 9207 §2.4).
async fn is_from(auth: &Auth, provider: &Provider, issuer: Option<&str>) -> Result<(), Failure> {
    let metadata = provider.metadata(auth.clock.now()).await?;
    let mixed_up = |why: &str| Err(Failure::Untrusted(format!("the answer is another provider's: {why}")));
    match issuer {
        None if metadata.names_itself => mixed_up("iss is missing"),
        Some(issuer) if provider.speaks_openid() && issuer != metadata.issuer => mixed_up("iss is another"),
        Some(issuer) if auth.social.providers.iter().any(|other| other.id != provider.id && other.is_issuer(issuer)) => {
            mixed_up("iss is that of another provider")
        }
        _ => Ok(()),
    }
}

/// A fault of ours, as a code.
fn fault(error: &Error) -> Stopped {
    let code = match error {
        Error::Fields(fields) => fields.iter().next().and_then(|(_, messages)| messages.first()).map_or("refused", Message::code),
        Error::Refused(_, message) | Error::Unauthenticated(message) => message.code(),
        Error::Limited(_) => "throttled",
        Error::Unavailable(_) => "unavailable",
        Error::Internal(why) => {
            tracing::error!(why, "a sign-in with a provider failed");
            "internal_error"
        }
    };
    code.into()
}

/// Who connects must still be in the session in which it was begun (T54).
async fn connect(auth: &Auth, who: &Client, told: Told, owner: (UserId, i64, String)) -> Result<(), Stopped> {
    let (floor, sender) = (auth.clone(), who.clone());
    let event = auth
        .unit(move |tx| async move {
            if !sessions::is_open(&tx, owner.0, &owner.2, floor.clock.now()).await? {
                return Err(Error::Unauthenticated(Message::InvalidToken));
            }
            attach(&floor, &tx, &sender, &told, (owner.0, owner.1)).await
        })
        .await;
    let event = event.map_err(|error| fault(&error))?;
    flow::tell(auth, who, event.as_slice());
    Ok(())
}

async fn enter(
    auth: &Auth,
    who: &Client,
    told: Told,
    browser: Secret,
    flow: Flow,
    language: &Language,
) -> Result<Landed, Stopped> {
    let (settings, details) = (&auth.settings, Details::none(language));
    let entrance = entrance(settings, flow.on_page, &browser);
    let visitor = Visitor { came: Came::FromProvider(Box::new(told), Some(browser)), details, entrance };
    let outcome = match flow::enter(auth, who, visitor).await.map_err(|error| fault(&error)) {
        // Somebody who was told to prove an address, and has not done so yet.
        Err(stopped) if stopped.code == Message::EmailNotVerified.code() => Outcome::ToVerify,
        other => other?,
    };
    // A front end with a page for errors has its own for what is left to do.
    let ours = flow.on_page || settings.frontend.error_url.is_none();
    let has = |page: &str| ours && settings.endpoints.place(page).is_some();
    match outcome {
        Outcome::ToVerify if !has(TO_VERIFY) => Err(Message::EmailNotVerified.code().into()),
        Outcome::Incomplete(token, _) if !has(COMPLETION) => {
            Err(Stopped { code: Message::RegistrationIncomplete.code(), token: Some(token) })
        }
        outcome => Ok(landed(settings, outcome, flow.return_to, flow.on_page)),
    }
}

fn entrance(settings: &Settings, on_page: bool, browser: &Secret) -> Entrance {
    match (on_page, settings.tokens.mode) {
        (true, _) => Entrance::Session(Door::Page),
        (false, TokenMode::JwtCookie) => Entrance::Session(Door::Endpoint),
        (false, TokenMode::Opaque | TokenMode::Jwt) => Entrance::Code(browser.clone()),
    }
}

/// Where a browser goes: on, or to the page of ours that says what is left to do.
fn landed(settings: &Settings, outcome: Outcome, return_to: String, on_page: bool) -> Landed {
    match outcome {
        Outcome::LoggedIn(granted) => Landed { to: return_to, granted: Some(granted), on_page },
        Outcome::Code(code) => Landed::at(returns::with(&return_to, &[("code", code.expose())])),
        Outcome::ToVerify => Landed::at(links::page_url(settings, TO_VERIFY)),
        Outcome::Incomplete(token, _) => {
            let mut members = vec![(details::TOKEN, token.expose()), ("next", return_to.as_str())];
            members.extend(on_page.then_some(("from", "page")));
            Landed::at(returns::with(&links::page_url(settings, COMPLETION), &members))
        }
    }
}

/// Makes the account of somebody who told on our page what was missing, and sends the browser on as if the provider had told it.
///
/// # Errors
/// As [`flow::complete`].
pub(super) async fn complete(auth: &Auth, who: &Client, rest: Rest, onward: Onward<'_>, language: &Language) -> Result<Landed> {
    let browser = rest.browser.clone().ok_or(Error::Refused(404, Message::NotFound))?;
    let (settings, on_page) = (&auth.settings, onward.is_page());
    let return_to = onward.address(settings).or_else(|| returns::target(settings, None)).unwrap_or_default();
    let outcome = flow::complete(auth, who, rest, entrance(settings, on_page, &browser), language).await?;
    Ok(landed(settings, outcome, return_to, on_page))
}

/// Exchanges a code for a session: once, for a minute, by the browser that was sent to the provider.
///
/// # Errors
/// [`Message::SocialIncorrect`] for a code that does not count, those of [`login::finish`].
pub async fn exchange(auth: &Auth, who: &Client, code: Secret, browser: Option<Secret>) -> Result<Granted> {
    limits::hit(auth, Action::Login, who).await?;
    let wrong = || Error::field("code", Message::SocialIncorrect);
    let browser = browser.ok_or_else(wrong)?;
    let (floor, sender) = (auth.clone(), who.clone());
    let granted = auth
        .unit(move |tx| async move {
            let (id, epoch) = store::spend_code(&tx, &code, &browser, floor.clock.now()).await?.ok_or_else(wrong)?;
            login::finish(&floor, &tx, &sender, id, epoch, Method::Social).await
        })
        .await?;
    granted.event.log(who);
    Ok(granted)
}
