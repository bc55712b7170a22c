//! Pages for people. Behind the links of mails the address holds the credential, so those need no session; on the others a cookie
//! says who is there. Nothing about them is cached, referred to or framed, and only POST ever changes anything unless the settings
//! say otherwise (T22). A form counts only from the browser that was shown it (T44, T46).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client, links};
use crate::forms::{self, Form, Input, Kind};
use crate::ground::secrets::Digest;
use crate::ground::{Error, Language, Message, Result};

use super::browser::Browser;
use super::cookies::{self, SetCookie};
use super::{body, language, path, proxies, render};

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

    /// Who is signed in in this browser.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn caller(&self) -> Result<Option<Box<Caller>>> {
        self.browser.caller(&self.auth).await
    }

    /// Sends a stranger to the sign-in page, and back here afterwards.
    pub fn to_sign_in(&self, path: &str) -> Shown {
        let (settings, here) = (&self.auth.settings, links::page(&self.auth.settings, path));
        let next = utf8_percent_encode(&here, NON_ALPHANUMERIC);
        Shown::Elsewhere(303, format!("{}?next={next}", links::page(settings, "sign-in")))
    }

    /// Where to go on after signing in: where the address of this page says, if that is a path of this site (T56); else where the
    /// settings say; else to the account.
    pub fn onward(&self) -> String {
        let asked =
            form_urlencoded::parse(self.query.as_bytes()).find(|(name, _)| name == "next").map(|(_, next)| next.into_owned());
        let frontend = &self.auth.settings.frontend;
        let own = || frontend.after_login_url.clone().unwrap_or_else(|| links::page(&self.auth.settings, "account"));
        asked.filter(|next| is_path_here(next)).unwrap_or_else(own)
    }

    /// The cookies that the browser is to drop when it signs out.
    pub fn removed_cookies(&self) -> Vec<SetCookie> {
        cookies::removed(&self.auth, &self.cookies)
    }
}

/// Whether a browser takes it for a path of this very site, and nothing on the way for anything else: no authority, no backslash
/// that counts as a slash, no step upwards, nothing encoded twice.
fn is_path_here(next: &str) -> bool {
    let plain = next.len() <= 2048 && next.bytes().all(|byte| byte.is_ascii_graphic()) && !next.contains('\\');
    let path = next.split(['?', '#']).next().unwrap_or_default();
    plain && path.starts_with('/') && !path.starts_with("//") && !path.contains("..") && !path.contains('%')
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

impl Page {
    /// Answers a request.
    pub async fn answer(self: Arc<Self>, auth: Auth, request: Request<Body>) -> Response<Body> {
        let (parts, sent) = request.into_parts();
        let who = proxies::client(&auth, &parts);
        let head = parts.method == Method::HEAD;
        let language = language::asked(&auth.languages, &parts.headers);
        let done = self.perform(&auth, &who, language, &parts, sent).await;
        let mut response = match done {
            Ok(shown) => page(&auth, shown, language),
            Err(error) => {
                if let Error::Internal(why) = &error {
                    tracing::error!(request_id = %who.request_id, path = self.path, why, "a page failed");
                }
                problem(&auth, &error, language)
            }
        };
        if head {
            *response.body_mut() = Body::empty();
        }
        guard(response.headers_mut(), &auth, self.holds_credential());
        response
    }

    /// Whether the address itself lets somebody do something.
    fn holds_credential(&self) -> bool {
        self.path.contains('{')
    }

    async fn perform(&self, auth: &Auth, who: &Client, language: &Language, parts: &Parts, sent: Body) -> Result<Shown> {
        let method = &parts.method;
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Err(Error::Refused(405, Message::MethodNotAllowed(method.to_string())));
        }
        let max = usize::try_from(auth.settings.server.body_max.bytes()).unwrap_or(usize::MAX);
        let input = body::read(&parts.headers, sent, max).await?;
        let parameters = path::parameters(self.path, parts.uri.path());
        let (browser, cookies) = (Browser::of(auth, &parts.headers), cookies::lines(&parts.headers));
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let (auth, who, language, method) = (auth.clone(), who.clone(), language.clone(), method.clone());
        (self.run)(PageCall { auth, who, language, method, parameters, input, browser, cookies, query }).await
    }
}

/// A page that says in words why there is no other.
fn problem(auth: &Auth, error: &Error, language: &Language) -> Response<Body> {
    let answer = super::Answer::error(error, language);
    let message = match error {
        Error::Fields(wrong) => wrong.sentences(language).into_values().flatten().collect::<Vec<_>>().join(" "),
        _ => answer.body.value()["detail"].as_str().unwrap_or_default().to_owned(),
    };
    let mut response = page(auth, Shown::Template(answer.status, "pages/problem.html", context! { message }), language);
    let wait = answer.headers.iter().find(|(name, _)| *name == "retry-after");
    if let Some(wait) = wait.and_then(|(_, wait)| HeaderValue::from_str(wait).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

fn page(auth: &Auth, shown: Shown, language: &Language) -> Response<Body> {
    let (status, name, values) = match shown {
        Shown::Template(status, name, values) => (status, name, values),
        Shown::Elsewhere(status, url) => return elsewhere(status, &url),
        Shown::WithCookies(shown, cookies) => {
            let mut response = page(auth, *shown, language);
            cookies.iter().for_each(|cookie| cookie.add_to(response.headers_mut()));
            return response;
        }
    };
    let html = match auth.courier.pages.render(name, values, language) {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(?error, name, "a page failed");
            return render::plain(500, Message::Internal.text());
        }
    };
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
    response
}

/// The front end's origins, to which a form of ours may lead: browsers hold redirects to `form-action` too (CSP Level 3 §6.4.1).
fn beyond(auth: &Auth) -> String {
    let frontend = &auth.settings.frontend;
    let urls = [&frontend.login_url, &frontend.after_login_url].into_iter().flatten();
    let origin = |url: &String| {
        let uri: http::Uri = url.parse().ok()?;
        Some(format!(" {}://{}", uri.scheme_str()?, uri.authority()?))
    };
    urls.filter_map(origin).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t56_only_a_path_of_this_site_is_gone_on_to() {
        for next in ["/", "/orders", "/orders?page=2&x=%2F", "/a/b/#top"] {
            assert!(is_path_here(next), "{next}");
        }
        let long = format!("/{}", "x".repeat(10 * 1024));
        for next in [
            "",
            "orders",
            "//evil.test",
            "https:evil.test",
            "https://evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/%09/evil.test",
            "/\t/evil.test",
            "/\n",
            "javascript:alert(1)",
            "data:text/html,x",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a%2fb",
            "HTTPS://evil.test",
            "/ä",
            &long,
        ] {
            assert!(!is_path_here(next), "{next:?}");
        }
    }
}
