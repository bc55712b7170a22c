//! Extractors for a host's own handlers.

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, User};
use crate::ground::{Error, Language, Message, Result};
use crate::settings::TokenMode;

use super::accept::{self, Format};
use super::authenticate::{self, By};
use super::{Answer, csrf, language, render};

/// Whoever sends the request; without a session that counts, the handler is not called and the answer is 401.
///
/// The application's state must hold an [`Auth`] (`FromRef`), or be one.
///
/// ```
/// use axum::{Router, routing::get};
/// use vestibule::{Auth, CurrentUser};
///
/// async fn orders(CurrentUser(user): CurrentUser) -> String {
///     format!("the orders of {}", user.id)
/// }
///
/// fn app(auth: Auth) -> Router {
///     Router::new().route("/orders", get(orders)).nest("/auth", auth.router()).with_state(auth)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser(pub User);

/// Whoever sends the request, if it carries a session that counts.
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<User>);

/// Whoever sends the request, if that is staff; nobody gets 401, others 403, and the handler is not called.
#[derive(Clone, Debug)]
pub struct RequireStaff(pub User);

/// Why a request was not let in, as an answer.
#[derive(Debug)]
pub struct Rejection {
    error: Error,
    format: Format,
    language: Language,
    mode: TokenMode,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let write = if matches!(self.format, Format::Problem) { Answer::problem } else { Answer::error };
        let mut answer = write(&self.error, &self.language);
        answer = answer.challenging(self.mode);
        answer.headers.push(("content-language", self.language.tag().to_owned()));
        render::alone(answer, self.format)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    Auth: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        match caller(parts, state).await {
            Ok(Some(caller)) => Ok(Self(caller.user)),
            Ok(None) => Err(rejection(parts, state, Error::Unauthenticated(Message::NotAuthenticated))),
            Err(error) => Err(rejection(parts, state, error)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OptionalUser
where
    Auth: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        match caller(parts, state).await {
            Ok(caller) => Ok(Self(caller.map(|caller| caller.user))),
            // A key that counts no more is nobody's.
            Err(Error::Unauthenticated(_) | Error::Refused(401, _)) => Ok(Self(None)),
            Err(error) => Err(rejection(parts, state, error)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequireStaff
where
    Auth: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, state).await?;
        if user.is_staff {
            return Ok(Self(user));
        }
        Err(rejection(parts, state, Error::Refused(403, Message::PermissionDenied)))
    }
}

/// Whoever sends the request; a cookie does not speak for what another site made a browser send.
async fn caller<S>(parts: &Parts, state: &S) -> Result<Option<Box<Caller>>>
where
    Auth: FromRef<S>,
{
    let auth = Auth::from_ref(state);
    let (by, found) = authenticate::caller(&auth, &parts.headers).await;
    let found = found?;
    if let (By::Cookie, Some(caller), false) = (by, &found, csrf::is_safe(&parts.method)) {
        csrf::admit(&auth, &parts.headers, caller)?;
    }
    Ok(found)
}

fn rejection<S>(parts: &Parts, state: &S, error: Error) -> Rejection
where
    Auth: FromRef<S>,
{
    if let Error::Internal(why) = &error {
        tracing::error!(why, "a request could not be authenticated");
    }
    let language = language::asked(&Auth::from_ref(state).languages, &parts.headers).clone();
    let format = accept::negotiate(&parts.headers, false).unwrap_or(Format::Json { indent: None });
    Rejection { error, format, language, mode: Auth::from_ref(state).settings.tokens.mode }
}
