//! The way over a provider and back, over HTTP.

use ::http::Method;
use serde_json::json;

use crate::accounts::{Auth, links, returns};
use crate::forms::{Field, Form, Kind};
use crate::ground::{Error, Message, Result, Secret};
use crate::http::cookies::SetCookie;
use crate::http::{self, Answer, Call, Endpoint, Gives, Operation};
use crate::settings::{SameSite, Settings};
use crate::social::Provider;

use super::crossing::{self, Back, Landed, Onward, Stopped};
use super::details;

/// How long a browser keeps its name, in seconds: longer than a start and all that follows take.
const KEPT: u32 = 3600;

/// The cookie that names a browser. `__Host-` keeps neighbouring hosts from setting it (RFC 6265bis §4.1.3.2).
fn cookie(settings: &Settings) -> &'static str {
    if settings.cookie_secure() { "__Host-social" } else { "social" }
}

/// What names the browser, if it was at a start of ours and its name is one of ours. `sent` gives the value of a cookie.
pub(super) fn browser(auth: &Auth, sent: impl Fn(&str) -> Option<Secret>) -> Option<Secret> {
    let name = sent(cookie(auth.settings()))?;
    let fits = name.expose().len() == 48 && name.expose().bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then_some(name)
}

fn named_in(call: &Call) -> Option<Secret> {
    browser(&call.auth, |name| call.cookie(name))
}

/// The header that gives a browser its name. It must come along when the provider sends the browser back, so never `Strict`; and
/// where the front end is on another site, that also starts and exchanges.
fn named(auth: &Auth, browser: &Secret) -> (&'static str, String) {
    let settings = auth.settings();
    let secure = if settings.cookie_secure() { "; Secure" } else { "" };
    let same_site = if settings.jwt.cookie_samesite == SameSite::None { SameSite::None } else { SameSite::Lax }.word();
    let text =
        format!("{}={}; HttpOnly; Max-Age={KEPT}; Path=/; SameSite={same_site}{secure}", cookie(settings), browser.expose());
    ("set-cookie", text)
}

/// `social/{id}/start/` and `social/{id}/callback/`. A callback may come by POST (Apple): it is asked for again by GET, since the
/// browser's name does not come along with another site's form. Where cookies of a session do come along, they speak for nothing here.
pub(super) fn endpoints(provider: &Provider) -> [Endpoint; 2] {
    let paths = &provider.paths;
    let start = Endpoint::new(paths.start, "Start")
        .described("Sends a browser to the provider; `next` says where it goes when it is back.")
        .forgiving()
        .with(
            Operation::new(Method::GET, |call| Box::pin(get_start(call)))
                .called(paths.go_id, "Go to a provider")
                .gives(Gives::nothing(302, "The provider's page is next; the front end's page for errors where there is none."))
                .gives(Gives::named(400, "`next` is not allowed.", "NextRefused", refused_schema(), refused_example())),
        )
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_start(call)))
                .called(paths.start_id, "Get the address of a provider's page")
                .taking(start_form())
                .gives(Gives::named(200, "The provider's page.", "Started", started_schema(), json!({ "url": "https://…" })))
                .gives(Gives::says(401, "Only who is logged in can connect a provider.", &Message::NotAuthenticated))
                .gives(Gives::says(403, "The login was too long ago.", &Message::ReauthenticationNeeded)),
        );
    let callback = Endpoint::new(paths.callback, "Callback")
        .described("Takes a browser back from the provider. Nobody but the provider sends somebody here.")
        .forgiving()
        .with(
            Operation::new(Method::GET, |call| Box::pin(callback(call)))
                .called(paths.callback_id, "Come back from a provider")
                .gives(Gives::nothing(302, "The front end is next, with `code` or `error` in the query.")),
        )
        .with(
            Operation::new(Method::POST, |call| Box::pin(callback(call)))
                .called(paths.form_id, "Come back from a provider with a form")
                .taking(back_form())
                .changing_nothing()
                .gives(Gives::nothing(303, "The same by GET is next.")),
        );
    [start, callback]
}

fn started_schema() -> serde_json::Value {
    json!({ "type": "object", "required": ["url"], "properties": { "url": { "type": "string", "format": "uri" } } })
}

fn refused_schema() -> serde_json::Value {
    json!({ "type": "object", "required": ["next"], "properties": { "next": { "type": "array", "items": { "type": "string" } } } })
}

fn refused_example() -> serde_json::Value {
    json!({ "next": [Message::ReturnUrlNotAllowed.text()] })
}

fn start_form() -> Form {
    Form::new(vec![Field::new("next", Kind::Text).optional().blank(), Field::new("connect", Kind::Boolean).optional()])
}

fn back_form() -> Form {
    let fields = ["code", "state", "iss", "error"].map(|name| Field::new(name, Kind::Text).optional().blank());
    Form::new(fields.into_iter().collect())
}

/// The provider's name in `social/{id}/…`.
fn id(call: &Call) -> &'static str {
    call.path().split('/').nth(1).unwrap_or_default()
}

