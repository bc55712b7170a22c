//! Pages behind the links of mails. Their address holds the credential, so they need no session; nothing about them is cached,
//! referred to or framed, and only POST ever spends anything unless the settings say otherwise (T22).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use minijinja::Value;

use crate::accounts::{Auth, Client};
use crate::forms::Input;
use crate::ground::secrets::Digest;
use crate::ground::{Error, Language, Message, Result};

use super::browser::Browser;
use super::cookies::SetCookie;
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
                render::alone(super::Answer::error(&error, language), super::accept::Format::Json { indent: None })
            }
        };
        if head {
            *response.body_mut() = Body::empty();
        }
        guard(response.headers_mut(), &auth);
        response
    }

    async fn perform(&self, auth: &Auth, who: &Client, language: &Language, parts: &Parts, sent: Body) -> Result<Shown> {
        let method = &parts.method;
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Err(Error::Refused(405, Message::MethodNotAllowed(method.to_string())));
        }
        let max = usize::try_from(auth.settings.server.body_max.bytes()).unwrap_or(usize::MAX);
        let input = body::read(&parts.headers, sent, max).await?;
        let parameters = path::parameters(self.path, parts.uri.path());
        let (auth, who, language, method) = (auth.clone(), who.clone(), language.clone(), method.clone());
        let browser = Browser::of(&auth, &parts.headers);
        (self.run)(PageCall { auth, who, language, method, parameters, input, browser }).await
    }
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
        "default-src 'none'; style-src '{}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        style_hash(&html)
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    if let Ok(tag) = HeaderValue::from_str(language.tag()) {
        headers.insert(header::CONTENT_LANGUAGE, tag);
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
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

fn guard(headers: &mut HeaderMap, auth: &Auth) {
    render::guard(headers);
    // The address holds a credential, so it is told to nobody.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    render::stay_encrypted(headers, auth.settings.https());
}
