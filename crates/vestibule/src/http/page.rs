//! Pages for people. Behind the links of mails the address holds the credential, so those need no session; on the others a cookie
//! says who is there. Nothing about them is cached, referred to or framed, and only POST ever changes anything unless the settings
//! say otherwise (T22). A form counts only from the browser that was shown it (T44, T46).

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::Instrument;

use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client, links, returns};
use crate::forms::{self, Form, Input, Kind};
use crate::ground::secrets::Digest;
use crate::ground::{Error, Language, Message, Result, Secret};

use super::browser::Browser;
use super::cookies::{self, Sent, SetCookie};
use super::tally::Tally;
use super::{around, body, language, path, proxies, render};

/// A page: where it stands, below the base path and with its parameters in braces, and what it does.
pub struct Page {
    /// The path, without slashes around it.
    pub path: &'static str,
    /// What it does.
    pub run: fn(PageCall) -> Showing,
}

/// A page that is being made.
pub type Showing = Pin<Box<dyn Future<Output = Result<Shown>> + Send>>;

/// One request for a page.
pub struct PageCall {
    /// The service.
    pub auth: Auth,
    /// Where the request comes from.
    pub who: Client,
    /// The language that the reader asks for.
    pub language: Language,
    /// `GET`, `HEAD` or `POST`.
    pub method: Method,
    /// The parts of the path that stand for parameters, in their order.
    pub parameters: Vec<String>,
    /// The form that was sent; empty for `GET`.
    pub input: Input,
    /// What the browser shows of itself.
    pub browser: Browser,
    cookies: HeaderMap,
    query: String,
}

impl PageCall {
    /// Whether a form was sent.
    pub fn is_sent(&self) -> bool {
        self.method == Method::POST
    }

    /// Shows a page with forms, each of which carries the browser's token.
    ///
    /// # Errors
    /// [`Error::Internal`] without randomness.
    pub fn form(&self, status: u16, name: &'static str, values: Value) -> Result<Shown> {
        let token = self.browser.form_token(&self.auth)?;
        let page = Shown::Template(status, name, context! { csrf => token.text, ..values });
        Ok(page.with(token.cookie.into_iter().collect()))
    }

    /// Lets the form in if it is ours.
    ///
    /// # Errors
    /// As [`Browser::admit`].
    pub fn admit(&self) -> Result<()> {
        self.browser.admit(&self.auth, &self.input)
    }

    /// What was typed into the fields that are no passwords, to be shown again.
    pub fn typed(&self, form: &Form) -> Value {
        let text = |name: &str| match self.input.get(name) {
            Some(forms::Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let open = form.fields.iter().filter(|field| !matches!(field.kind, Kind::Password));
        Value::from(open.filter_map(|field| Some((field.name.clone(), text(&field.name)?))).collect::<BTreeMap<_, _>>())
    }

    /// A member of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(member, _)| member == name).map(|(_, value)| value.into_owned())
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<Secret> {
        match cookies::sent(&self.cookies, name) {
            Sent::One(value) => Some(Secret::from(value)),
            Sent::Nothing | Sent::Unusable => None,
        }
    }

    /// Who is signed in in this browser.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn caller(&self) -> Result<Option<Box<Caller>>> {
        self.browser.caller(&self.auth).await
    }

    /// Sends a stranger to the sign-in page, and back here afterwards; to the front end's where ours is left out.
    ///
    /// # Errors
    /// [`Error::Refused`] with 403 where neither is there.
    pub fn to_sign_in(&self, path: &str) -> Result<Shown> {
        let settings = &self.auth.settings;
        let here = links::page(settings, path);
        let next = utf8_percent_encode(&here, NON_ALPHANUMERIC);
        let ours = links::page_if_there(settings, "sign-in").map(|sign_in| format!("{sign_in}?next={next}"));
        let to = ours.or_else(|| settings.frontend.login_url.clone());
        Ok(Shown::Elsewhere(303, to.ok_or(Error::Refused(403, Message::NotAuthenticated))?))
    }

    /// Where to go on after signing in: where `next` in the address of this page says, if that may be; else where the settings say;
    /// else to the account.
    pub fn onward(&self) -> String {
        returns::from_page(&self.auth.settings, self.query("next").as_deref())
    }

    /// The cookies that the browser is to drop when it signs out.
    pub fn removed_cookies(&self) -> Vec<SetCookie> {
        cookies::removed(&self.auth, &self.cookies)
    }
}

/// What a page shows.
pub enum Shown {
    /// A template with values.
    Template(u16, &'static str, Value),
    /// Another address, which comes from the settings.
    Elsewhere(u16, String),
    /// The same, with cookies that the browser is to keep or to drop.
    WithCookies(Box<Shown>, Vec<SetCookie>),
}

impl Shown {
    /// The same, with cookies.
    #[must_use]
    pub fn with(self, cookies: Vec<SetCookie>) -> Self {
        if cookies.is_empty() { self } else { Self::WithCookies(Box::new(self), cookies) }
    }
}

/// A page of a running service.
pub(crate) struct Door {
    auth: Auth,
    page: Page,
    tally: Tally,
}

impl Door {
    /// That page of that service.
    pub(crate) fn new(auth: Auth, page: Page) -> Self {
        Self { auth, tally: Tally::new(page.path), page }
    }

