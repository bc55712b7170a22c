//! Pages behind the links of mails. Their address holds the credential, so they need no session; nothing about them is cached,
//! referred to or framed, and only POST ever spends anything unless the settings say otherwise (T22).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use minijinja::Value;

use crate::accounts::{Auth, Client};
use crate::forms::Input;
use crate::ground::secrets::Digest;
use crate::ground::{Error, Message, Result};

use super::{body, language, proxies, render};

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
    /// `GET`, `HEAD` or `POST`.
    pub method: Method,
    /// The parts of the path that stand for parameters, in their order.
    pub parameters: Vec<String>,
    /// The form that was sent; empty for `GET`.
    pub input: Input,
}

/// What a page shows.
pub enum Shown {
    /// A template with values.
    Template(u16, &'static str, Value),
    /// Another address, which comes from the settings.
    Elsewhere(u16, String),
}

impl Page {
    /// Answers a request.
    pub async fn answer(self: Arc<Self>, auth: Auth, request: Request<Body>) -> Response<Body> {
        let (parts, sent) = request.into_parts();
        let who = proxies::client(&auth, &parts);
        let head = parts.method == Method::HEAD;
        let language = language::asked(&auth.languages, &parts.headers);
        let done = self.perform(&auth, &who, &parts.method, parts.uri.path(), &parts.headers, sent).await;
        let mut response = match done {
            Ok(shown) => page(&auth, shown),
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

    async fn perform(
        &self,
        auth: &Auth,
        who: &Client,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        sent: Body,
    ) -> Result<Shown> {
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Err(Error::Refused(405, Message::MethodNotAllowed(method.to_string())));
        }
        let max = usize::try_from(auth.settings.server.body_max.bytes()).unwrap_or(usize::MAX);
        let input = body::read(headers, sent, max).await?;
        let parameters = parameters(self.path, path);
        let call = PageCall { auth: auth.clone(), who: who.clone(), method: method.clone(), parameters, input };
        (self.run)(call).await
    }
}

/// What stands in the path where the pattern has braces. The pattern matches, or the router had not come here.
pub(super) fn parameters(pattern: &str, path: &str) -> Vec<String> {
    let (pattern, path) = (pattern.trim_matches('/'), path.trim_matches('/'));
    let (names, segments): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let offset = segments.len().saturating_sub(names.len());
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    names.iter().zip(&segments[offset..]).filter(|(name, _)| name.starts_with('{')).map(|(_, segment)| decoded(segment)).collect()
}

fn page(auth: &Auth, shown: Shown) -> Response<Body> {
    let (status, name, values) = match shown {
        Shown::Template(status, name, values) => (status, name, values),
        Shown::Elsewhere(status, url) => return elsewhere(status, &url),
    };
    let html = match auth.courier.pages.render(name, values) {
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