async fn get_start(call: Call) -> Result<Answer> {
    let next = call.query("next");
    // Who only looks at the head goes nowhere.
    if call.is_head() {
        return Ok(Answer::json(200, json!({})));
    }
    let onward = onward(call.query("from").as_deref(), next.as_deref());
    let started = crossing::start(&call.auth, &call.who, id(&call), onward, named_in(&call), None).await;
    let started = match started.map_err(crossing::stopped) {
        Ok(started) => started,
        Err(Ok(stopped)) => return Ok(failed(&call, &stopped)),
        Err(Err(wrong)) => return Err(wrong),
    };
    let mut answer = elsewhere(302, started.url);
    answer.headers.push(named(&call.auth, &started.browser));
    Ok(answer)
}

/// Where somebody goes who says `from` and `next` in the query.
pub(super) fn onward<'a>(from: Option<&str>, next: Option<&'a str>) -> Onward<'a> {
    if from == Some("page") { Onward::Page(next) } else { Onward::FrontEnd(next) }
}

async fn post_start(call: Call) -> Result<Answer> {
    let values = call.values()?;
    let connects = matches!(values.get("connect"), Some(crate::forms::Datum::Boolean(true)));
    let caller = if connects { Some(call.caller()?) } else { None };
    let started =
        crossing::start(&call.auth, &call.who, id(&call), Onward::FrontEnd(values.text("next")), named_in(&call), caller).await?;
    let mut answer = Answer::json(200, json!({ "url": started.url }));
    answer.headers.push(named(&call.auth, &started.browser));
    Ok(answer)
}

async fn callback(call: Call) -> Result<Answer> {
    if call.is_head() {
        return Ok(Answer::json(200, json!({})));
    }
    if call.is_post() {
        return ask_again(&call);
    }
    let secret = |name: &str| call.query(name).map(Secret::from);
    let back = Back { code: secret("code"), state: secret("state"), issuer: call.query("iss"), error: call.query("error") };
    let done = crossing::callback(&call.auth, &call.who, id(&call), back, named_in(&call), &call.language).await;
    match done {
        Ok(landed) => {
            let cookies = cookies(&call.auth, &landed).await?;
            Ok(elsewhere(302, landed.to).with_cookies(cookies))
        }
        Err(stopped) => Ok(failed(&call, &stopped)),
    }
}

/// The cookies of whoever has landed.
pub(super) async fn cookies(auth: &Auth, landed: &Landed) -> Result<Vec<SetCookie>> {
    match &landed.granted {
        Some(granted) if landed.on_page => http::granted_on_page(auth, granted),
        Some(granted) => Ok(http::granted(auth, 200, granted).await?.cookies),
        None => Ok(Vec::new()),
    }
}

/// 303, so that the browser asks by GET whatever it sent (RFC 9110 §15.4.4).
fn ask_again(call: &Call) -> Result<Answer> {
    let values = call.values()?;
    let members = ["code", "state", "iss", "error"].into_iter().filter_map(|name| Some((name, values.text(name)?)));
    let provider = call.auth.social.providers.get(id(call)).ok_or(Error::Refused(404, Message::NotFound))?;
    Ok(elsewhere(303, returns::with(&provider.callback, &members.collect::<Vec<_>>())))
}

/// The front end's page for errors, or our own for signing in, with a stable code.
fn failed(call: &Call, stopped: &Stopped) -> Answer {
    let mut members = vec![("error", stopped.code), ("provider", id(call))];
    members.extend(stopped.token.as_ref().map(|token| (details::TOKEN, token.expose())));
    let settings = call.auth.settings();
    let ours = || settings.endpoints.place("sign-in").map(|_| links::page_url(settings, "sign-in"));
    let page = settings.frontend.error_url.clone().or_else(ours).or_else(|| settings.frontend.login_url.clone());
    let page = page.unwrap_or_else(|| format!("{}/", settings.public_url()));
    elsewhere(302, returns::with(&page, &members))
}

fn elsewhere(status: u16, url: String) -> Answer {
    let mut answer = Answer::json(status, json!({}));
    answer.headers.push(("location", url));
    // The address that was asked for holds a code, which is told to nobody.
    answer.headers.push(("referrer-policy", "no-referrer".to_owned()));
    answer
}

/// `POST social/exchange/`.
pub(super) fn exchange(auth: &Auth) -> Endpoint {
    let operation = Operation::new(Method::POST, |call| Box::pin(post_exchange(call)))
        .called("exchangeSocialCode", "Fetch a session")
        .taking(Form::new(vec![Field::new("code", Kind::Password)]))
        .gives(Gives::session(200, "A session is open.", auth));
    Endpoint::new("social/exchange", "Exchange")
        .described(
            "Exchanges the code with which a browser came back from a provider: once, within a minute, by this browser alone.",
        )
        .forgiving()
        .giving_cookies()
        .with(operation)
}

async fn post_exchange(call: Call) -> Result<Answer> {
    let values = call.values()?;
    let code = values.secret("code").cloned().ok_or_else(|| Error::field("code", Message::Required))?;
    let granted = crossing::exchange(&call.auth, &call.who, code, named_in(&call)).await?;
    http::granted(&call.auth, 200, &granted).await
}
