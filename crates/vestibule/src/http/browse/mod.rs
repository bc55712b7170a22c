//! Every address as a page, for people who try the interface with a browser (`docs.browsable`): what it is, this request's answer,
//! and a form for each of its methods.
//!
//! A page is made on the server, from the same [`Endpoint`] as everything else. It loads nothing, runs no script, and everything in
//! it that comes from elsewhere is escaped (T77). The words around the answer are English: they are for developers.
//!
//! [`Endpoint`]: super::Endpoint

mod engine;
mod form;
mod json;
mod submitted;
mod tree;

use std::time::Instant;

use axum::body::Body;
use axum::extract::OriginalUri;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use crate::accounts::{Client, User};
use crate::forms::Input;
use crate::ground::{Error, Language, Message};

use super::accept::Format;
use super::dispatch::Bound;
use super::{Answer, Guard, body, render};

pub(super) use submitted::Submitted;

/// What is known of a request when its page is made.
struct Seen<'a> {
    /// What was done, whatever the browser had to send it as.
    method: &'a Method,
    /// The address that was asked for.
    path: &'a str,
    /// What was sent.
    input: Option<&'a Input>,
    /// The name of whoever is signed in in this browser.
    signed_in: Option<String>,
    /// The token that forms carry.
    token: Option<String>,
}

/// A header of the answer, as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    value: String,
}

impl Bound {
    /// Answers a browser.
    pub(super) async fn page(&self, parts: Parts, sent: Body, who: Client, language: &Language) -> Response<Body> {
        let (began, started) = (Instant::now(), self.auth.clock().now());
        let asked = Asked::of(self, &parts, sent).await;
        let done = match asked.refused {
            None => self.perform(&asked.method, &parts.headers, asked.sent, &who, language).await,
            Some(refused) => Err(refused),
        };
        let answer = done.map_or_else(|error| Answer::error(&error, language), |answer| answer.in_language(language));
        self.log(&asked.method, &answer, &who, started);
        self.tally.count(&asked.method, answer.status, began.elapsed());
        let body = answer.body.clone().value();
        let plain = render::response(self, answer, Format::Html, language, &who, &asked.method);
        let path = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |OriginalUri(uri)| uri.path());
        let signed_in = self.caller(&parts.headers).await.ok().flatten().map(|caller| name_of(&caller.user));
        let seen = Seen { method: &asked.method, path, input: asked.typed.as_ref(), signed_in, token: None };
        response(self, plain, &body, &seen)
    }
}

/// What people know an account by.
fn name_of(user: &User) -> String {
    let named = [&user.username, &user.email].into_iter().flatten().next();
    named.cloned().unwrap_or_else(|| user.id.to_string())
}

/// What a browser asks for, whatever it had to send it as.
struct Asked {
    method: Method,
    sent: Submitted,
    /// What was typed into a form, to be shown again where it was wrong.
    typed: Option<Input>,
    refused: Option<Error>,
}

impl Asked {
    async fn of(bound: &Bound, parts: &Parts, sent: Body) -> Self {
        if parts.method != Method::POST || !body::is_form(&parts.headers) {
            return Self { method: parts.method.clone(), sent: Submitted::Unread(sent), typed: None, refused: None };
        }
        let read = body::read(&parts.headers, sent, bound.body_max()).await;
        // Whose form it is cannot be told, so that none may ask for more than its fields say.
        let refused = read.as_ref().is_ok_and(submitted::says_more).then_some(Error::Refused(403, Message::PermissionDenied));
        let method = Method::POST;
        Self { method, typed: read.as_ref().ok().cloned(), sent: Submitted::Read(read), refused }
    }
}

/// The page around an answer.
fn response(bound: &Bound, mut answer: Response<Body>, body: &Value, seen: &Seen<'_>) -> Response<Body> {
    let status = answer.status();
    let endpoint = &bound.endpoint;
    let refused = endpoint.guard != Guard::Anybody && matches!(status.as_u16(), 401 | 403);
    let forms = if refused { Vec::new() } else { form::all(endpoint, status, body, seen) };
    let page = engine::render(
        "page.html",
        context! {
            title => endpoint.name,
            description => endpoint.description,
            tree => Serde(tree::of(bound)),
            path => seen.path,
            method => seen.method.as_str(),
            status => status.as_u16(),
            reason => status.canonical_reason(),
            headers => Serde(headers(answer.headers())),
            body => json::coloured(body),
            gets => endpoint.operation(&Method::GET).is_some(),
            refused,
            forms => Serde(forms),
            signed_in => seen.signed_in.as_deref(),
            token => seen.token.as_deref(),
            ..surroundings(bound)
        },
    );
    *answer.body_mut() = if seen.method == Method::HEAD { Body::empty() } else { Body::from(page) };
    dress(answer.headers_mut());
    answer
}

/// What every page needs of the installation.
fn surroundings(bound: &Bound) -> minijinja::Value {
    let settings = &bound.auth.settings;
    let base = settings.server.base_path.trim_end_matches('/');
    context! {
        site_name => settings.site.name.as_str(),
        login => format!("{base}/login/"),
        logout => format!("{base}/logout/"),
    }
}

/// The headers of a page.
fn dress(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(engine::policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The headers as a program would see them. A cookie's value stays out of sight.
fn headers(headers: &HeaderMap) -> Vec<Shown> {
    let each = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = match value.split_once('=') {
            Some((cookie, rest)) if name == header::SET_COOKIE => {
                format!("{cookie}=…{}", rest.find(';').map_or("", |end| &rest[end..]))
            }
            _ => value.into_owned(),
        };
        Shown { name: name.to_string(), value }
    });
    each.collect()
}
