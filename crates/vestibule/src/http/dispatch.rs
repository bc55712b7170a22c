//! From a request to an answer, in the order in which the reference looks at things: what can be answered with, who asks, may
//! they, is there such a method, what was sent, and only then the operation.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::OriginalUri;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use tracing::Instrument;

use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client};
use crate::ground::{Error, Language, Message, Result};

use super::accept::{self, Format};
use super::answer::Answer;
use super::authenticate::{self, By};
use super::browse::Submitted;
use super::cookies::{Kind, Sent};
use super::directory::Directory;
use super::endpoint::{Call, Endpoint, Guard, Touches};
use super::tally::Tally;
use super::{around, cookies, cors, csrf, language, path as pattern, proxies, render};

/// An endpoint of a running service.
pub struct Bound {
    /// The service.
    pub auth: Auth,
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// All of the service's endpoints.
    pub directory: Arc<Directory>,
    /// The endpoint's `Allow` header.
    pub(super) allow: HeaderValue,
    /// The headers that every answer begins with.
    pub(super) standing: HeaderMap,
    pub(super) tally: Arc<Tally>,
}

impl Bound {
    /// An endpoint of that service, which is one of the directory.
    pub fn new(auth: Auth, endpoint: Arc<Endpoint>, directory: Arc<Directory>) -> Self {
        // Names of methods are always fit for a header.
        let allow = HeaderValue::try_from(endpoint.allow()).unwrap_or(HeaderValue::from_static(""));
        let tally = Arc::new(Tally::new(endpoint.path));
        Self { standing: render::standing(&auth, &allow), auth, endpoint, directory, allow, tally }
    }