    /// Answers a request.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let began = Instant::now();
        let (parts, sent) = request.into_parts();
        let mut who = proxies::client(&self.auth, &parts);
        who.device = cookies::device(&self.auth, &parts.headers);
        let language = language::asked(&self.auth.languages, &parts.headers);
        let span = tracing::debug_span!("request", id = %who.request_id);
        let done = around::caught(pin!(self.perform(&who, language, &parts, sent).instrument(span))).await;
        let mut response = done.unwrap_or_else(|error| self.explain(&error, &who, language));
        if parts.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        guard(response.headers_mut(), &self.auth, self.holds_credential());
        around::name(response.headers_mut(), &who);
        let (took, status) = (began.elapsed(), response.status().as_u16());
        around::log(&self.auth, &parts.method, self.page.path, status, &who, took);
        self.tally.count(&parts.method, status, took);
        response
    }

    /// Whether the address itself lets somebody do something.
    fn holds_credential(&self) -> bool {
        self.page.path.contains('{')
    }

    async fn perform(&self, who: &Client, language: &Language, parts: &Parts, sent: Body) -> Result<Response<Body>> {
        let (auth, method) = (&self.auth, &parts.method);
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Err(Error::Refused(405, Message::MethodNotAllowed(method.to_string())));
        }
        let max = usize::try_from(auth.settings.server.body_max.bytes()).unwrap_or(usize::MAX);
        let input = body::read(&parts.headers, sent, max).await?;
        let parameters = path::parameters(self.page.path, parts.uri.path());
        let (browser, cookies) = (Browser::of(auth, &parts.headers), cookies::lines(&parts.headers));
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let (auth, who, language, method) = (auth.clone(), who.clone(), language.clone(), method.clone());
        let call = PageCall { auth, who, language: language.clone(), method, parameters, input, browser, cookies, query };
        page(&self.auth, (self.page.run)(call).await?, &language)
    }

    /// A page that says in words why there is no other. Where even that cannot be shown, the bare words.
    fn explain(&self, error: &Error, who: &Client, language: &Language) -> Response<Body> {
        let tell = |error: &Error| {
            if let Error::Internal(why) = error {
                tracing::error!(request_id = %who.request_id, path = self.page.path, why, "a page failed");
            }
        };
        tell(error);
        around::caught_at_once(|| problem(&self.auth, error, language)).unwrap_or_else(|error| {
            tell(&error);
            render::plain(500, Message::Internal.text())
        })
    }
}

fn problem(auth: &Auth, error: &Error, language: &Language) -> Result<Response<Body>> {
    let answer = super::Answer::error(error, language);
    let message = match error {
        Error::Fields(wrong) => wrong.sentences(language).into_values().flatten().collect::<Vec<_>>().join(" "),
        _ => answer.body.value()["detail"].as_str().unwrap_or_default().to_owned(),
    };
    let mut response = page(auth, Shown::Template(answer.status, "pages/problem.html", context! { message }), language)?;
    let wait = answer.headers.iter().find(|(name, _)| *name == "retry-after");
    if let Some(wait) = wait.and_then(|(_, wait)| HeaderValue::from_str(wait).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    Ok(response)
}

fn page(auth: &Auth, shown: Shown, language: &Language) -> Result<Response<Body>> {
    let (status, name, values) = match shown {
        Shown::Template(status, name, values) => (status, name, values),
        Shown::Elsewhere(status, url) => return Ok(elsewhere(status, &url)),
        Shown::WithCookies(shown, cookies) => {
            let mut response = page(auth, *shown, language)?;
            cookies.iter().for_each(|cookie| cookie.add_to(response.headers_mut()));
            return Ok(response);
        }
    };
    let html = auth.courier.pages.render(name, values, language)?;
    let policy = format!(
        "default-src 'none'; img-src data:; style-src '{}'; form-action 'self'{}; frame-ancestors 'none'; base-uri 'none'",
        style_hash(&html),
        beyond(auth)
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    if let Ok(tag) = HeaderValue::from_str(language.tag()) {
        headers.insert(header::CONTENT_LANGUAGE, tag);
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// The front end's origins, to which a form of ours may lead: browsers hold redirects to `form-action` too (CSP Level 3 §6.4.1). An
/// app's own scheme has no origin, so the scheme stands for it.
fn beyond(auth: &Auth) -> String {
    let frontend = &auth.settings.frontend;
    let urls = [&frontend.login_url, &frontend.after_login_url].into_iter().flatten().chain(&frontend.return_urls);
    #[cfg(feature = "social")]
    let urls = urls.chain(auth.social.callbacks_of_forms());
    let source = |url: &String| {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let web = matches!(scheme, "http" | "https");
        Some(if web { format!("{scheme}://{authority}") } else { format!("{scheme}:") })
    };
    let sources: BTreeSet<String> = urls.filter_map(source).collect();
    sources.iter().map(|source| format!(" {source}")).collect()
}

/// The one style sheet that may count: the page's own, named by its hash (CSP Level 3 §2.3.1).
fn style_hash(html: &str) -> String {
    let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map_or("", |(style, _)| style);
    format!("sha256-{}", STANDARD.encode(Digest::of(style.as_bytes()).as_bytes()))
}

fn elsewhere(status: u16, url: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SEE_OTHER);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

fn guard(headers: &mut HeaderMap, auth: &Auth, holds_credential: bool) {
    render::guard(headers);
    // An address that holds a credential is told to nobody. On other pages the browser must say that a form comes from here: with
    // `no-referrer` it would send `Origin: null` (Fetch §3.2).
    let policy = if holds_credential { "no-referrer" } else { "same-origin" };
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(policy));
    render::stay_encrypted(headers, auth.settings.https());
}
