//! The way of one request into the router and back: bounded, timed, and never taking others with it when it fails.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use http::header::{COOKIE, HOST};
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tower_service::Service;
use vestibule::ground::Message;
use vestibule::http::peer::Peer;

use super::answers::{complete, detail, named, request_id};
use super::body::{Answer, Timed};
use super::meters;
use super::pace::Pace;

/// The longest path and query, in bytes: RFC 9110 §4.1 asks for 8,000 at least.
const TARGET_BYTES: usize = 8192;
/// The most header fields. hyper counts them itself in HTTP/1.1, but not in HTTP/2.
const HEADERS: usize = 100;
/// The most cookies: browsers keep at most 180 for a site, and RFC 6265 §6.1 asks for 50 at least.
const COOKIES: usize = 200;

/// What a host and its port may be written with, beside letters and digits (RFC 3986 §3.2.2).
const HOST_MARKS: &[u8] = b"-._~%!$&'()*+,;=:[]";

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

    /// What the router is asked, and the flag that is raised when the body comes too late.
    fn admit(&self, request: Request<Incoming>) -> (Request<Body>, Option<Arc<AtomicBool>>) {
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
        (Request::from_parts(parts, body), late)
    }
}

impl hyper::service::Service<Request<Incoming>> for Door {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// What can be done at once is done here: all that the future holds is moved with it, for every request.
    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (turn, https) = (self.pace.begin(request.version() == Version::HTTP_2), self.https);
        if let Some(refused) = refusal(&request) {
            return Box::pin(ready(Ok(complete(refused, https).map(|body| Answer::new(body, turn)))));
        }
        let (request, late) = self.admit(request);
        let mut app = self.app.clone();
        let asking = catch_unwind(AssertUnwindSafe(|| app.call(request)));
        Box::pin(async move {
            let response = in_time(guarded(asking, https).await, late);
            Ok(complete(response, https).map(|body| Answer::new(body, turn)))
        })
    }
}

/// The router's answer, unless the body came too late for it to mean anything.
fn in_time(response: Response<Body>, late: Option<Arc<AtomicBool>>) -> Response<Body> {
    if late.is_none_or(|late| !late.load(Ordering::Relaxed)) {
        return response;
    }
    meters::refused(StatusCode::REQUEST_TIMEOUT);
    detail(StatusCode::REQUEST_TIMEOUT, &Message::RequestTimeout)
}

/// Requests that are too large to be looked at (T73), or that say in two ways whom they are for (RFC 9112 §3.2).
fn refusal(request: &Request<Incoming>) -> Option<Response<Body>> {
    if !names_one_host(request) {
        meters::refused(StatusCode::BAD_REQUEST);
        return Some(detail(StatusCode::BAD_REQUEST, &Message::RequestUnreadable));
    }
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

/// HTTP/1.1 demands one `Host` of the characters that a host may have. Nothing of ours depends on it, but what stands before us may
/// have read another one.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || HOST_MARKS.contains(byte)),
        (None, _) => request.version() != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

fn cookies(request: &Request<Incoming>) -> usize {
    request.headers().get_all(COOKIE).iter().map(|line| 1 + line.as_bytes().iter().filter(|byte| **byte == b';').count()).sum()
}

/// The router's answer; a panic beside the endpoints, which catch their own, is a 500 for this request alone (T79). The panic hook
/// has logged where it was.
async fn guarded(asking: thread::Result<RouteFuture<Infallible>>, https: bool) -> Response<Body> {
    let end = match asking {
        Ok(asking) => {
            let mut asking = pin!(asking);
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| asking.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            })
            .await
        }
        Err(panic) => Err(panic),
    };
    match end {
        Ok(Ok(response)) => response,
        Err(_) => {
            let id = request_id();
            meters::panicked("beside_endpoints");
            tracing::error!(request_id = id, "a request panicked and was answered with 500");
            named(detail(StatusCode::INTERNAL_SERVER_ERROR, &Message::Internal), &id, https)
        }
    }
}