    /// Answers a request.
    pub async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let began = Instant::now();
        let (parts, sent) = request.into_parts();
        self.notice_place(&parts);
        let mut who = proxies::client(&self.auth, &parts);
        if self.endpoint.touches == Touches::Gives {
            who.device = cookies::device(&self.auth, &parts.headers);
        }
        let html = self.auth.settings.docs_browsable();
        if let Some(asked_before) = cors::preflight(&self.auth, &parts.method, &parts.headers, &self.allow) {
            return asked_before;
        }
        let format = accept::negotiate(&parts.headers, html);
        let language = language::asked(&self.auth.languages, &parts.headers);
        if matches!(format, Ok(Format::Html)) {
            // Rare and large: in a box, so that it is not part of every request's future.
            return Box::pin(self.page(parts, sent, who, language)).await;
        }
        let done = match &format {
            Ok(_) => {
                let asked = (&parts.method, &parts.uri);
                self.perform(asked, &parts.headers, Submitted::Unread(sent), &who, language).await
            }
            Err(refused) => Err(refused.clone()),
        };
        let format = format.unwrap_or(Format::Json { indent: None });
        let answer = match done {
            Ok(answer) => answer.in_language(language),
            Err(error) if matches!(format, Format::Problem) => Answer::problem(&error, language),
            Err(error) => Answer::error(&error, language),
        };
        let answer = answer.challenging(self.auth.settings.tokens.mode);
        let took = began.elapsed();
        self.log(&parts.method, &answer, &who, took);
        self.tally.count(&parts.method, answer.status, took);
        let mut response = render::response(&self, answer, format, language, &who, &parts.method);
        cors::share(&self.auth, &parts.headers, response.headers_mut());
        response
    }

    /// Tells the host once when it has mounted the service elsewhere than the settings say: every link would lead nowhere.
    fn notice_place(&self, parts: &Parts) {
        if self.auth.placed.load(Ordering::Relaxed) || self.endpoint.path.contains('{') {
            return;
        }
        let path = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |OriginalUri(uri)| uri.path());
        let place = self.auth.settings.endpoints.place(self.endpoint.path).unwrap_or_default();
        let found = path.trim_end_matches('/').strip_suffix(place.as_str()).map(|base| base.trim_end_matches('/'));
        let expected = self.auth.settings.server.base_path.trim_end_matches('/');
        if !self.auth.placed.swap(true, Ordering::Relaxed) && found != Some(expected) {
            tracing::error!(
                mounted_at = found.unwrap_or(path),
                base_path = expected,
                "the service is mounted elsewhere than server.base_path says; make them the same, or links will lead nowhere"
            );
        }
    }

    /// Does what a request asks for, by its method and its path. A fault of ours is told to the log.
    pub(super) async fn perform(
        &self,
        asked: (&Method, &Uri),
        headers: &HeaderMap,
        sent: Submitted,
        who: &Client,
        language: &Language,
    ) -> Result<Answer> {
        let span = tracing::debug_span!("request", id = %who.request_id);
        let done = around::caught(pin!(self.attempt(asked, headers, sent, who, language).instrument(span))).await;
        if let Err(Error::Internal(why)) = &done {
            tracing::error!(request_id = %who.request_id, path = self.endpoint.path, why, "a request failed");
        }
        done
    }

    async fn attempt(
        &self,
        (method, uri): (&Method, &Uri),
        headers: &HeaderMap,
        sent: Submitted,
        who: &Client,
        language: &Language,
    ) -> Result<Answer> {
        let (by, caller) = self.caller(headers).await?;
        if !who.on_page {
            self.admit_site(method, headers, by, caller.as_deref())?;
        }
        self.admit(caller.as_deref())?;
        if method == Method::OPTIONS {
            return Ok(Answer::json(200, self.endpoint.describe(render::media_types(&self.auth))));
        }
        let operation =
            self.endpoint.operation(method).ok_or_else(|| Error::Refused(405, Message::MethodNotAllowed(method.to_string())))?;
        let input = sent.input(headers, self.body_max()).await?;
        let kept = caller.as_ref().map(|caller| (caller.user.epoch, input.clone()));
        let call = |caller, input| Call {
            auth: self.auth.clone(),
            who: who.clone(),
            language: language.clone(),
            caller,
            directory: self.directory.clone(),
            cookies: cookies::lines(headers),
            parameters: pattern::parameters(self.endpoint.path, uri.path()),
            uri: uri.clone(),
            input,
            endpoint: self.endpoint.clone(),
            method: method.clone(),
        };
        match ((operation.run)(call(caller, input)).await, kept) {
            // Overtaken by a change of password of the very session, which goes on: the client must not think it has ended.
            (Err(Error::Unauthenticated(ended)), Some((epoch, input))) => match Box::pin(self.caller(headers)).await?.1 {
                Some(caller) if caller.user.epoch != epoch => (operation.run)(call(Some(caller), input)).await,
                _ => Err(Error::Unauthenticated(ended)),
            },
            (done, _) => done,
        }
    }

    /// The most bytes of a body.
    pub(super) fn body_max(&self) -> usize {
        usize::try_from(self.auth.settings.server.body_max.bytes()).unwrap_or(usize::MAX)
    }

    /// Whose session the request carries, and by what it says so. A key that does not count is refused even where none is needed,
    /// as the reference does; but where one comes for a new one, an old one must not stand in the way, and a cookie that does not
    /// count never breaks what is open to anybody.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<(By, Option<Box<Caller>>)> {
        let (by, found) = authenticate::caller(&self.auth, headers).await;
        let overlooked = self.endpoint.forgiving || (by == By::Cookie && self.endpoint.guard == Guard::Anybody);
        match found {
            Err(Error::Unauthenticated(_) | Error::Refused(401, _)) if overlooked => Ok((By::Nothing, None)),
            found => Ok((by, found?)),
        }
    }

    /// Refuses what another site made a browser send.
    fn admit_site(&self, method: &Method, headers: &HeaderMap, by: By, caller: Option<&Caller>) -> Result<()> {
        match caller {
            _ if csrf::is_safe(method) || self.endpoint.operation(method).is_some_and(|asked| asked.changes_nothing) => Ok(()),
            Some(caller) if by == By::Cookie => csrf::admit(&self.auth, headers, caller),
            _ if by == By::Header || !self.auth.settings.gives_cookies() => Ok(()),
            _ => match self.endpoint.touches {
                Touches::NoCookies => Ok(()),
                Touches::Spends if cookies::sent(headers, Kind::Refresh.name(&self.auth)) != Sent::Nothing => {
                    csrf::admit_cookies(&self.auth, headers)
                }
                Touches::Gives | Touches::Spends => csrf::admit_newcomer(&self.auth, headers),
            },
        }
    }

    fn admit(&self, caller: Option<&Caller>) -> Result<()> {
        match (self.endpoint.guard, caller) {
            (Guard::Anybody, _) | (Guard::User, Some(_)) => Ok(()),
            (Guard::User | Guard::Staff, None) => Err(Error::Unauthenticated(Message::NotAuthenticated)),
            (Guard::Staff, Some(caller)) if caller.user.is_staff => Ok(()),
            (Guard::Staff, Some(_)) => Err(Error::Refused(403, Message::PermissionDenied)),
        }
    }

    pub(super) fn log(&self, method: &Method, answer: &Answer, who: &Client, took: Duration) {
        around::log(&self.auth, method, self.endpoint.path, answer.status, who, took);
    }
}

#[cfg(test)]
mod tests {
    use crate::features;
    use crate::testing::{TestApp, databases};

    use super::*;

    #[tokio::test]
    async fn what_every_request_carries_along_stays_small() {
        let app = TestApp::on(databases::fresh_sqlite().await, |_| {}).await;
        let directory = Arc::new(Directory::new(vec![features::user::endpoint(&app.auth)]));
        let bound = Arc::new(Bound::new(app.auth.clone(), directory.endpoints[0].clone(), directory.clone()));
        let size = size_of_val(&bound.answer(Request::new(Body::empty())));
        assert!(size <= 3 * 1024, "{size} bytes, which are moved for each request: put what is rare into a box");
    }
}
