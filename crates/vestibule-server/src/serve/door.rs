//! The way of one request into the router and back: bounded, timed, and never taking others with it when it fails.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::COOKIE;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tower_service::Service;
use vestibule::ground::Message;
use vestibule::http::peer::Peer;

use super::answers::{complete, detail, named, request_id};
use super::body::{Answer, Timed};
use super::meters;
use super::pace::{Pace, Turn};

/// The longest path and query, in bytes: RFC 9110 §4.1 asks for 8,000 at least.
const TARGET_BYTES: usize = 8192;
/// The most header fields. hyper counts them itself in HTTP/1.1, but not in HTTP/2.
const HEADERS: usize = 100;
/// The most cookies: browsers keep at most 180 for a site, and RFC 6265 §6.1 asks for 50 at least.
const COOKIES: usize = 200;

/// What one connection's requests go through.
#[derive(Clone, Debug)]
pub(super) struct Door {
    app: Router,
    peer: IpAddr,
    pace: Arc<Pace>,
    body_timeout: Duration,
    https: bool,
}

impl Door {
    /// The door of one connection. An IPv4 address that arrives on an IPv6 socket is written as IPv4, as in the settings.
    pub(super) fn new(app: Router, from: SocketAddr, pace: Arc<Pace>, body_timeout: Duration, https: bool) -> Self {
        Self { app, peer: from.ip().to_canonical(), pace, body_timeout, https }
    }

    async fn pass(self, request: Request<Incoming>, turn: Turn) -> Response<Answer> {
        let https = self.https;
        let response = match refusal(&request) {
            Some(refused) => refused,
            None => self.ask(request).await,
        };
        complete(response, https).map(|body| Answer::new(body, turn))
    }

    async fn ask(self, request: Request<Incoming>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Peer(self.peer));
        let mut late = None;
        let body = if body.is_end_stream() {
            Body::empty()
        } else {
            let (timed, flag) = Timed::new(body, self.body_timeout);
            late = Some(flag);
            Body::new(timed)
        };
        let response = guarded(self.app, Request::from_parts(parts, body), self.https).await;
        if late.is_some_and(|late| late.load(Ordering::Relaxed)) {
            meters::refused(StatusCode::REQUEST_TIMEOUT);
            return detail(StatusCode::REQUEST_TIMEOUT, &Message::RequestTimeout);
        }
        response
    }
}

impl hyper::service::Service<Request<Incoming>> for Door {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let turn = self.pace.begin(request.version() == Version::HTTP_2);
        let passing = self.clone().pass(request, turn);
        Box::pin(async { Ok(passing.await) })
    }
}

/// Requests that are too large to be looked at (T73).
fn refusal(request: &Request<Incoming>) -> Option<Response<Body>> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES {
        meters::refused(StatusCode::URI_TOO_LONG);
        return Some(detail(StatusCode::URI_TOO_LONG, &Message::UriTooLong));
    }
    if request.headers().len() > HEADERS {
        meters::refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        return Some(detail(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &Message::TooManyHeaders));
    }
    if cookies(request) > COOKIES {
        meters::refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        return Some(detail(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &Message::TooManyCookies));
    }
    None
}

fn cookies(request: &Request<Incoming>) -> usize {
    request.headers().get_all(COOKIE).iter().map(|line| 1 + line.as_bytes().iter().filter(|byte| **byte == b';').count()).sum()
}

/// The router's answer; a panic beside the endpoints, which catch their own, is a 500 for this request alone (T79). The panic hook
/// has logged where it was.
async fn guarded(mut app: Router, request: Request<Body>, https: bool) -> Response<Body> {
    let mut asking = pin!(async move { app.call(request).await });
    let end = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| asking.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(())),
    });
    match end.await {
        Ok(Ok(response)) => response,
        Err(()) => {
            let id = request_id();
            meters::panicked("beside_endpoints");
            tracing::error!(request_id = id, "a request panicked and was answered with 500");
            named(detail(StatusCode::INTERNAL_SERVER_ERROR, &Message::Internal), &id, https)
        }
    }
}
