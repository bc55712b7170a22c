//! From an answer to bytes.

use axum::body::Body;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::accounts::{Auth, Client};
use crate::ground::Language;

use super::accept::Format;
use super::answer::{self, Answer};
use super::around::{self, REQUEST_ID};
use super::dispatch::Bound;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// What the service can answer with.
pub(super) fn media_types(auth: &Auth) -> &'static [&'static str] {
    if auth.settings.docs_browsable() { &["application/json", "text/html"] } else { &["application/json"] }
}

/// What an answer may depend on. None is for a cache (`no-store`); one that keeps it all the same must not mix people up (T78).
const VARY: &str = "Accept, Accept-Language, Authorization, Cookie, Origin";

/// Two years (RFC 6797 §6.1.1). Not for sub-domains: they belong to others.
const STAY_ENCRYPTED: &str = "max-age=63072000";

/// Where people come by https, their browsers must never come without it (T78).
pub(super) fn stay_encrypted(headers: &mut HeaderMap, https: bool) {
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STAY_ENCRYPTED));
    }
}

/// An answer from beside the endpoints, with what the public address asks for.
pub(crate) fn secured(mut response: Response<Body>, auth: &Auth) -> Response<Body> {
    stay_encrypted(response.headers_mut(), auth.settings.https());
    response
}

/// The headers that the answers of an endpoint begin with, made once: to copy them costs less than half of putting them together.
/// Room for the request's id is among them, and for the length, which axum adds last.
pub(super) fn standing(auth: &Auth, allow: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(header::ALLOW, allow.clone());
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    put(&mut headers, header::CONTENT_LANGUAGE, auth.languages.fallback().tag());
    guard(&mut headers);
    stay_encrypted(&mut headers, auth.settings.https());
    headers.insert(REQUEST_ID, HeaderValue::from_static(""));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static(""));
    headers
}

pub(super) fn response(
    bound: &Bound,
    answer: Answer,
    format: Format,
    language: &Language,
    who: &Client,
    method: &Method,
) -> Response<Body> {
    let (bytes, kind) = match format {
        _ if matches!(answer.body, answer::Body::Empty) => (Vec::new(), JSON),
        Format::Json { indent: Some(width) } => (indented(&answer.body.value(), width), JSON),
        Format::Problem if answer.status >= 400 => (answer.body.bytes(), PROBLEM),
        // A page begins as the answer that it shows.
        Format::Json { indent: None } | Format::Problem | Format::Html => (answer.body.bytes(), JSON),
    };
    let mut response = Response::new(if method == Method::HEAD { Body::empty() } else { Body::from(bytes) });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.clone_from(&bound.standing);
    headers.remove(header::CONTENT_LENGTH);
    if answer.status == 204 {
        headers.remove(header::CONTENT_TYPE);
    } else if kind != JSON {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if language.tag() != bound.auth.languages.fallback().tag() {
        put(headers, header::CONTENT_LANGUAGE, language.tag());
    }
    around::name(headers, who);
    for (name, value) in &answer.headers {
        put(headers, HeaderName::from_static(name), value);
    }
    answer.cookies.iter().for_each(|cookie| cookie.add_to(headers));
    response
}

/// An answer from where no endpoint is.
pub(crate) fn plain(status: u16, detail: impl AsRef<str>) -> Response<Body> {
    let mut answer = Answer::json(status, serde_json::json!({ "detail": detail.as_ref() }));
    if status == 503 {
        answer.headers.push(("retry-after", "1".to_owned()));
    }
    alone(answer, Format::Json { indent: None })
}

/// An answer without an endpoint.
pub(super) fn alone(answer: Answer, format: Format) -> Response<Body> {
    let kind = if matches!(format, Format::Problem) { PROBLEM } else { JSON };
    let mut response = Response::new(Body::from(answer.body.bytes()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    guard(headers);
    for (name, value) in &answer.headers {
        put(headers, HeaderName::from_static(name), value);
    }
    answer.cookies.iter().for_each(|cookie| cookie.add_to(headers));
    response
}

/// The headers that no answer goes without: it holds credentials or personal data, and is nothing to frame or to guess about.
pub(super) fn guard(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn indented(value: &Value, width: usize) -> Vec<u8> {
    let spaces = vec![b' '; width];
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(&spaces);
    match value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter)) {
        Ok(()) => out,
        Err(_) => Vec::new(),
    }
}
