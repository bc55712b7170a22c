//! Which other origins' pages may read answers (Fetch Standard §3.2): those of `server.cors_origins` and no other, each named back
//! exactly, never a wildcard beside cookies (T45).

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::accounts::Auth;

use super::{csrf, render};

/// What a page of another origin may send.
const TAKES: &str = "Accept, Accept-Language, Authorization, Content-Type, X-CSRFToken";

/// What it may read beside what browsers always show.
const SHOWS: &str = "Content-Language, Retry-After, WWW-Authenticate, X-Request-Id";

/// How long a browser remembers the answer, in seconds: an origin that is taken off the list is locked out that soon.
const REMEMBERED: &str = "600";

/// The answer to a browser that asks before it sends what a page of a listed origin wants to send. Nobody's session is asked for:
/// browsers send no cookie with such a question.
pub(super) fn preflight(auth: &Auth, method: &Method, headers: &HeaderMap, allow: &HeaderValue) -> Option<Response<Body>> {
    if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let out = response.headers_mut();
    share(auth, headers, out).then_some(())?;
    out.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
    out.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(TAKES));
    out.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    out.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    render::guard(out);
    Some(response)
}

/// Lets the page read the answer, if its origin is listed. Whether it is.
pub(super) fn share(auth: &Auth, headers: &HeaderMap, out: &mut HeaderMap) -> bool {
    if auth.settings.server.cors_origins.is_empty() {
        return false;
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    if !csrf::is_listed(auth, origin.as_bytes()) {
        return false;
    }
    out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    out.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    out.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWS));
    true
}
