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
mod reader;
mod submitted;
mod tree;

use std::time::Instant;

use axum::body::Body;
use axum::extract::OriginalUri;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use crate::accounts::{Client, User};
use crate::forms::Input;
use crate::ground::{Error, Language};
use crate::settings::Settings;

use super::accept::Format;
use super::authenticate::By;
use super::browser::{Browser, FORM_TOKEN};
use super::dispatch::Bound;
use super::{Answer, Guard, body, render};

pub(crate) use reader::Reader;
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
    pub(super) async fn page(&self, parts: Parts, sent: Body, mut who: Client, language: &Language) -> Response<Body> {
        let began = Instant::now();
        let browser = Browser::of(&self.auth, &parts.headers);
        let asked = Asked::of(self, &parts, sent, &browser).await;
        who.on_page = asked.ours;
        let done = match asked.refused {
            None => self.perform((&asked.method, &parts.uri), &parts.headers, asked.sent, &who, language).await,
            Some(refused) => Err(refused),
        };
        let answer = done.map_or_else(|error| Answer::error(&error, language), |answer| answer.in_language(language));
        let answer = answer.challenging(self.auth.settings.tokens.mode);
        let took = began.elapsed();
        self.log(&asked.method, &answer, &who, took);
        self.tally.count(&asked.method, answer.status, took);
        let body = answer.body.clone().value();
        let mut plain = render::response(self, answer, Format::Html, language, &who, &asked.method);
        let path = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |OriginalUri(uri)| uri.path());
        let browser = browser.after(&self.auth, plain.headers());
        let signed_in = self.signed_in(&parts.headers, &browser).await;
        let shown = headers(plain.headers());
        let token = self.form_token(&browser, plain.headers_mut());
        let seen = Seen { method: &asked.method, path, input: asked.typed.as_ref(), signed_in, token };
        response(self, plain, shown, &body, &seen)
    }

    /// Who is known to send requests from this browser, once it has taken this answer.
    async fn signed_in(&self, headers: &HeaderMap, browser: &Browser) -> Option<String> {
        let caller = match self.caller(headers).await {
            Ok((By::Header, caller)) => caller,
            _ => browser.caller(&self.auth).await.ok().flatten(),
        };
        caller.map(|caller| name_of(&caller.user))
    }

    fn form_token(&self, browser: &Browser, headers: &mut HeaderMap) -> Option<String> {
        let token = browser.form_token(&self.auth).ok()?;
        if let Some(cookie) = token.cookie {
            cookie.add_to(headers);
        }
        Some(token.text)
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
    /// Whether it is a form that we showed to this browser.
    ours: bool,
    refused: Option<Error>,
}

impl Asked {
    async fn of(bound: &Bound, parts: &Parts, sent: Body, browser: &Browser) -> Self {
        let plain = |method, sent, typed| Self { method, sent, typed, ours: false, refused: None };
        if parts.method != Method::POST || !body::is_form(&parts.headers) {
            return plain(parts.method.clone(), Submitted::Unread(sent), None);
        }
        let form = match body::read(&parts.headers, sent, bound.body_max()).await {
            Ok(form) if form.get(FORM_TOKEN).is_some() || submitted::says_more(&form) => form,
            read => return plain(Method::POST, Submitted::Read(read.clone()), read.ok()),
        };
        match browser.admit(&bound.auth, &form).and_then(|()| submitted::asked(&bound.endpoint, form)) {
            Ok((method, read)) => Self { ours: true, ..plain(method, Submitted::Read(read.clone()), read.ok()) },
            Err(refused) => Self { refused: Some(refused.clone()), ..plain(Method::POST, Submitted::Read(Err(refused)), None) },
        }
    }
}

/// The page around an answer.
fn response(bound: &Bound, mut answer: Response<Body>, headers: Vec<Shown>, body: &Value, seen: &Seen<'_>) -> Response<Body> {
    let status = answer.status();
    let endpoint = &bound.endpoint;
    let refused = match endpoint.guard {
        Guard::Anybody => false,
        Guard::User => seen.signed_in.is_none(),
        Guard::Staff => seen.signed_in.is_none() || status == StatusCode::FORBIDDEN,
    };
    let forms = if refused { Vec::new() } else { form::all(endpoint, status, body, seen) };
    let page = engine::render(
        "page.html",
        context! {
            title => endpoint.name,
            description => endpoint.description,
            tree => Serde(tree::of(&bound.auth.settings, &bound.directory, Some(endpoint))),
            path => seen.path,
            method => seen.method.as_str(),
            status => status.as_u16(),
            reason => status.canonical_reason(),
            headers => Serde(headers),
            body => json::coloured(body),
            gets => endpoint.operation(&Method::GET).is_some(),
            refused,
            forms => Serde(forms),
            signed_in => seen.signed_in.as_deref(),
            token => seen.token.as_deref(),
            ..surroundings(&bound.auth.settings)
        },
    );
    *answer.body_mut() = if seen.method == Method::HEAD { Body::empty() } else { Body::from(page) };
    dress(answer.headers_mut());
    answer
}

/// What every page needs of the installation.
fn surroundings(settings: &Settings) -> minijinja::Value {
    context! {
        site_name => settings.site.name.as_str(),
        login => tree::address(settings, "login"),
        logout => tree::address(settings, "logout"),
        reader => settings.docs_openapi().then(|| reader::address(settings)),
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
